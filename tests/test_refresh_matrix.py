"""Promise: the README's table of platforms and strategies is what facts/platforms.yml says."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.combinations import ROOT, cells, platforms, refusals


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return the files that the program reads and writes, in a folder of the test's own."""
    for name in ("README.md", "facts/platforms.yml", "hooks/refresh-matrix"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


def refresh(repository: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, repository / "hooks/refresh-matrix", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_table_is_current(repository):
    done = refresh(repository, "--check")
    assert done.returncode == 0, done.stderr


def test_every_cell_is_in_the_table():
    text = (ROOT / "README.md").read_text()
    for platform, strategy in cells():
        assert f" {platforms()[platform]['strategies'][strategy]['how']} |" in text
    for _, _, reason in refusals():
        assert f"*Refused.* {reason} |" in text


def test_a_changed_fact_is_noticed_and_refreshed(repository):
    facts = repository / "facts/platforms.yml"
    facts.write_text(facts.read_text().replace("Railway has no second slot", "Railway has no third slot"))
    before = (repository / "README.md").read_text()
    assert refresh(repository, "--check").returncode == 1
    assert (repository / "README.md").read_text() == before
    assert refresh(repository).stdout == "README.md: the table of platforms and strategies is refreshed\n"
    after = (repository / "README.md").read_text()
    assert after == before.replace("Railway has no second slot", "Railway has no third slot")
    assert refresh(repository, "--check").returncode == 0


def test_a_readme_without_the_comments_stays_as_it_is(repository):
    (repository / "README.md").write_text("# Another\n")
    done = refresh(repository)
    assert (done.returncode, done.stdout) == (1, "")
    assert "lacks the comments" in done.stderr
    assert (repository / "README.md").read_text() == "# Another\n"
