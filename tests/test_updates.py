"""Promise: `copier update` improves older projects, without trust, and leaves the owner's files alone."""

import copier
import pytest
import yaml

from tests.combinations import LANGUAGES
from tests.containers import facts
from tests.test_render import files
from tests.updates import WORKING_TREE, commit_all, git, releases, tagged_template


@pytest.fixture(scope="module")
def tagged(tmp_path_factory):
    return tagged_template(tmp_path_factory.mktemp("releases"))


def copy(template, destination, version, **answers):
    copier.run_copy(str(template), destination, data=answers, vcs_ref=version, defaults=True, quiet=True)
    commit_all(destination, "Start")
    return destination


def update(project, version, **answers):
    copier.run_update(project, data=answers, vcs_ref=version, defaults=True, overwrite=True, quiet=True)


def contents(project, without=()):
    return {
        str(path.relative_to(project)): path.read_text()
        for path in files(project)
        if ".git" not in path.relative_to(project).parts and str(path.relative_to(project)) not in without
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("version", releases())
def test_an_untouched_project_becomes_what_a_fresh_copy_is(tagged, tmp_path, version, language):
    answers = {"language": language, "services": ["postgres", "redis"]}
    updated = copy(tagged, tmp_path / "updated", version, **answers)
    update(updated, WORKING_TREE)
    fresh = copy(tagged, tmp_path / "fresh", WORKING_TREE, **answers)
    owned = seeded_files(tagged, fresh)
    assert owned
    assert contents(updated, without=owned) == contents(fresh, without=owned)


def owners_patterns(template):
    """Return what _exclude names while updating: the files that are seeded once."""
    excluded = yaml.safe_load((template / "copier.yml").read_text())["_exclude"]
    return [entry.split("%]")[1].split("[%")[0].lstrip("/") for entry in excluded]


def seeded_files(template, project):
    """Return the emitted files that an update leaves alone."""
    names = [str(path.relative_to(project)) for path in files(project)]
    patterns = owners_patterns(template)
    return {name for name in names if any(name == pattern or name.startswith(f"{pattern}/") for pattern in patterns)}


def test_what_the_facts_call_yours_is_what_updates_leave_alone(template):
    listed = {"README.md", "readiness.yml"}
    for language in LANGUAGES:
        listed |= {pattern.removesuffix("/**") for pattern in facts(language)["yours"]}
    assert listed == set(owners_patterns(template))


@pytest.fixture
def next_release(tagged, tmp_path):
    """Return a template with a release after the working tree's, in which two files have one line more."""
    clone = tmp_path / "next"
    git(tmp_path, "clone", "--quiet", str(tagged), str(clone))
    for name in ("template/README.md.jinja", "template/Makefile.jinja"):
        with (clone / name).open("a") as file:
            file.write("\n# improved\n")
    commit_all(clone, "Improve")
    git(clone, "tag", "v1000.0.0")
    return clone


def test_the_owners_files_stay_and_ours_are_merged_with_their_edits(next_release, tmp_path):
    project = copy(next_release, tmp_path / "project", WORKING_TREE, language="go")
    (project / "README.md").write_text("# Mine\n")
    makefile = project / "Makefile"
    makefile.write_text(makefile.read_text().replace("help: ## Show this list", "help: ## Show my list"))
    (project / "own.txt").write_text("mine\n")
    commit_all(project, "Edit")
    update(project, "v1000.0.0")
    assert (project / "README.md").read_text() == "# Mine\n"
    assert (project / "own.txt").read_text() == "mine\n"
    assert "Show my list" in makefile.read_text()
    assert makefile.read_text().endswith("\n# improved\n")
    assert "<<<<<<<" not in git(project, "diff")


def test_a_file_that_the_owner_deleted_stays_deleted(next_release, tmp_path):
    project = copy(next_release, tmp_path / "project", WORKING_TREE, language="go")
    (project / "README.md").unlink()
    (project / "READINESS.md").unlink()
    commit_all(project, "Delete")
    update(project, "v1000.0.0")
    assert not (project / "README.md").exists()
    assert not (project / "READINESS.md").exists()


def test_answers_survive_and_can_change(next_release, tmp_path):
    project = copy(next_release, tmp_path / "project", WORKING_TREE, language="go", services=["redis"])
    update(project, "v1000.0.0", services=["redis", "postgres"])
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert answers["language"] == "go"
    assert sorted(answers["services"]) == ["postgres", "redis"]
    assert "postgres:18" in (project / "compose.yaml").read_text()
