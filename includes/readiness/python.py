import ast
import tomllib

# --- Python ---

MOST_MEGABYTES = 350
SCHEMA = "config/environment.py"
EXIT_CODE = (SCHEMA, r"^\s+sys\.exit\(os\.EX_CONFIG\)$")
COVERAGE = ("pyproject.toml", r"^fail_under = \d+$")
SOURCES = ("web/*.py", "config/*.py")
ECOSYSTEMS = ("github-actions", "docker", "uv")


def schema(repository: Repository) -> dict[str, Variable]:
    """Return the variables that the fields of the settings class are named after."""
    variables = {}
    for node in ast.walk(ast.parse(repository.text(SCHEMA))):
        if isinstance(node, ast.ClassDef) and "BaseSettings" in {getattr(base, "id", "") for base in node.bases}:
            for field in node.body:
                if isinstance(field, ast.AnnAssign):
                    variables[field.target.id.upper()] = Variable(field.lineno, has_default(field.value))
    return variables


def has_default(value: ast.expr | None) -> bool:
    """Tell whether what a field is set to, such as `Field(80)`, gives it a default."""
    if isinstance(value, ast.Call):
        given = [keyword.value for keyword in value.keywords if keyword.arg in {"default", "default_factory"}]
        return any(ast.unparse(default) != "..." for default in value.args + given)
    return value is not None


@check
def lock_matches_manifest(repository: Repository) -> Findings:
    project = tomllib.loads(repository.text("pyproject.toml"))
    packages = {package["name"]: package for package in tomllib.loads(repository.text("uv.lock"))["package"]}
    locked = packages.get(project["project"]["name"], {})
    groups = {"project": project["project"]["dependencies"], **project.get("dependency-groups", {})}
    for group, wanted in groups.items():
        kept = at(locked, "metadata", "requires-dist", default=[])
        if group != "project":
            kept = at(locked, "metadata", "requires-dev", group, default=[])
        known = {entry["name"]: set(entry.get("specifier", "").split(",")) for entry in kept}
        for requirement in wanted:
            name, specifier = re.fullmatch(r"([\w.-]+)(?:\[.*\])?\s*(.*)", requirement).groups()
            is_locked = known.get(name) == set(specifier.split(","))
            place = repository.search(rf'^\s+"{re.escape(requirement)}"', "pyproject.toml")
            yield verdict(is_locked, requirement, "the same in uv.lock (make lock)", place)


@check
def installs_from_lock(repository: Repository) -> Findings:
    for file in ("Dockerfile", "Makefile"):
        yield repository.shows(
            r"\buv sync --locked\b",
            file,
            seen="uv sync --locked",
            expected="it, so that exactly what is locked is installed",
        )
