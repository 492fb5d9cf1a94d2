"""Promise: an update of a project that its owner has edited has no conflict, loses no edit and passes the checks."""

import re
import subprocess
from pathlib import Path

import pytest

from tests import owner_edits
from tests.combinations import LANGUAGES, Answers, cells, label
from tests.test_project_checks import TOOLCHAINS, make
from tests.test_updates import copy, update
from tests.updates import WORKING_TREE, commit_all, find_conflicts, git, releases, starting_releases, update_cases

STRATEGIES = dict(reversed(cells()))  # the first one of each platform
PATH = "/usr/local/bin:/usr/bin:/bin"


def answers_of(language: str, platform: str = "kubernetes") -> Answers:
    return {
        "language": language,
        "platform": platform,
        "strategy": STRATEGIES[platform],
        "services": ["postgres"],
    }


# Each language on each platform, in an order by which each third of the projects has every language.
PROJECTS = [
    answers_of(LANGUAGES[(place + shift) % len(LANGUAGES)], platform)
    for shift, platform in enumerate(STRATEGIES)
    for place in range(len(LANGUAGES))
]


def update_edited(tagged: Path, project: Path, version: str, answers: Answers) -> str:
    """Make a project from a release, edit it as an owner does and update it; return the text of the file that moved."""
    copy(tagged, project, version, **answers)
    moved = (project / owner_edits.MOVED[0]).read_text()
    owner_edits.edit(project, answers)
    commit_all(project, "Edit")
    update(project, WORKING_TREE)
    return moved


@pytest.mark.parametrize(
    ("version", "answers"),
    [pytest.param(version, answers, id=f"{version}-{label(answers)}") for version, answers in update_cases(PROJECTS)],
)
def test_an_update_keeps_the_owners_edits_without_a_conflict(tagged, tmp_path, version, answers):
    language = answers["language"]
    project = tmp_path / "my-service"
    moved = update_edited(tagged, project, version, answers)
    assert find_conflicts(project) == ""
    for name, _, new in owner_edits.edits(answers):
        assert new in (project / name).read_text(), name
    assert (project / "README.md").read_text() == owner_edits.README
    for folder in (owner_edits.EDITS / language, owner_edits.EDITS / "with_postgres" / language):
        for path in filter(Path.is_file, folder.rglob("*")):
            assert (project / path.relative_to(folder)).read_bytes() == path.read_bytes()
    assert not (project / owner_edits.DELETED).exists()
    assert not (project / owner_edits.MOVED[0]).exists()
    assert (project / owner_edits.MOVED[1]).read_text() == moved


@pytest.mark.parametrize(
    "language", [pytest.param(language, marks=pytest.mark.needs(TOOLCHAINS[language])) for language in LANGUAGES]
)
def test_the_projects_checks_pass_after_an_update_from_the_first_release(tagged, tmp_path, language):
    project = tmp_path / "my-service"
    update_edited(tagged, project, starting_releases(releases())[0], answers_of(language))
    for verb in ("lock", "setup", "lint", "typecheck", "test"):
        make(project, verb)


@pytest.fixture
def conflicting(tagged, tmp_path) -> Path:
    """Return a project whose owner has changed the same line of the Makefile as a newer release."""
    template = tmp_path / "template"
    git(tmp_path, "clone", "--quiet", str(tagged), str(template))
    makefile = template / "template/Makefile.jinja"
    makefile.write_text(makefile.read_text().replace("Show this list", "Show what there is") + "\n# improved\n")
    commit_all(template, "Improve")
    git(template, "tag", "v1000.0.0")
    project = copy(template, tmp_path / "my-service", WORKING_TREE, language="go")
    (project / "Makefile").write_text((project / "Makefile").read_text().replace("Show this list", "Show my own list"))
    commit_all(project, "Edit")
    update(project, "v1000.0.0")
    return project


def test_a_conflict_contains_only_the_lines_that_both_sides_changed(conflicting):
    text = (conflicting / "Makefile").read_text()
    ours, theirs = re.search(r"^<{7} .*\n(.*)\n={7}\n(.*)\n>{7} .*\n", text, re.MULTILINE).groups()
    assert (ours, theirs) == ("help: ## Show my own list", "help: ## Show what there is")
    assert text.count("<<<<<<<") == 1
    assert text.endswith("\n# improved\n"), "changes that do not conflict are merged"
    assert git(conflicting, "diff", "--name-only", "--diff-filter=U").split() == ["Makefile"]


def test_a_conflict_fails_the_projects_checks_until_it_is_resolved(conflicting):
    guard = find_conflicts(conflicting)
    assert [line.split(":")[0] for line in guard.splitlines()[:-1]] == ["Makefile", "Makefile"]
    assert "unfinished update or merge" in guard
    (conflicting / "Makefile").write_text("lint:\n\tscripts/check-conflicts\n")
    assert find_conflicts(conflicting) == ""
    (conflicting / "scripts/smoke.rej").write_text("@@ -1 +1 @@\n")
    assert find_conflicts(conflicting).startswith("scripts/smoke.rej\n")


def test_lint_checks_for_conflicts_first(emit):
    """The check requires neither a toolchain nor a Git repository."""
    project = emit(language="go")
    (project / "docs/notes.md").write_text("<<<<<<< before updating\n")
    done = subprocess.run(["make", "lint"], cwd=project, capture_output=True, text=True, timeout=60, env={"PATH": PATH})
    assert done.returncode == 2
    assert "docs/notes.md:1:<<<<<<< before updating" in done.stderr
