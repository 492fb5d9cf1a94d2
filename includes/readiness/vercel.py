# --- Vercel ---

DEPLOY = "scripts/deploy"
LIBRARY = "scripts/lib/vercel.sh"

# What of scripts/deploy brings back what ran before.
UNDO = "return_traffic"


def lacks(repository: Repository, pattern: str, *names: str, seen: str, expected: str) -> Finding:
    """Return whether a pattern matches in none of these files, with the place where it does."""
    is_there = repository.search(pattern, *names) != NOWHERE
    return verdict(not is_there, seen, expected, repository.place(pattern, *names))


def follows(repository: Repository, first: str, then: str, file: str, *, seen: str) -> Finding:
    """Return whether a line that the first pattern matches stands before the first one that the second matches."""
    before, after = repository.search(first, file), repository.search(then, file)
    is_so = NOWHERE not in {before, after} and before[1] < after[1]
    return verdict(is_so, seen, "both, in this order", repository.place(then, file))


@check
def variables_in_documents(repository: Repository) -> Findings:
    file = "DEPLOYMENT.md"
    for name, variable in schema(repository).items():
        if not variable.has_default:
            yield repository.shows(rf"`{name}`", file, seen=name, expected="its name among those to set")


# --- What is built ---


@check
def commit_itself_built(repository: Repository) -> Findings:
    taken = r'^git archive .*"\$revision"$'
    yield repository.shows(taken, DEPLOY, seen="the commit's own files", expected='git archive "$revision"')
    entered, built = r'^cd "\$work/source"$', r"^attempt .* vercel build "
    yield follows(repository, entered, built, DEPLOY, seen="they are what is built")


@check
def built_once(repository: Repository) -> Findings:
    builds = re.findall(r"^attempt .* vercel build ", repository.text(DEPLOY), re.MULTILINE)
    yield verdict(len(builds) == 1, f"{len(builds)} builds", "one", repository.place("vercel build ", DEPLOY))
    deployed = r"vercel deploy --prebuilt "
    yield repository.shows(deployed, DEPLOY, seen="what was built is deployed", expected="vercel deploy --prebuilt")


@check
def tested_before_traffic(repository: Repository) -> Findings:
    seen = "production is deployed without a domain"
    yield repository.shows(r"vercel deploy .*--skip-domain", DEPLOY, seen=seen, expected="--skip-domain")
    tested, shifted = r'^attempt .* smoke "\$address"$', r'^\s*shift_traffic "\$deployment" "\$address"'
    yield follows(repository, tested, shifted, DEPLOY, seen="smoke test, then traffic")


@check
def pushes_deploy_nothing(repository: Repository) -> Findings:
    file = "vercel.json"
    enabled = at(json.loads(repository.text(file)), "git", "deploymentEnabled", default="missing")
    place = repository.place('"deploymentEnabled"', file)
    yield verdict(enabled is False, f"deploymentEnabled {shown(enabled)}", "false", place)


@check
def command_line_pinned(repository: Repository) -> Findings:
    pinned = re.search(r"^version=(\d+\.\d+\.\d+)\b", repository.text(LIBRARY), re.MULTILINE)
    version = pinned[1] if pinned else "no version"
    yield verdict(pinned, version, "version=, with three numbers", repository.place("^version=", LIBRARY))
    for file in repository.matching("*.md", "scripts/*"):
        for number, line in enumerate(repository.text(file).splitlines(), start=1):
            for called in re.findall(r"\bvercel@([\w.$-]+)", line):
                is_same = called in {version, "$version"}
                yield verdict(is_same, f"vercel@{called}", version, (file, number))


@check
def version_deployed(repository: Repository) -> Findings:
    expected = '--env "APP_VERSION=$revision"'
    yield repository.shows(r'--env "APP_VERSION=\$revision"', DEPLOY, seen="the commit", expected=expected)


# --- Secrets ---


@check
def builds_without_secrets(repository: Repository) -> Findings:
    replaced = r'^cat \.env\.example >>"\.vercel/\.env\.\$target\.local"$'
    pulled, built = r"^attempt .* vercel pull ", r"^attempt .* vercel build "
    yield follows(repository, pulled, replaced, DEPLOY, seen="vercel pull, then the examples")
    yield follows(repository, replaced, built, DEPLOY, seen="the examples, then vercel build")


@check
def pulled_values_ignored(repository: Repository) -> Findings:
    seen = ".gitignore leaves .vercel/ out"
    yield repository.shows(r"^/?\.vercel/?$", ".gitignore", seen=seen, expected="a line .vercel/")


@check
def token_not_shown(repository: Repository) -> Findings:
    scripts = [name for name in repository.matching("scripts/*") if name != "scripts/readiness"]
    shown = r"--token\b|\b(curl|vercel)\b.*\$\{?VERCEL_TOKEN\b"
    yield lacks(repository, shown, *scripts, seen="no token as an argument", expected="none")
    handed = r'"\$VERCEL_TOKEN" \| curl .*--header @-'
    yield repository.shows(handed, LIBRARY, seen="the token goes to standard input", expected="curl --header @-")


@check
def project_of_environment(repository: Repository) -> Findings:
    named = r"\bproduction\) expected=\$name ;; \*\) expected=\$name-staging\b"
    expected = "the project's name for production, and another one for all else"
    yield repository.shows(named, LIBRARY, seen="each environment has its project", expected=expected)
    compared = r'^\s*\[ "\$\(of \.name\)" = "\$expected" \] \|\|$'
    yield repository.shows(compared, LIBRARY, seen="another one is refused", expected="the names to be compared")
    for script in (DEPLOY, "scripts/rollback"):
        yield repository.shows(r"^require_project\b", script, seen=f"{script} looks", expected="require_project")


@check
def previews_apart(repository: Repository) -> Findings:
    preview = r"^\s*preview\) production='' target=preview ;;$"
    yield repository.shows(preview, DEPLOY, seen="a preview's target", expected="production='' target=preview")
    pulled = r'vercel pull .*"--environment=\$target"'
    yield repository.shows(pulled, DEPLOY, seen="a preview's settings", expected="those of its target")
