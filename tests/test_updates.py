"""Promise: `copier update` improves older projects, without trust, and does not change the owner's files."""

import functools
import json
import subprocess
import sys

import copier
import pytest
import yaml

from tests.combinations import LANGUAGES, REPOSITORIES, SERVICES, cells, label, on
from tests.containers import facts
from tests.test_render import files
from tests.updates import WORKING_TREE, commit_all, git, releases, starting_releases, update_cases


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


# Every strategy on every platform. Each third of them (the first, the fourth, the seventh ...) has every language.
PROJECTS = [
    on("kubernetes", "node", "rolling", ["postgres", "redis", "external-api"]),
    on("kubernetes", "go", "rolling", ["postgres"], "public"),
    on("kubernetes", "python", "rolling", ["redis"]),
    on("vercel", "python", "blue-green", ["postgres", "external-api"]),
    on("vercel", "node", "canary", ["redis"], "public"),
    on("kubernetes", "go", "blue-green", ["redis", "external-api"]),
    on("railway", "go", "rolling", []),
    on("kubernetes", "python", "canary", ["postgres", "redis"], "public"),
    on("railway", "node", "rolling", ["postgres", "redis"], "public"),
]


def test_the_projects_cover_every_cell_and_every_choice():
    assert {(chosen["platform"], chosen["strategy"]) for chosen in PROJECTS} == set(cells())
    for third in range(3):
        assert {chosen["language"] for chosen in PROJECTS[third::3]} == set(LANGUAGES)
    assert {service for chosen in PROJECTS for service in chosen["services"]} == set(SERVICES)
    assert {chosen["repository"] for chosen in PROJECTS} == set(REPOSITORIES)


@pytest.mark.parametrize(
    ("versions", "starts"),
    [
        ([], []),
        (["v0.1.0"], ["v0.1.0"]),
        (["v0.1.0", "v0.1.1", "v0.1.2"], ["v0.1.0", "v0.1.2"]),
        (["v1.10.0", "v1.2.1", "v0.9.0", "v1.2.0", "v0.9.10", "v0.9.2"], ["v0.9.0", "v0.9.10", "v1.2.1", "v1.10.0"]),
        (["v1.0.0", "v1.1.0", "v1.1.1", "v2.0.0", "v2.0.1"], ["v1.0.0", "v1.1.1", "v2.0.1"]),
    ],
)
def test_updates_start_from_the_first_release_the_last_patches_and_the_newest(versions, starts):
    assert starting_releases(versions) == starts


def test_every_starting_release_is_under_test():
    cases = update_cases(PROJECTS)
    starts = starting_releases(releases())
    assert list(dict.fromkeys(version for version, _ in cases)) == starts
    assert [chosen for version, chosen in cases if version == starts[-1]] == PROJECTS


@pytest.mark.parametrize(
    ("version", "chosen"),
    [pytest.param(version, chosen, id=f"{version}-{label(chosen)}") for version, chosen in update_cases(PROJECTS)],
)
def test_an_updated_project_equals_a_fresh_copy(tagged, fresh_copy, tmp_path, version, chosen):
    updated = copy(tagged, tmp_path / "updated", version, **chosen)
    update(updated, WORKING_TREE)
    fresh = fresh_copy(**chosen)
    owned = seeded_files(tagged, WORKING_TREE, fresh) | seeded_files(tagged, version, updated)
    assert owned
    assert contents(updated, without=owned) == contents(fresh, without=owned)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_updated_project_fails_no_item_but_the_lock(tagged, tmp_path, language):
    """Files that only new projects have must not be required: the items, and the links of READINESS.md."""
    project = copy(tagged, tmp_path / "project", starting_releases(releases())[-1], language=language)
    update(project, WORKING_TREE)
    commit_all(project, "Update")
    readiness = [sys.executable, "-m", "readiness", "--format", "json"]
    done = subprocess.run(readiness, cwd=project, capture_output=True, text=True, timeout=120)
    failed = {item["item"] for item in json.loads(done.stdout)["items"] if item["status"] == "fail"}
    assert failed <= {"lock-matches-manifest"}, done.stdout


@pytest.fixture(scope="module")
def fresh_copy(tagged, tmp_path_factory):
    """Return a function that makes a project from the working tree, once for the same answers."""

    @functools.cache
    def make(as_json):
        return copy(tagged, tmp_path_factory.mktemp("fresh") / "fresh", WORKING_TREE, **json.loads(as_json))

    return lambda **chosen: make(json.dumps(chosen, sort_keys=True))


def owners_patterns(template, version):
    """Return a release's patterns of _exclude that apply to updates: they match the files that are seeded once."""
    excluded = yaml.safe_load(git(template, "show", f"{version}:copier.yml"))["_exclude"]
    return [entry.split("%]")[1].split("[%")[0].lstrip("/") for entry in excluded]


def seeded_files(template, version, project):
    """Return the emitted files that an update of that release does not change."""
    names = [str(path.relative_to(project)) for path in files(project)]
    patterns = owners_patterns(template, version)
    return {name for name in names if any(name == pattern or name.startswith(f"{pattern}/") for pattern in patterns)}


def test_updates_exclude_exactly_the_files_that_the_facts_list_as_the_owners(tagged):
    listed = {"README.md", "readiness.yml"}
    for language in LANGUAGES:
        listed |= {pattern.removesuffix("/**") for pattern in facts(language)["yours"]}
    skipped = yaml.safe_load((tagged / "copier.yml").read_text())["_skip_if_exists"]
    kept_if_they_exist = {pattern for pattern in listed if any(name.startswith(pattern) for name in skipped)}
    assert len(kept_if_they_exist) == len(skipped)
    assert listed - kept_if_they_exist == set(owners_patterns(tagged, WORKING_TREE))


@pytest.fixture
def next_release(tagged, tmp_path):
    """Return a template with a release after the working tree's that adds a line to two files."""
    clone = tmp_path / "next"
    git(tmp_path, "clone", "--quiet", str(tagged), str(clone))
    for name in ("template/README.md.jinja", "template/Makefile.jinja"):
        with (clone / name).open("a") as file:
            file.write("\n# improved\n")
    commit_all(clone, "Improve")
    git(clone, "tag", "v1000.0.0")
    return clone


def test_an_update_keeps_the_owners_files_and_merges_edits_in_ours(next_release, tmp_path):
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


def test_an_update_does_not_restore_files_that_the_owner_deleted(next_release, tmp_path):
    project = copy(next_release, tmp_path / "project", WORKING_TREE, language="go")
    (project / "README.md").unlink()
    (project / "READINESS.md").unlink()
    commit_all(project, "Delete")
    update(project, "v1000.0.0")
    assert not (project / "README.md").exists()
    assert not (project / "READINESS.md").exists()


@pytest.mark.parametrize("version", starting_releases(releases()))
def test_answers_are_kept_and_can_change_during_an_update(tagged, fresh_copy, tmp_path, version):
    before = on("kubernetes", "python", "rolling", ["redis"])
    after = on("kubernetes", "python", "rolling", ["postgres", "external-api"], "public")
    project = copy(tagged, tmp_path / "project", version, **before)
    update(project, WORKING_TREE, services=after["services"], repository="public")
    fresh = fresh_copy(**after)
    recorded = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert {name: recorded[name] for name in after} == after
    owned = seeded_files(tagged, WORKING_TREE, fresh) | seeded_files(tagged, version, project)
    assert contents(project, without=owned) == contents(fresh, without=owned)


def test_changing_the_language_replaces_the_service_until_git_reverts_it(tagged, tmp_path):
    """Copier cannot refuse a changed answer; docs/updating.md documents what happens and how to revert it."""
    project = copy(tagged, tmp_path / "project", WORKING_TREE, language="node")
    before = contents(project)
    update(project, WORKING_TREE, language="go")
    assert (project / "src/routes/root.ts").exists(), "the owner's files are kept"
    assert not (project / "src/app.ts").exists()
    assert (project / "cmd/server/main.go").exists()
    assert not (project / "internal/api").exists(), "files that are seeded once are not added"
    git(project, "add", "--all")
    git(project, "restore", "--staged", "--worktree", "--source", "HEAD", ".")
    git(project, "clean", "--quiet", "--force", "-d")
    assert contents(project) == before


def test_an_update_changes_one_of_several_services_in_a_repository(next_release, tmp_path):
    repository = tmp_path / "repository"
    for name in ("orders", "bills"):
        copier.run_copy(
            str(next_release),
            repository / "services" / name,
            data={"project_name": name, "language": "go"},
            vcs_ref=WORKING_TREE,
            defaults=True,
            quiet=True,
        )
    commit_all(repository, "Start")
    update(repository / "services/orders", "v1000.0.0")
    changed = git(repository, "diff", "--name-only").split()
    assert sorted(changed) == ["services/orders/.copier-answers.yml", "services/orders/Makefile"]


def test_a_fork_keeps_its_own_defaults_and_merges_releases(next_release, tmp_path):
    """As docs/updating.md documents; Copier finds the newest release."""
    fork = tmp_path / "fork"
    git(tmp_path, "clone", "--quiet", "--no-tags", str(next_release), str(fork))
    git(fork, "fetch", "--quiet", "--no-tags", "origin", f"refs/tags/{WORKING_TREE}")
    git(fork, "checkout", "--quiet", "-b", "ours", "FETCH_HEAD")
    questions = (fork / "copier.yml").read_text()
    (fork / "copier.yml").write_text(questions.replace("default: example\n", "default: acme\n"))
    commit_all(fork, "Our own defaults")
    git(fork, "tag", f"{WORKING_TREE}+acme.1")
    git(fork, "tag", WORKING_TREE, "HEAD^")
    project = copy(fork, tmp_path / "project", None)
    makefile = project / "Makefile"
    assert "ghcr.io/acme/" in makefile.read_text()
    git(fork, "fetch", "--quiet", "--no-tags", "origin", "refs/tags/v1000.0.0")
    git(fork, "merge", "--quiet", "--no-edit", "FETCH_HEAD")
    git(fork, "tag", "v1000.0.0+acme.1")
    update(project, None)
    assert "ghcr.io/acme/" in makefile.read_text()
    assert makefile.read_text().endswith("\n# improved\n")
