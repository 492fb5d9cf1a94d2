# --- Go ---

MOST_MEGABYTES = 50
SCHEMA = "internal/config/config.go"
EXIT_CODE = ("cmd/server/main.go", r"^\s*wrongConfiguration += 78$")
COVERAGE = ("Makefile", r"go tool cover .*exit \$\$3 \+ 0 < \d+")
SOURCES = ("internal/*.go", "cmd/*.go")
ECOSYSTEMS = ("github-actions", "docker", "gomod")


def schema(repository: Repository) -> dict[str, Variable]:
    """Return the variables that the tags of the configuration's fields name."""
    variables = {}
    for line, text in enumerate(repository.text(SCHEMA).splitlines(), start=1):
        if tag := re.search(r'`env:"(\w+)', text):
            variables[tag[1]] = Variable(line, "envDefault:" in text)
    return variables


@check
def lock_matches_manifest(repository: Repository) -> Findings:
    locked = set(re.findall(r"^(\S+ v\S+?)(?:/go\.mod)? h1:", repository.text("go.sum"), re.MULTILINE))
    for line, text in enumerate(repository.text("go.mod").splitlines(), start=1):
        if required := re.match(r"(?:require)?\s+([^\s/]+\.\S+ v\S+)", text):
            yield verdict(required[1] in locked, required[1], "its checksum in go.sum (make lock)", ("go.mod", line))


@check
def installs_from_lock(repository: Repository) -> Findings:
    for file in ("Dockerfile", "Makefile"):
        yield repository.shows(
            r"go build .*-mod=readonly",
            file,
            seen="go build -mod=readonly",
            expected="it, so that no build changes go.mod",
        )
