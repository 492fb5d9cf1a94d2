"""Promise: the schema, .env.example, manifests, Compose files, pipeline and docs name the same variables."""

import json
import re
from pathlib import Path

import pytest

from tests.combinations import LANGUAGES, SERVICES, covering_rows, label, variables
from tests.containers import facts

CONFIGURATION = {
    "node": "src/config.ts",
    "go": "internal/config/config.go",
    "python": "config/environment.py",
}
FROM_RAILWAY = {"DATABASE_URL", "REDIS_URL"}  # references to its data stores, in .railway/railway.ts


def assigned(path: Path) -> set[str]:
    """Return the names that a file of NAME=value lines sets."""
    return set(re.findall(r"^([A-Z_]+)=", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("answers", covering_rows(), ids=label)
def test_the_same_variables_everywhere(render, answers):
    language = answers["language"]
    project = render(**answers)
    expected = {entry["name"]: entry for entry in variables(language, answers["services"])}
    names = set(expected)
    assert assigned(project / ".env.example") == names
    table = re.search(r"\| variable \|.*?\n\n", (project / "README.md").read_text(), re.DOTALL)[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == names
    schema = (project / CONFIGURATION[language]).read_text()
    assert {name for name in names if not re.search(rf"\b{name}\b", schema, re.IGNORECASE)} == set()
    secret = {name for name, entry in expected.items() if entry.get("secret")}
    if answers["platform"] == "kubernetes":
        for overlay in ("staging", "production", "preview"):
            settings = assigned(project / "deploy/base/settings.env")
            settings |= assigned(project / f"deploy/overlays/{overlay}/settings.env")
            assert settings == names - secret - {"APP_VERSION"}
    deployment = (project / "DEPLOYMENT.md").read_text()
    set_by_platform = FROM_RAILWAY if answers["platform"] == "railway" else set()
    assert {name for name in secret - set_by_platform if name not in deployment} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_the_schema_reads_the_environment(render, language):
    reads = re.compile(r"process\.env\b|os\.(Getenv|LookupEnv|Environ|getenv)\b|os\.environ(?!\[\"PROMETHEUS)")
    project = render(language=language, services=list(SERVICES))
    readers = {
        str(path.relative_to(project))
        for pattern in ("*.ts", "*.go", "*.py")
        for path in project.rglob(pattern)
        if reads.search(path.read_text()) and not re.search(r"test", str(path.relative_to(project)))
    }
    assert readers <= {CONFIGURATION[language], *STARTERS[language]}


# These files run before the schema is read: the program, and the container's health check, which reads only the port.
STARTERS = {
    "node": {"src/healthcheck.ts"},
    "go": {"cmd/server/main.go"},
    "python": {"manage.py", "config/wsgi.py", "health/__main__.py"},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_package_that_the_service_uses_is_a_reserved_name(render, language):
    project = render(language=language, services=list(SERVICES))
    manifest = {"node": "package.json", "go": "go.mod", "python": "pyproject.toml"}[language]
    text = (project / manifest).read_text()
    match language:
        case "node":
            used = {
                name for name in re.findall(r'^    "([\w@/.-]+)": "[\^~]?\d', text, re.MULTILINE) if "/" not in name
            }
        case "go":
            used = set()
        case "python":
            used = {name.lower() for name in re.findall(r'^\s+"([\w.-]+)(?:\[.*?\])?[<>=~]', text, re.MULTILINE)}
    assert used or language == "go"
    assert used <= set(facts(language)["reserved_names"])


@pytest.mark.parametrize("services", [[], ["postgres"]], ids=["greetings", "notes"])
def test_the_api_is_the_same_in_every_language(render, services):
    """Paths, methods, operations, statuses and parameters; the schemas are each library's own words."""
    described = {
        language: api(json.loads((render(language=language, services=services) / "openapi.json").read_text()))
        for language in LANGUAGES
    }
    assert len(described["go"]) == (5 if services else 2)
    assert described["go"] == described["node"] == described["python"]


def api(document: dict) -> set[tuple]:
    """Return what a client relies on, of each operation of an OpenAPI document."""
    return {
        (
            re.sub(r"\{\w+\}", "{id}", path),
            method,
            operation["operationId"],
            operation["summary"],
            tuple(operation["responses"]),
            frozenset((entry["in"], entry["name"].removeprefix("note_")) for entry in operation.get("parameters", [])),
            bool(operation.get("security")),
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
