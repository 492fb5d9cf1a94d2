"""Promise: an emitted repository passes its own checks, run by its own commands, before anybody has edited it."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.combinations import LANGUAGES
from tests.test_render import files

TOOLCHAINS = {"node": "node", "go": "go", "python": "uv"}
ALL = ["postgres", "redis", "external-api"]
ADDRESSES = ("DATABASE_URL", "REDIS_URL")
# What decides which dependencies `make setup` installs.
DEPENDENCIES = ("package.json", "package-lock.json", "go.mod", "go.sum", "pyproject.toml", "uv.lock")
# With no services, which test_pipeline_runs.py checks: every pair of services, with and without each.
PAIRS = [["postgres", "redis"], ["redis", "external-api"], ["postgres", "external-api"]]


def make(project, verb: str, seconds: int = 600) -> str:
    """Run one of the project's make targets; if it fails, fail with its output."""
    environment = {name: value for name, value in os.environ.items() if name not in ADDRESSES}
    done = subprocess.run(
        ["make", "--silent", verb],
        cwd=project,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
    )
    assert done.returncode == 0, f"make {verb}:\n{done.stdout[-6000:]}"
    return done.stdout


def cases(*tools: str, subsets, languages=LANGUAGES):
    return [
        pytest.param(
            language,
            services,
            marks=pytest.mark.needs(TOOLCHAINS[language], *tools),
            id=f"{language}-{'+'.join(services) or 'none'}",
        )
        for language in languages
        for services in subsets
    ]


@pytest.fixture(scope="module")
def ready(render: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, list[str]], Path]:
    """Return a function that returns a project after its `make setup`.

    The projects of a language replace each other in one folder, so that linters, compilers and package managers reuse
    what they cache for the files that the projects share. Only these caches and the dependencies stay.
    """
    folders: dict[str, Path] = {}
    current: dict[str, Path] = {}

    def ready(language: str, services: list[str]) -> Path:
        emitted = render(language=language, services=services)
        if language not in folders:
            folders[language] = tmp_path_factory.mktemp(language) / "my-service"
        project = folders[language]
        previous = current.get(language)
        if previous == emitted:
            return project
        if previous:
            (project / ".env").unlink()
            for path in files(previous):
                (project / path.relative_to(previous)).unlink()
        shutil.copytree(emitted, project, symlinks=True, dirs_exist_ok=True)
        make(project, ".env" if previous and dependencies(previous) == dependencies(emitted) else "setup")
        current[language] = emitted
        return project

    return ready


def dependencies(project: Path) -> dict[str, str]:
    """Return the files that decide what `make setup` installs, with their text."""
    return {name: (project / name).read_text() for name in DEPENDENCIES if (project / name).exists()}


@pytest.mark.parametrize(("language", "services"), cases(subsets=PAIRS))
def test_a_project_installs_and_passes_lint_format_and_type_checks(ready, render, language, services):
    project = ready(language, services)
    make(project, "lint")
    make(project, "typecheck")
    make(project, "format")
    emitted = render(language=language, services=services)
    changed = [
        str(path)
        for path in emitted.rglob("*")
        if path.is_file() and path.read_bytes() != (project / path.relative_to(emitted)).read_bytes()
    ]
    assert not changed, "the formatter or the installation changed emitted files"


# A file of projects with an external API, and a line that neither the linter nor the type checker accepts.
BROKEN = {
    "node": ("src/external-api.ts", 'const wrong: number = "text";\n'),
    "go": ("internal/externalapi/client.go", 'func wrong() int { return "text" }\n'),
    "python": ("health/external_api.py", 'import os; wrong: int = "text"\n'),
}


@pytest.mark.parametrize(("language", "services"), cases(subsets=[ALL]))
def test_no_cache_of_the_previous_project_hides_an_error(ready, language, services):
    """The tests above ran in the same folder, where the linters and compilers have cached the file."""
    project = ready(language, services)
    name, line = BROKEN[language]
    text = (project / name).read_text()
    (project / name).write_text(f"{text}\n{line}")
    try:
        for verb in ("lint", "typecheck"):
            with pytest.raises(AssertionError, match=Path(name).name):
                make(project, verb)
    finally:
        (project / name).write_text(text)


# Projects without services run these targets as steps of the pipeline, in test_pipeline_runs.py.
@pytest.mark.parametrize(("language", "services"), cases(subsets=[ALL]))
def test_unit_tests_and_build(ready, language, services):
    project = ready(language, services)
    make(project, "test")
    make(project, "build")


# PostgreSQL alone is in the first week of each language, Redis alone in one language.
@pytest.mark.parametrize(
    ("language", "services"),
    [*cases("docker", subsets=[ALL]), *cases("docker", subsets=[["redis"]], languages=["python"])],
)
def test_integration_against_real_data_stores(ready, language, services):
    project = ready(language, services)
    assert "cover" in make(project, "integration").lower()
    left = subprocess.run(
        ["docker", "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project.working_dir={project}"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert left.stdout == "", "the integration tests left containers running"


@pytest.mark.parametrize(("language", "services"), cases(subsets=[[]]))
def test_setup_creates_random_secrets_once(emit, language, services):
    project = emit(language=language, services=services)
    make(project, ".env")
    first = (project / ".env").read_text()
    assert "=example-" not in first
    assert (project / ".env").stat().st_mode & 0o077 == 0
    make(project, ".env")
    assert (project / ".env").read_text() == first


@pytest.mark.parametrize("language", LANGUAGES)
def test_make_lists_every_target(render, language):
    listed = subprocess.run(["make"], cwd=render(language=language), capture_output=True, text=True, timeout=20).stdout
    targets = {"setup", "lint", "typecheck", "test", "integration", "build", "dev", "image", "smoke", "readiness"}
    assert targets | {"deploy", "rollback"} <= {line.split()[0] for line in listed.splitlines()}
