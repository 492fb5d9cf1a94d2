"""Promise: docs/updating.md of each emitted repository documents who owns each file and what an update does to it."""

import re
from pathlib import Path

import pytest

from tests.test_render import files
from tests.test_updates import copy, update
from tests.updates import WORKING_TREE, commit_all, find_conflicts, git

NEXT = "v1000.0.0"
IMPROVEMENT = "improved by the template\n"
EDIT = "edited by the owner\n"
ANSWERS = ".copier-answers.yml"


@pytest.fixture(scope="module")
def improved_template(tagged, tmp_path_factory) -> Path:
    """Return the template with a release after the working tree's that adds a line at the end of every file."""
    clone = tmp_path_factory.mktemp("improved") / "template"
    git(tagged, "clone", "--quiet", str(tagged), str(clone))
    for path in files(clone / "template"):
        if "answers_file" not in path.name:
            path.write_text(path.read_text() + IMPROVEMENT)
    commit_all(clone, "Improve everything")
    git(clone, "tag", NEXT)
    return clone


def owners(project: Path) -> dict[str, set[str]]:
    """Return the table of docs/updating.md: owner → the project's files that match its patterns."""
    text = (project / "docs/updating.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", text.split("## Who owns each file")[1], re.MULTILINE)
    return {
        whose: set(git(project, "ls-files", "--", *(f":(glob){pattern}" for pattern in patterns)).splitlines())
        for whose, cell in rows
        if (patterns := re.findall(r"`([^`]+)`", cell))
    }


@pytest.mark.parametrize(
    ("language", "platform"), [("node", "vercel"), ("go", "kubernetes"), ("python", "railway"), ("node", "railway")]
)
def test_an_update_does_what_the_table_of_owners_documents(improved_template, tmp_path, language, platform):
    project = copy(
        improved_template,
        tmp_path / "project",
        WORKING_TREE,
        language=language,
        platform=platform,
        services=["postgres"],
    )
    named = owners(project)
    assert set(named) == {"you", "shared", "Copier"}
    assert named["Copier"] == {ANSWERS}
    assert not named["you"] & named["shared"]
    assert len(named["you"]) >= 5
    assert len(named["shared"]) >= 3
    for name in named["shared"]:
        (project / name).write_text(EDIT + (project / name).read_text())
    commit_all(project, "Edit")
    update(project, NEXT)
    assert find_conflicts(project) == ""
    emitted = set(git(project, "ls-files").splitlines())
    improved = {name for name in emitted if (project / name).read_text().endswith(IMPROVEMENT)}
    assert improved == emitted - named["you"] - named["Copier"]
    assert set(git(project, "diff", "--name-only").splitlines()) == improved | named["Copier"]
    for name in named["shared"]:
        assert (project / name).read_text().startswith(EDIT)


@pytest.mark.parametrize("language", ["node", "go", "python"])
def test_every_pattern_of_the_table_matches_a_file(render, language):
    """With every service, on a platform whose settings are files."""
    project = render(language=language, services=["postgres", "redis", "external-api"])
    text = (project / "docs/updating.md").read_text().split("## Who owns each file")[1].split("\n## ")[0]
    patterns = re.findall(r"`([^`]+)`", "".join(line for line in text.splitlines(True) if line.startswith("| ")))
    assert len(patterns) >= 8
    for pattern in patterns:
        assert list(project.glob(pattern)), pattern
