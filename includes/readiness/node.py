# --- Node ---

MOST_MEGABYTES = 300
SCHEMA = "src/config.ts"
EXIT_CODE = (SCHEMA, r"^const EXIT_CONFIG = 78;$")
COVERAGE = ("vitest.config.ts", r"^\s+thresholds: \{$")
SOURCES = ("src/*.ts",)
ECOSYSTEMS = ("github-actions", "docker", "npm")
DEFAULT = re.compile(r"\.(prefault|default|optional|catch)\(")


def schema(repository: Repository) -> dict[str, Variable]:
    """Return the variables of the first object of the schema."""
    text = repository.text(SCHEMA)
    declared = re.search(r"^const variables = z\.object\(\{\n(.*?)^\}\);", text, re.MULTILINE | re.DOTALL)
    if not declared:
        return {}
    first = text.count("\n", 0, declared.start(1)) + 1
    return {
        entry[1]: Variable(first + declared[1].count("\n", 0, entry.start()), bool(DEFAULT.search(entry[2])))
        for entry in re.finditer(r"^  ([A-Z][A-Z0-9_]*): (.*?)(?=^  [A-Z]|\Z)", declared[1], re.MULTILINE | re.DOTALL)
    }


@check
def lock_matches_manifest(repository: Repository) -> Findings:
    manifest = json.loads(repository.text("package.json"))
    locked = at(json.loads(repository.text("package-lock.json")), "packages", "", default={})
    for kind in ("dependencies", "devDependencies"):
        for name, wanted in manifest.get(kind, {}).items():
            place = repository.search(rf'^\s+"{re.escape(name)}":', "package.json")
            yield verdict(
                at(locked, kind, name) == wanted, f"{name} {wanted}", "the same in package-lock.json (make lock)", place
            )
        for name in at(locked, kind, default={}).keys() - manifest.get(kind, {}).keys():
            yield verdict(False, f"{name} is locked", "it in package.json (make lock)", ("package-lock.json", 0))


@check
def installs_from_lock(repository: Repository) -> Findings:
    for file in ("Dockerfile", "Makefile"):
        yield repository.shows(
            r"\bnpm ci\b", file, seen="npm ci", expected="it, so that exactly what is locked is installed"
        )
