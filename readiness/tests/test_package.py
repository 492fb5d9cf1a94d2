"""Promise: the package is typed, linted, installs with exact dependencies, and its items are complete."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from readiness.checklist import SECTIONS
from readiness.cli import main
from readiness.registry import CHECKS, read_items

ROOT = Path(__file__).parent.parent
PARTS = [entry["part"] for entry in read_items("parts")]


@pytest.mark.parametrize(
    "command",
    [
        ["mypy", "--config-file", "readiness/pyproject.toml"],
        ["ruff", "check", "--no-cache", "readiness"],
        ["ruff", "format", "--check", "--no-cache", "readiness"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_linters_find_nothing(command):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT.parent, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dependencies_are_those_of_the_tests():
    """`uvx` does not read a lock file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = dict(requirement.split("==") for requirement in project["dependencies"])
    assert named == {name: version(name) for name in named}


def test_every_checked_item_has_a_check():
    items = {(part, item["id"]) for part in PARTS for item in read_items(part) if "yours" not in item}
    assert items == set(CHECKS)


@pytest.mark.parametrize("part", PARTS)
def test_every_item_is_complete(part):
    for item in read_items(part):
        assert set(item) <= {"id", "section", "statement", "why", "how", "where", "needs", "yours"}
        assert item["section"] in SECTIONS
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", item["id"])
        for text in (item["statement"], item["why"]):
            assert text.endswith("."), item["id"]
            assert text.count(". ") == 0, item["id"]
            assert len(text.split()) <= 25, item["id"]
        assert item["how"][-1] not in ".!?"
        assert item.get("yours") or item["where"]


def test_the_help_names_the_exit_codes(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "exit codes: 0 no item fails, 1 an item fails or cannot be checked, 2 invalid arguments" in (
        capsys.readouterr().out
    )


def test_an_emitted_repository_without_a_checklist_is_an_error(tmp_path, capsys):
    (tmp_path / ".copier-answers.yml").write_text("language: go\n")
    assert main([], tmp_path) == 1
    assert "READINESS.md is missing" in capsys.readouterr().err
