@check
def migration_before_release(repository: Repository) -> Findings:
    migrated = r'^\s*preDeploy: "\S.*",$'
    yield repository.shows(migrated, CONFIGURATION, seen="a command before each deployment", expected="preDeploy")
