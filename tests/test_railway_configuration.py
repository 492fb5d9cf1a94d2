"""Promise: .railway/railway.ts passes Railway's own package and configures each environment for the service."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.combinations import LANGUAGES, all_services, covering_rows, label, platforms, variables
from tests.containers import facts
from tests.railway.configuration import DIGEST, evaluate

ENVIRONMENTS = {"production": ("production", 2), "staging": ("staging", 1), "preview": ("staging", 1)}


@pytest.fixture(scope="session")
def packages(render, tmp_path_factory) -> Path:
    """Return a node_modules folder with what the emitted lock file names."""
    folder = tmp_path_factory.mktemp("railway")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(render(platform="railway") / ".railway" / name, folder / name)
    command = ["npm", "ci", "--ignore-scripts", "--loglevel=error", "--prefer-offline"]
    subprocess.run(command, cwd=folder, check=True, timeout=300, capture_output=True)
    return folder / "node_modules"


@pytest.fixture
def configuration(emit, packages):
    """Return a function that emits a project for Railway and gives its configuration the packages that it needs."""

    def configuration(language: str, services: list[str]) -> Path:
        project = emit(platform="railway", language=language, services=services, project_name="orders")
        (project / ".railway/node_modules").symlink_to(packages)
        return project

    return configuration


def tsc(folder: Path, packages: Path) -> subprocess.CompletedProcess[str]:
    command = [packages / ".bin/tsc", "--project", folder]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def service(graph: dict) -> dict:
    return next(resource for resource in graph["resources"] if resource["type"] == "service")


@pytest.mark.needs("node")
def test_types_fit_railways_own_package(render, packages, tmp_path):
    """All combinations at once: the compiler takes longer to start than to check."""
    (tmp_path / "node_modules").symlink_to(packages)
    for answers in covering_rows("railway"):
        source = render(**answers) / ".railway"
        folder = tmp_path / label(answers)
        folder.mkdir()
        shutil.copy(source / "railway.ts", folder)
    settings = json.loads((source / "tsconfig.json").read_text())
    (tmp_path / "tsconfig.json").write_text(json.dumps({**settings, "include": ["*/railway.ts"]}))
    assert len(list(tmp_path.glob("*/railway.ts"))) == len(covering_rows("railway"))
    done = tsc(tmp_path, packages)
    assert done.returncode == 0, done.stdout
    broken = folder / "railway.ts"
    broken.write_text(broken.read_text().replace("overlapSeconds", "overlapSecond"))
    assert "overlapSecond" in tsc(tmp_path, packages).stdout


@pytest.mark.needs("node")
@pytest.mark.parametrize("services", all_services(), ids="+".join)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_environment_is_described(configuration, language, services):
    project = configuration(language, services)
    for environment, (mode, replicas) in ENVIRONMENTS.items():
        graph = evaluate(project, environment)
        assert graph["name"] == "orders"
        assert {(resource["type"], resource["name"]) for resource in graph["resources"]} == {
            ("service", "orders"),
            *(("database", store) for store in ("postgres", "redis") if store in services),
        }
        orders = service(graph)
        assert orders["source"] == {"type": "image", "image": f"ghcr.io/example/orders@{DIGEST}"}
        assert orders["deploy"]["numReplicas"] == replicas
        assert orders["deploy"].get("preDeployCommand") == (
            [" ".join(facts(language)["migrate"])] if "postgres" in services else None
        )
        assert (orders["deploy"]["healthcheckPath"], orders["deploy"]["healthcheckTimeout"]) == ("/health/ready", 150)
        assert orders["deploy"]["restartPolicyType"] == "ON_FAILURE"
        settings = orders["variables"]
        timeout = int(settings["SHUTDOWN_TIMEOUT_SECONDS"]["value"])
        assert int(settings["SHUTDOWN_DELAY_SECONDS"]["value"]) < timeout < orders["deploy"]["drainingSeconds"]
        assert orders["deploy"]["overlapSeconds"] >= 10
        assert settings[facts(language)["mode_variable"]] == {"type": "literal", "value": mode}
        assert settings.get("PULL_REQUEST") == ({"type": "preserve"} if environment == "preview" else None)


@pytest.mark.needs("node")
@pytest.mark.parametrize("language", LANGUAGES)
def test_variables_are_those_of_the_service_and_no_secret_is_in_git(configuration, language):
    services = ["postgres", "redis", "external-api"]
    project = configuration(language, services)
    orders = service(evaluate(project, "production"))
    entries = {entry["name"]: entry for entry in variables(language, services)}
    assert set(orders["variables"]) == set(entries) - {"APP_VERSION"}
    kinds = {name: value["type"] for name, value in orders["variables"].items()}
    assert orders["variables"]["DATABASE_URL"] == {
        "type": "reference",
        "resource": "database.postgres",
        "output": "DATABASE_URL",
    }
    assert orders["variables"]["REDIS_URL"]["resource"] == "database.redis"
    for name, entry in entries.items():
        if entry.get("secret"):
            assert kinds[name] == ("reference" if name in ("DATABASE_URL", "REDIS_URL") else "preserve")
    assert orders["variables"]["PORT"]["value"] == str(facts(language)["port"])
    documented = (project / "DEPLOYMENT.md").read_text()
    assert set(re.findall(r"`([A-Z_]+)`", documented.split("for each of")[1].split("(`openssl")[0])) == {
        name for name in entries if kinds.get(name) == "preserve"
    }
    if language == "python":
        hosts = orders["variables"]["ALLOWED_HOSTS"]["value"].split(",")
        assert "healthcheck.railway.app" in hosts
        assert "${{RAILWAY_PUBLIC_DOMAIN}}" in hosts


@pytest.mark.needs("node")
@pytest.mark.parametrize(
    ("environment", "image", "message"),
    [
        ("prodution", f"a@{DIGEST}", 'ENVIRONMENT is "prodution"'),
        (None, f"a@{DIGEST}", 'ENVIRONMENT is ""'),
        ("staging", None, 'IMAGE is ""'),
        ("staging", "a:latest", 'IMAGE is "a:latest"'),
    ],
)
def test_it_refuses_to_guess(configuration, environment, image, message):
    with pytest.raises(AssertionError, match=re.escape(message)):
        evaluate(configuration("go", []), environment, image)


@pytest.mark.needs("node")
def test_its_style_is_that_of_the_service_in_node(emit):
    """Node's own linter looks at it too."""
    project = emit(platform="railway", language="node", services=["postgres", "redis", "external-api"])
    command = "git init --quiet && npm ci --ignore-scripts --loglevel=error && npx biome ci --error-on-warnings"
    done = subprocess.run(command, shell=True, cwd=project, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_is_pinned_and_locked(render):
    folder = render(platform="railway") / ".railway"
    manifest = json.loads((folder / "package.json").read_text())
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["dependencies"]["railway"])
    assert locked["node_modules/railway"]["version"] == manifest["dependencies"]["railway"]
    assert locked[""]["dependencies"] == manifest["dependencies"]
    assert locked[""]["devDependencies"] == manifest["devDependencies"]
    assert all("integrity" in entry for path, entry in locked.items() if path)
    assert not any("resolved" in entry for entry in locked.values())


def test_what_railway_cannot_do_is_refused_with_the_nearest_alternative():
    strategies = platforms()["railway"]["strategies"]
    assert strategies["rolling"]["refused"] == ""
    assert "no second slot" in strategies["blue-green"]["refused"]
    assert "no weighted routing" in strategies["canary"]["refused"]
    for strategy in ("blue-green", "canary"):
        assert "Choose rolling" in strategies[strategy]["refused"]


def test_no_file_of_another_platform_is_emitted(render):
    for language in LANGUAGES:
        project = render(platform="railway", language=language, services=["postgres"])
        assert not (project / "deploy").exists()
        text = "".join(
            path.read_text() for path in project.rglob("*") if path.is_file() and path.name != "package-lock.json"
        )
        assert not re.search(r"kubectl|kustomize|\bpods?\b|ConfigMap|namespace\.yaml", text), language
        kubernetes = render(language=language, services=["postgres"])
        assert not (kubernetes / ".railway").exists()
        assert ".railway" not in (kubernetes / ".dockerignore").read_text()


def test_images_hold_nothing_of_the_configuration(render):
    assert ".railway" in (render(platform="railway", language="python") / ".dockerignore").read_text().splitlines()
