"""Promise: hooks/refresh-actions updates the pins of actions, or fails and changes nothing.

The tests run real git against local repositories in place of github.com.
"""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.combinations import ROOT

PROGRAM = ROOT / "hooks" / "refresh-actions"

Refresh = Callable[..., subprocess.CompletedProcess[str]]


class Action:
    """A repository of an action with its releases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True).stdout.strip()

    def release(self, tag: str, *inputs: str, annotated: bool = False) -> str:
        """Commit and tag an action.yml with these inputs; return the commit."""
        (self.folder / "action.yml").write_text(yaml.safe_dump({"name": tag, "inputs": {key: {} for key in inputs}}))
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", tag)
        self.git("tag", *(["--annotate", "--message", tag] if annotated else []), tag)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def action(tmp_path: Path) -> Action:
    return Action(tmp_path / "github.com" / "acme" / "build")


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    return tmp_path / "actions.yml"


@pytest.fixture
def refresh(tmp_path: Path, pins: Path) -> Refresh:
    """Return a function that runs the hook with a local folder in place of github.com."""
    settings = tmp_path / "gitconfig"
    settings.write_text(f'[url "file://{tmp_path}/github.com/"]\n\tinsteadOf = https://github.com/\n')

    def refresh(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, PROGRAM, *options, pins],
            env={**os.environ, "GIT_CONFIG_GLOBAL": str(settings), "GIT_CONFIG_NOSYSTEM": "1"},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return refresh


def write(pins: Path, version: str, commit: str, action: str = "acme/build") -> None:
    pins.write_text(f"# The pins.\n{action}:\n  version: {version}\n  commit: {commit}\n  inputs:\n    - context\n")


def test_updates_to_the_newest_release_of_the_major_version(action: Action, pins: Path, refresh: Refresh) -> None:
    write(pins, "v1.2.3", action.release("v1.2.3", "context"))
    action.release("v1.9.0", "context")
    newest = action.release("v1.10.0", "tags", "context")
    action.release("v2.0.0", "context")
    action.release("v1.11.0-rc.1", "context")
    action.git("tag", "v1")
    done = refresh()
    assert done.stdout == "acme/build: v1.2.3 → v1.10.0\n", done.stderr
    assert pins.read_text() == (
        f"# The pins.\nacme/build:\n  version: v1.10.0\n  commit: {newest}\n  inputs:\n    - context\n    - tags\n"
    )


def test_updates_to_a_new_major_version_with_major(action: Action, pins: Path, refresh: Refresh) -> None:
    write(pins, "v1.2.3", action.release("v1.2.3", "context"))
    action.release("v2.0.0", "context")
    assert refresh("--major").stdout == "acme/build: v1.2.3 → v2.0.0\n"


def test_an_annotated_tag_is_dereferenced(action: Action, pins: Path, refresh: Refresh) -> None:
    write(pins, "v1.0.0", action.release("v1.0.0", "context", annotated=True))
    newest = action.release("v1.0.1", "context", annotated=True)
    assert action.git("rev-parse", "v1.0.1") != newest
    refresh()
    assert yaml.safe_load(pins.read_text())["acme/build"]["commit"] == newest


def test_updates_an_action_in_a_subfolder(action: Action, pins: Path, refresh: Refresh) -> None:
    write(pins, "v1.0.0", action.release("v1.0.0"), action="acme/build/push")
    (action.folder / "push").mkdir()
    (action.folder / "push" / "action.yaml").write_text("inputs: {registry: {}}\n")
    action.release("v1.0.1", "context")
    assert refresh().returncode == 0
    assert yaml.safe_load(pins.read_text())["acme/build/push"]["inputs"] == ["registry"]


def test_reports_that_all_pins_are_current(action: Action, pins: Path, refresh: Refresh) -> None:
    write(pins, "v1.0.0", action.release("v1.0.0", "context"))
    before = pins.read_text()
    assert refresh().stdout == "all 1 actions are at their newest release\n"
    assert pins.read_text() == before


def moved_tag(action: Action, pins: Path) -> None:
    write(pins, "v1.0.0", action.release("v1.0.0", "context"))
    action.release("v1.0.1", "context")
    action.git("tag", "--force", "v1.0.0", "HEAD")


def missing_repository(action: Action, pins: Path) -> None:
    write(pins, "v1.0.0", action.release("v1.0.0", "context"), action="acme/missing")


def missing_release(action: Action, pins: Path) -> None:
    action.release("v1.0.1", "context")
    write(pins, "v1.0.0", "0" * 40)


def pinned_to_a_branch(action: Action, pins: Path) -> None:
    write(pins, "main", action.release("v1.0.0", "context"))


def no_file(action: Action, pins: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("arrange", "message"),
    [
        (moved_tag, "the tag v1.0.0 of acme/build is "),
        (missing_repository, "ls-remote --tags https://github.com/acme/missing` failed: "),
        (missing_release, "acme/build no longer has the release v1.0.0"),
        (pinned_to_a_branch, "acme/build is pinned to main; expected a release such as v1.2.3"),
        (no_file, "actions.yml: No such file"),
    ],
)
def test_an_error_states_the_reason_and_changes_nothing(
    arrange: Callable[[Action, Path], None], message: str, action: Action, pins: Path, refresh: Refresh
) -> None:
    arrange(action, pins)
    before = pins.read_text() if pins.exists() else None
    done = refresh()
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert (pins.read_text() if pins.exists() else None) == before


def test_the_committed_file_has_the_format_of_the_hook() -> None:
    """Otherwise the diff of a refresh would contain more than the changed pins."""
    render = runpy.run_path(str(PROGRAM))["render"]
    text = (ROOT / "facts" / "actions.yml").read_text()
    heading = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    assert render(heading, yaml.safe_load(text)) == text
