"""Promise: each emitted repository's own checks pass, run by its own commands, before anybody has edited it."""

import os
import subprocess

import pytest

from tests.combinations import LANGUAGES, all_services

TOOLCHAINS = {"node": "node", "go": "go", "python": "uv"}
ALL = ["postgres", "redis", "external-api"]
ADDRESSES = ("DATABASE_URL", "REDIS_URL")


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


@pytest.mark.parametrize(("language", "services"), cases())
def test_locked_install_style_format_and_types(emit, language, services):
    project = emit(language=language, services=services)
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    for verb in ("setup", "lint", "typecheck", "format"):
        make(project, verb)
    changed = [str(path) for path, content in before.items() if path.read_bytes() != content]
    assert not changed, "the formatter or the installation changed emitted files"


@pytest.mark.parametrize(("language", "services"), cases(subsets=[[], ALL]))
def test_unit_tests_with_coverage_and_build(emit, language, services):
    project = emit(language=language, services=services)
    make(project, "setup")
    assert "cover" in make(project, "test").lower()
    make(project, "build")


@pytest.mark.parametrize(("language", "services"), cases(subsets=[[]]))
def test_integration_without_data_stores_needs_no_engine(emit, language, services):
    project = emit(language=language, services=services)
    make(project, "setup")
    make(project, "integration")


@pytest.mark.parametrize(("language", "services"), cases("docker", subsets=[["postgres"], ["redis"], ALL]))
def test_integration_against_real_data_stores(emit, language, services):
    project = emit(language=language, services=services)
    make(project, "setup")
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
