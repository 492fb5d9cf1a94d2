@check
def migration_before_release(repository: Repository) -> Findings:
    migrated = r"^\s*attempt .* vercel env run .* -- "
    tested, shifted = r'^attempt .* smoke "\$address"$', r"^\s*shift_traffic "
    yield follows(repository, migrated, tested, DEPLOY, seen="migration, then smoke test")
    yield follows(repository, migrated, shifted, DEPLOY, seen="migration, then traffic")
