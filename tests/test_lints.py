"""Promise: linters find nothing in any Dockerfile, script, Compose file or other YAML file that is emitted."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.combinations import LANGUAGES, covering_rows
from tests.test_render import files

BIN = Path(sys.executable).parent
YAMLLINT = """{extends: default, rules: {line-length: {max: 130, allow-non-breakable-inline-mappings: true},
  document-start: disable, truthy: {check-keys: false}, comments: {min-spaces-from-content: 1},
  indentation: {indent-sequences: whatever}}}"""


@pytest.fixture(scope="module")
def distinct(render) -> Callable[[Callable[[Path], bool]], list[Path]]:
    """Return a function that selects emitted files by their path in the project, and returns each content once."""
    found: dict[tuple[Path, bytes], Path] = {}
    for answers in covering_rows():
        project = render(**answers)
        for path in files(project):
            found.setdefault((path.relative_to(project), path.read_bytes()), path)

    def distinct(select: Callable[[Path], bool]) -> list[Path]:
        return list({content: path for (relative, content), path in found.items() if select(relative)}.values())

    return distinct


def lint(tool: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run a linter of the locked environment."""
    command = [str(BIN / tool), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, env={**os.environ, "NO_COLOR": "1"})


def assert_clean(done: subprocess.CompletedProcess) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


def is_script(path: Path) -> bool:
    return path.parts[0] == "scripts" and not path.suffix


def test_equal_contents_are_linted_once(distinct):
    every_file = distinct(lambda path: True)
    assert len({path.read_bytes() for path in every_file}) == len(every_file)
    assert {path.name for path in every_file} >= {"Dockerfile", "deploy", "compose.yaml", "pipeline.yml"}


def test_dockerfiles(distinct):
    dockerfiles = distinct(lambda path: path.name == "Dockerfile")
    assert len(dockerfiles) >= len(LANGUAGES)
    assert_clean(lint("hadolint", "--failure-threshold", "style", *map(str, dockerfiles)))


def test_scripts(distinct):
    scripts = distinct(is_script)
    assert len(scripts) >= 5
    assert_clean(lint("shellcheck", "--external-sources", "--source-path=SCRIPTDIR", *map(str, scripts)))
    assert all(os.access(path, os.X_OK) for path in scripts)


def test_compose_files(distinct):
    compose = distinct(lambda path: path.name.startswith("compose"))
    assert len(compose) >= 4
    assert_clean(lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *map(str, compose)))


@pytest.mark.needs("docker")
def test_compose_files_as_compose_reads_them(distinct, tmp_path):
    for path in distinct(lambda path: path.name == "compose.yaml"):
        shutil.copyfile(path, tmp_path / "compose.yaml")
        shutil.copyfile(path.parent / ".env.example", tmp_path / ".env")
        command = ["docker", "compose", "config", "--quiet"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert_clean(done)
        assert not done.stderr


def test_dependabot_files(distinct):
    dependabot = distinct(lambda path: path.name == "dependabot.yml")
    assert len(dependabot) == 2 * len(LANGUAGES)  # with and without the packages of Railway's configuration
    assert_clean(lint("check-jsonschema", "--builtin-schema", "vendor.dependabot", *map(str, dependabot)))


def test_yaml_style(distinct):
    documents = distinct(lambda path: path.suffix in (".yml", ".yaml") and "node_modules" not in path.parts)
    assert len(documents) >= 20
    assert_clean(lint("yamllint", "--strict", "--config-data", YAMLLINT, *map(str, documents)))


@pytest.mark.parametrize(
    ("tool", "name", "broken"),
    [
        ("hadolint", "Dockerfile", "FROM debian\nRUN cd /x\n"),
        ("shellcheck", "deploy", "#!/bin/sh\necho $1\n"),
        ("yamllint", "a.yaml", "a:   1\n"),
    ],
)
def test_the_linters_find_problems(tmp_path, tool, name, broken):
    (tmp_path / name).write_text(broken)
    assert lint(*tool.split(), str(tmp_path / name)).returncode != 0
