"""Promise: updating a project that its owner has edited conflicts nowhere, loses nothing and passes its checks."""

import re
import subprocess
from pathlib import Path

import pytest

from tests import owner_edits
from tests.combinations import LANGUAGES, ROOT, Answers
from tests.test_project_checks import TOOLCHAINS, make
from tests.test_updates import copy, update
from tests.updates import WORKING_TREE, commit_all, find_conflicts, git, offered, releases, tagged_template

STRATEGIES = {"kubernetes": "rolling", "vercel": "blue-green", "railway": "rolling"}
OLDEST = next(iter(releases()))
PATH = "/usr/local/bin:/usr/bin:/bin"


@pytest.fixture(scope="module")
def tagged(tmp_path_factory) -> Path:
    return tagged_template(tmp_path_factory.mktemp("releases"))


def answers_of(language: str, platform: str = "kubernetes") -> Answers:
    return {
        "language": language,
        "platform": platform,
        "strategy": STRATEGIES[platform],
        "services": ["postgres"],
    }


def edited(tagged: Path, project: Path, version: str, answers: Answers) -> str:
    """Make a project from a release, edit it as its owner would, update it; return what the moved file said before."""
    copy(tagged, project, version, **answers)
    moved = (project / owner_edits.MOVED[0]).read_text()
    owner_edits.edit(project, answers)
    commit_all(project, "Edit")
    update(project, WORKING_TREE)
    return moved


@pytest.mark.parametrize(
    ("platform", "version"),
    [
        (platform, version)
        for platform, strategy in STRATEGIES.items()
        for version, commit in releases().items()
        if offered(ROOT, commit, platform, strategy)
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_update_keeps_what_its_owner_did_and_conflicts_nowhere(tagged, tmp_path, language, platform, version):
    answers = answers_of(language, platform)
    project = tmp_path / "my-service"
    moved = edited(tagged, project, version, answers)
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
def test_after_the_longest_update_the_projects_own_checks_pass(tagged, tmp_path, language):
    project = tmp_path / "my-service"
    edited(tagged, project, OLDEST, answers_of(language))
    for verb in ("lock", "setup", "lint", "typecheck", "test"):
        make(project, verb)


@pytest.fixture
def conflicting(tagged, tmp_path) -> Path:
    """Return a project in which its owner and a newer release have changed the same line of the Makefile."""
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


def test_a_conflict_is_as_small_as_the_lines_that_both_changed(conflicting):
    text = (conflicting / "Makefile").read_text()
    ours, theirs = re.search(r"^<{7} .*\n(.*)\n={7}\n(.*)\n>{7} .*\n", text, re.MULTILINE).groups()
    assert (ours, theirs) == ("help: ## Show my own list", "help: ## Show what there is")
    assert text.count("<<<<<<<") == 1
    assert text.endswith("\n# improved\n"), "what does not conflict is merged"
    assert git(conflicting, "diff", "--name-only", "--diff-filter=U").split() == ["Makefile"]


def test_a_conflict_fails_the_projects_checks_until_it_is_settled(conflicting):
    guard = find_conflicts(conflicting)
    assert [line.split(":")[0] for line in guard.splitlines()[:-1]] == ["Makefile", "Makefile"]
    assert "unfinished update or merge" in guard
    (conflicting / "Makefile").write_text("lint:\n\tscripts/check-conflicts\n")
    assert find_conflicts(conflicting) == ""
    (conflicting / "scripts/smoke.rej").write_text("@@ -1 +1 @@\n")
    assert find_conflicts(conflicting).startswith("scripts/smoke.rej\n")


def test_the_guard_is_the_first_thing_that_lint_does(emit, tmp_path):
    """So that it needs no toolchain, in a folder that is no repository yet too."""
    project = emit(language="go")
    (project / "docs/notes.md").write_text("<<<<<<< before updating\n")
    done = subprocess.run(["make", "lint"], cwd=project, capture_output=True, text=True, timeout=60, env={"PATH": PATH})
    assert done.returncode == 2
    assert "docs/notes.md:1:<<<<<<< before updating" in done.stderr
