"""Promise: each emitted repository's own checks pass, run by its own commands, before anybody has edited it."""

import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.combinations import LANGUAGES, all_services

TOOLCHAINS = {"node": "node", "go": "go", "python": "uv"}
ALL = ["postgres", "redis", "external-api"]
ADDRESSES = ("DATABASE_URL", "REDIS_URL")
# All subsets, but for Go, whose linter takes half a minute each time: two services meet here in every way, and the
# compiler and the formatter see all subsets.
PAIRS = [[], ["postgres", "redis"], ["postgres", "external-api"], ["redis", "external-api"]]
LINTED = {"node": all_services(), "go": PAIRS, "python": all_services()}


def make(project, verb: str, seconds: int = 600) -> str:
    """Run one of the project's verbs; fail with what it printed where it fails."""
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


def cases(*needs: str, subsets=None):
    return [
        pytest.param(
            language,
            services,
            marks=pytest.mark.needs(TOOLCHAINS[language], *needs),
            id=f"{language}-{'+'.join(services) or 'none'}",
        )
        for language in LANGUAGES
        for services in subsets or all_services()
    ]


@pytest.fixture(scope="module")
def ready(render: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, list[str]], Path]:
    """Return a function that returns a project after its `make setup`, the same one for all tests."""

    @functools.cache
    def set_up(language: str, services: tuple[str, ...]) -> Path:
        project = tmp_path_factory.mktemp(language) / "my-service"
        shutil.copytree(render(language=language, services=list(services)), project, symlinks=True)
        make(project, "setup")
        return project

    return lambda language, services: set_up(language, tuple(services))


@pytest.mark.parametrize(("language", "services"), cases())
def test_locked_install_style_format_and_types(ready, render, language, services):
    project = ready(language, services)
    if services in LINTED[language]:
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


# Without services they run as steps of the pipeline, in test_pipeline_runs.py; so do the integration tests.
@pytest.mark.parametrize(("language", "services"), cases(subsets=[ALL]))
def test_unit_tests_with_coverage_and_build(ready, language, services):
    project = ready(language, services)
    assert "cover" in make(project, "test").lower()
    make(project, "build")


@pytest.mark.parametrize(("language", "services"), cases("docker", subsets=[["postgres"], ["redis"], ALL]))
def test_integration_against_real_data_stores(ready, language, services):
    project = ready(language, services)
    make(project, "integration")
    left = subprocess.run(
        ["docker", "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project.working_dir={project}"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert left.stdout == "", "the integration tests left containers behind"


@pytest.mark.parametrize(("language", "services"), cases(subsets=[[]]))
def test_setup_makes_random_secrets_once(emit, language, services):
    project = emit(language=language, services=services)
    make(project, ".env")
    first = (project / ".env").read_text()
    assert "=example-" not in first
    assert (project / ".env").stat().st_mode & 0o077 == 0
    make(project, ".env")
    assert (project / ".env").read_text() == first


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verb_is_listed(render, language):
    listed = subprocess.run(["make"], cwd=render(language=language), capture_output=True, text=True, timeout=20).stdout
    verbs = [
        "setup",
        "lint",
        "typecheck",
        "test",
        "integration",
        "build",
        "dev",
        "image",
        "smoke",
        "readiness",
        "deploy",
        "rollback",
    ]
    assert set(verbs) <= {line.split()[0] for line in listed.splitlines()}
