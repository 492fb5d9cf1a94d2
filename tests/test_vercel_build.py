"""Promise: the real Vercel CLI builds every language offline, and what it has built answers as Vercel starts it."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import containers, machine
from tests.combinations import LANGUAGES, platforms
from tests.test_demo import free_port, listens
from tests.test_project_checks import TOOLCHAINS, make
from tests.vercel import command_line

ALL = ["postgres", "redis", "external-api"]

# The keys that Vercel knows, as its documentation lists them (vercel.com/docs/project-configuration/vercel-json). The
# CLI itself takes any other for nothing, without a word.
KNOWN_KEYS = {
    "$schema",
    "buildCommand",
    "bulkRedirectsPath",
    "bunVersion",
    "cleanUrls",
    "crons",
    "devCommand",
    "fluid",
    "framework",
    "functions",
    "git",
    "headers",
    "ignoreCommand",
    "images",
    "installCommand",
    "outputDirectory",
    "public",
    "redirects",
    "regions",
    "rewrites",
    "trailingSlash",
}


def unknown_keys(configuration: dict) -> set[str]:
    """Return the keys of a vercel.json that Vercel would ignore."""
    return {*(configuration.keys() - KNOWN_KEYS), *(configuration.get("git", {}).keys() - {"deploymentEnabled"})}


def build(project: Path, *, stub_secrets: bool = True) -> subprocess.CompletedProcess[str]:
    """Build a project as scripts/deploy does, but for what `vercel pull` would have brought."""
    framework = json.loads((project / "vercel.json").read_text())["framework"]
    link = {"projectId": "prj_1", "orgId": "team_1", "projectName": "orders", "settings": {"framework": framework}}
    (project / ".vercel").mkdir(exist_ok=True)
    (project / ".vercel/project.json").write_text(json.dumps(link))
    if stub_secrets:
        shutil.copyfile(project / ".env.example", project / ".vercel/.env.production.local")
    return subprocess.run(
        [command_line.vercel(), "build", "--yes", "--prod"],
        cwd=project,
        env=command_line.environment(VERCEL_TOKEN="none", XDG_DATA_HOME=str(project.parent / "data")),
        capture_output=True,
        text=True,
        timeout=900,
    )


def set_go_version(project: Path) -> None:
    """Name the Go version of this machine: of any other the builder downloads a copy."""
    installed = re.search(r"go(\d\S*)", machine.run("go", "version"))[1]
    subprocess.run(["go", "mod", "edit", f"-go={installed}"], cwd=project, check=True, timeout=60)


@pytest.fixture(scope="module")
def built(render, tmp_path_factory):
    """Return a function that emits and builds a project of a language, once per module."""
    done: dict[str, Path] = {}

    def built(language: str) -> Path:
        if language not in done:
            folder = tmp_path_factory.mktemp(language)
            source = render(language=language, platform="vercel", services=ALL, project_name="orders")
            project = Path(shutil.copytree(source, folder / "orders"))
            if language == "go":
                set_go_version(project)
            result = build(project)
            assert result.returncode == 0, result.stdout + result.stderr
            done[language] = project
        return done[language]

    return built


def per_language(function):
    cases = [pytest.param(name, marks=pytest.mark.needs("node", TOOLCHAINS[name])) for name in LANGUAGES]
    return pytest.mark.parametrize("language", cases)(function)


def functions(project: Path) -> dict[str, dict]:
    """Return the configuration of each function of a build, by its folder."""
    output = project / ".vercel/output/functions"
    return {
        str(path.parent.relative_to(output)): json.loads(path.read_text()) for path in output.rglob(".vc-config.json")
    }


@per_language
def test_one_function_answers_everything(built, language):
    project = built(language)
    name, handler, runtime = {
        "node": ("index.func", "dist/index.js", r"nodejs\d+\.x"),
        "go": ("go.func", "executable", "executable"),
        "python": ("django.func", "vc__handler__python.vc_handler", r"python3\.\d+"),
    }[language]
    ((folder, configuration),) = functions(project).items()
    assert folder == name
    assert configuration["handler"] == handler
    assert re.fullmatch(runtime, configuration["runtime"])
    routes = json.loads((project / ".vercel/output/config.json").read_text())["routes"]
    assert (routes[-1]["src"], routes[-1]["dest"]) == (
        "/(.*)",
        {"node": "/", "go": "/go", "python": "/django"}[language],
    )


@pytest.mark.needs("node", "uv")
def test_python_starts_the_service_alone(built):
    handler = built("python") / ".vercel/output/functions/django.func/vc__handler__python.py"
    assert "config.wsgi" in handler.read_text()
    carried = functions(built("python"))["django.func"]["filePathMap"]
    assert {"config/wsgi.py", "_vendor/django/__init__.py"} <= carried.keys()
    assert not [name for name in carried if name.startswith(("_vendor/mypy/", "_vendor/pytest/")) or name == ".env"]


@pytest.mark.needs("node")
def test_node_carries_the_built_service_and_no_tests(built):
    function = built("node") / ".vercel/output/functions/index.func"
    carried = {str(path.relative_to(function)) for path in function.rglob("*") if path.is_file()}
    assert {"dist/index.js", "dist/app.js", "package.json"} <= carried
    assert "dist/main.js" not in carried
    assert not [name for name in carried if name.startswith(("test/", "src/")) or name.endswith(".env")]


@pytest.mark.needs("node", "go")
def test_go_carries_the_server(built):
    function = built("go") / ".vercel/output/functions/go.func"
    assert {path.name for path in function.iterdir()} == {".vc-config.json", "executable", "user-server"}
    assert (function / "user-server").read_bytes()[:4] == b"\x7fELF"


@per_language
def test_no_secret_is_in_the_build(built, language):
    project = built(language)
    values = [
        line.split("=", 1)[1].encode()
        for line in (project / ".env.example").read_text().splitlines()
        if "=example-" in line
    ]
    assert len(values) >= 2
    for path in (project / ".vercel/output").rglob("*"):
        if path.is_file() and path.name not in (".env.example",):
            content = path.read_bytes()
            assert not [value for value in values if value in content], path


# What is built is started: Go as Vercel does it, Node and Python by a server that calls them as Vercel's own does

GRACE_SECONDS = 0.5
METRICS_PORT = 9090
NODE = """
import { createServer } from "node:http";
const { default: handler } = await import(process.argv[1]);
createServer(handler).listen(Number(process.env.PORT), "127.0.0.1");
"""
PYTHON = """
import os
from wsgiref.simple_server import make_server
from config.wsgi import application
make_server("127.0.0.1", int(os.environ["PORT"]), application).serve_forever()
"""


@contextlib.contextmanager
def started(project: Path, language: str, port: int, **changes: str | None) -> Iterator[subprocess.Popen[str]]:
    """Start what was built; its data stores are out of reach."""
    output = project / ".vercel/output/functions"
    command, folder = {
        "node": (["node", "--input-type=module", "--eval", NODE, "./dist/index.js"], output / "index.func"),
        "go": (["./user-server"], output / "go.func"),
        "python": ([str(project / ".vercel/python/.venv/bin/python"), "-c", PYTHON], project),
    }[language]
    variables = containers.environment(
        language,
        ALL,
        DATABASE_URL="postgres://app:password@127.0.0.1:2/app",
        REDIS_URL="redis://127.0.0.1:2/0",
        EXTERNAL_API_URL="http://127.0.0.1:2",
        APP_VERSION="4f2a91c",
        METRICS_PORT=str(METRICS_PORT),
        PORT=str(port),
        VERCEL="1",
    )
    env = {**command_line.environment(), **variables} | changes
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={name: value for name, value in env.items() if value is not None},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def ask(port: int, path: str, **headers: str) -> tuple[int, dict]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@per_language
def test_what_is_built_answers_on_its_port_alone_and_ends_in_time(built, language):
    project, port = built(language), free_port()
    metrics_port_was_free = not listens(METRICS_PORT)
    with started(project, language, port) as process:
        containers.until(lambda: listens(port), 60, lambda: "the service does not listen")
        assert ask(port, "/health") == (200, {"status": "ok"})
        assert ask(port, "/health/ready")[0] == 503  # nothing that it depends on is there
        assert ask(port, "/health/detailed")[0] == 401
        status, report = ask(port, "/health/detailed", Authorization="Bearer " + "h" * 20)
        assert (status, report["version"]) == (503, "4f2a91c")
        assert set(report["checks"]) == {"database", "redis", "externalApi"}
        assert ask(port, "/") == (200, {"service": "orders", "version": "4f2a91c"})
        assert ask(port, "/metrics")[0] == 404
        if metrics_port_was_free:
            assert not listens(METRICS_PORT)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        if language == "go":
            assert process.wait(10) == 0, process.stdout.read()
            # Half a second, and what a busy machine takes beside.
            assert time.monotonic() - began < GRACE_SECONDS + 1
        else:
            # Its server is Vercel's own, which ends it.
            time.sleep(GRACE_SECONDS)
            process.kill()
        output = process.stdout.read()
    assert "Traceback" not in output
    errors = [line for line in output.splitlines() if '"level":"error"' in line]
    assert [line for line in errors if '"msg":"dependency failed"' not in line] == []


@per_language
def test_a_wrong_environment_ends_it_with_every_name(built, language):
    with started(built(language), language, free_port(), JWT_SECRET="short", HEALTH_TOKEN=None) as process:
        assert process.wait(60) == 78
        output = process.stdout.read()
    assert "JWT_SECRET is too short" in output
    assert "HEALTH_TOKEN is missing" in output


# What Vercel adds to a service's code, checked as the repository checks its own


@pytest.mark.needs("node")
def test_what_is_added_to_node_passes_its_checks(built, emit):
    project = emit(language="node", platform="vercel", services=ALL)
    (project / "node_modules").symlink_to(built("node") / "node_modules")
    make(project, "lint")
    make(project, "typecheck")
    succeed(project, ["npx", "vitest", "run", "test/index.test.ts"], "2 passed")


@pytest.mark.needs("go")
def test_what_is_added_to_go_passes_its_checks(built, emit):
    """Without services, which is what the build above does not show, and cheaper."""
    project = emit(language="go", platform="vercel", services=[])
    make(project, "lint")
    command = ["go", "test", "-count=1", "-v", "-run", "OnVercel", "./internal/server"]
    succeed(project, command, "--- PASS: TestOnVercelSlowRequestsAreInterrupted")
    assert succeed(built("go"), ["gofmt", "-l", "."], "") == ""


def test_nothing_is_added_to_python(render):
    here, there = (
        {str(path.relative_to(project)): path.read_text() for path in project.rglob("*.py")}
        for project in (render(language="python", platform=name, services=ALL) for name in ("kubernetes", "vercel"))
    )
    assert here == there


def succeed(project: Path, command: list[str], expected: str) -> str:
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert expected in done.stdout
    return done.stdout


# Static files, and what vercel.json may say


@pytest.mark.needs("node", "uv")
def test_static_files_that_the_owner_adds_to_django_are_collected(emit):
    project = emit(language="python", platform="vercel", project_name="orders")
    settings = project / "config/project.py"
    text = settings.read_text()
    assert text.count("PROJECT_APPS = [") == 1
    text = text.replace("PROJECT_APPS = [", 'PROJECT_APPS = ["django.contrib.staticfiles", "api", ')
    settings.write_text(f'{text}\nSTATIC_URL = "static/"\nSTATIC_ROOT = "collected"\n')
    (project / "api/static").mkdir()
    (project / "api/static/style.css").write_text("body {}\n")
    result = build(project)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (project / ".vercel/output/static/static/style.css").read_text() == "body {}\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_vercel_json_says_only_what_vercel_knows(render, language):
    configuration = json.loads((render(language=language, platform="vercel") / "vercel.json").read_text())
    assert not unknown_keys(configuration)
    assert configuration["framework"] == platforms()["vercel"]["frameworks"][language]
    # Only the pipeline deploys: without this a push would deploy a second time.
    assert configuration["git"] == {"deploymentEnabled": False}


def test_an_unknown_key_is_noticed():
    assert unknown_keys({"framework": "go", "frameworks": "go", "git": {"deploymentsEnabled": False}}) == {
        "frameworks",
        "deploymentsEnabled",
    }


@pytest.mark.needs("node")
def test_a_wrong_value_fails_the_build(emit):
    project = emit(platform="vercel", project_name="orders")
    path = project / "vercel.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"cleanUrls": "yes"}))
    result = build(project)
    assert result.returncode != 0
    assert "INVALID_VERCEL_CONFIG" in result.stdout + result.stderr
