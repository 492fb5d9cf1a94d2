"""Promise: an owner's first week works as docs/developing.md documents it, without edits of the template's files."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.combinations import LANGUAGES, platforms
from tests.containers import facts
from tests.first_week.page import Step, sections
from tests.first_week.week import compose_down, follow, make_dev, shell, variables_of
from tests.test_project_checks import DEPENDENCIES, TOOLCHAINS, make
from tests.test_updates import copy, update
from tests.updates import WORKING_TREE, commit_all, find_conflicts, git

# In the page's order. Each builds on the sections above it.
TASKS = (
    "Add a route",
    "Add a variable",
    "Add a table",
    "Call another service",
    "Run work in the background",
    "Add a dependency",
    "Remove the example",
)
# The only files of the template that a task may edit: the schema of the environment is the place of a new variable.
SHARED = {".env.example", "README.md"}
NEXT = "v1000.0.0"


def languages(*tools: str):
    return [
        pytest.param(language, marks=pytest.mark.needs(TOOLCHAINS[language], *tools), id=language)
        for language in LANGUAGES
    ]


def steps_of(project) -> dict[str, list[Step]]:
    """Return the tasks' steps from the page of a project."""
    found = sections((project / "docs/developing.md").read_text())
    return {task: found[task] for task in TASKS if task in found}


def check(project, *verbs: str) -> None:
    """Run make targets and the readiness checks of the working tree in a project; each one must pass."""
    for verb in verbs:
        make(project, verb)
    readiness = Path(sys.executable).parent / "readiness"
    done = subprocess.run([readiness], cwd=project, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def next_release(tagged, tmp_path):
    """Return the template with a further release that changes each file that several tasks could have edited."""
    template = tmp_path / "template"
    git(tmp_path, "clone", "--quiet", str(tagged), str(template))
    for name in ("template/Makefile.jinja", "template/compose.yaml.jinja", "template/docs/developing.md.jinja"):
        path = template / name
        path.write_text(path.read_text() + "# improved\n")
    commit_all(template, "Improve")
    git(template, "tag", NEXT)
    return template


@pytest.fixture
def emit_release(tmp_path):
    """Return a function that copies a project; at the end, remove its containers, volumes and image."""
    made = []

    def copy_project(template, language):
        name = f"first-week-{language}"
        answers = {"project_name": name, "language": language, "services": ["postgres"]}
        made.append(copy(template, tmp_path / name, WORKING_TREE, **answers))
        compose_down(made[-1], "--volumes", "--rmi", "local")  # what a run that was killed has left
        return made[-1]

    yield copy_project
    for project in made:
        compose_down(project, "--volumes", "--rmi", "local")


@pytest.mark.parametrize("language", languages("docker"))
def test_a_week_of_edits_in_make_dev_passes_all_checks_and_the_next_update(
    next_release, emit_release, tmp_path, language
):
    project = emit_release(next_release, language)
    make(project, "setup")
    tasks = steps_of(project)
    assert set(tasks) == set(TASKS)
    edited = {}
    for task, steps in tasks.items():
        requests = any(step.kind == "request" for step in steps)
        if requests:
            with make_dev(project, facts(language)["port"], tmp_path / "dev.log") as dev:
                follow(steps, project, dev)
                if task == "Add a table":
                    assert_the_development_data_stays(project, dev)
                print(*(f"{seconds:5.1f} s  {request}" for request, seconds in dev.seconds.items()), sep="\n")
        else:
            follow(steps, project)
        if git(project, "status", "--porcelain", "--", *DEPENDENCIES, ".env.example"):
            make(project, "setup")
        edited[task] = {step.path for step in steps if step.kind in ("after", "before", "replace", "append", "delete")}
        commit_all(project, task)
    # `make integration` runs all tests: while the table was added, and below.
    check(project, "image")
    owned = owned_by_the_owner(project)
    theirs = {task: sorted(path for path in paths if path not in owned) for task, paths in edited.items()}
    assert {task: paths for task, paths in theirs.items() if paths} == {}, "template-owned files that tasks edit"
    update(project, NEXT)
    assert find_conflicts(project) == ""
    check(project, "lint", "typecheck", "integration")


def assert_the_development_data_stays(project, dev) -> None:
    """Run the integration tests against the server of `make dev`; they must not change its database."""
    psql = "docker compose exec -T postgres psql -qtAU app app -c"
    assert shell(f"{psql} 'CREATE TABLE data_of_a_developer AS SELECT 1 AS n'", project).returncode == 0
    before = shell(f"{psql} 'SELECT count(*) FROM pg_database'", project).stdout
    done = shell(f"DATABASE_URL={dev.database} make integration", project)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert shell(f"{psql} 'SELECT n FROM data_of_a_developer'", project).stdout.split() == ["1"]
    assert shell(f"{psql} 'SELECT count(*) FROM pg_database'", project).stdout == before, "a test database is left"


def owned_by_the_owner(project) -> set[str]:
    """Return the files that the owner may edit: owned, shared or added, and the environment's schema."""
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    language = facts(answers["language"])
    template_owned = set(git(project, "ls-tree", "-r", "--name-only", "HEAD").split())
    patterns = [*language["yours"], *language["shared"], *platforms()[answers["platform"]]["shared"]]
    owned = {name for name in template_owned if any(matches(name, pattern) for pattern in patterns)}
    first = git(project, "rev-list", "--max-parents=0", "HEAD").strip()
    added = template_owned - set(git(project, "ls-tree", "-r", "--name-only", first).split())
    return owned | added | SHARED | {language["files"]["schema"]}


def matches(name: str, pattern: str) -> bool:
    """Return whether a path is, or is below, a pattern of `yours`."""
    return name == pattern or (pattern.endswith("/**") and name.startswith(pattern[:-2]))


@pytest.mark.parametrize("language", languages())
def test_a_variable_is_added_and_the_example_removed_in_a_new_project(emit, language):
    """The variable has no default: if one place were forgotten, a check would fail."""
    project = emit(language=language)
    commit_all(project, "Start")
    make(project, "setup")
    before = variables_of(project / ".env")
    for task in ("Add a variable", "Remove the example"):
        follow(steps_of(project)[task], project)
        assert git(project, "status", "--porcelain"), f"{task} changed nothing"
        commit_all(project, task)
    make(project, "setup")
    assert len(variables_of(project / ".env").keys() - before.keys()) == 1
    check(project, "typecheck", "test")
