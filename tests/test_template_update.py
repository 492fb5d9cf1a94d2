"""Promise: scripts/update-template opens a pull request for a newer release, or prints why not and pushes nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.callers import hostile_variables
from tests.test_updates import copy
from tests.updates import WORKING_TREE, commit_all, git, tagged_template

NEXT = "v1000.0.0"


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """Return the template with a release after the working tree's: another Makefile, another scripts/update-template.

    The latter runs while it is replaced, so that each of its lines has moved and would be nonsense.
    """
    clone = tagged_template(tmp_path_factory.mktemp("releases"))
    makefile = clone / "template/Makefile.jinja"
    makefile.write_text(makefile.read_text().replace("Show this list", "Show what there is"))
    script = clone / "template/scripts/update-template.jinja"
    script.write_text(
        script.read_text().replace("#!/bin/sh\n", "#!/bin/sh\n" + "echo 'the new one runs'; exit 3\n" * 400)
    )
    (clone / "template/scripts/check-readiness").unlink()
    commit_all(clone, "Improve")
    git(clone, "tag", NEXT)
    return clone


class Project:
    """A project of the previous release, its repository on a server, and the pull requests that were opened."""

    def __init__(self, template: Path, folder: Path) -> None:
        self.folder = copy(template, folder / "project", WORKING_TREE, language="go")
        git(self.folder, "branch", "--move", "main")
        self.server = folder / "server.git"
        git(folder, "init", "--quiet", "--bare", str(self.server))
        git(self.folder, "remote", "add", "origin", str(self.server))
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.opened = folder / "opened"
        self.present = folder / "present"
        self.present.touch()
        copier = Path(sys.executable).parent / "copier"
        self.stand_in("uvx", f'while [ "$1" != copier ]; do shift; done; shift; exec {copier} "$@"')
        self.stand_in(
            "gh", f'case "$2" in list) cat {self.present} ;; create) {{ echo "$@"; cat; }} >{self.opened} ;; esac'
        )

    def stand_in(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def update(self, *options: str) -> subprocess.CompletedProcess[str]:
        identity = {
            f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        return subprocess.run(
            ["scripts/update-template", *options],
            cwd=self.folder,
            env={
                **os.environ,
                **hostile_variables(self.folder),
                **identity,
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "GIT_CONFIG_GLOBAL": os.devnull,
            },
            capture_output=True,
            text=True,
            timeout=600,
        )

    def state(self) -> tuple[str, str, str]:
        """Return the present branch, what is changed, and what the server has."""
        branch = git(self.folder, "branch", "--show-current").strip()
        return branch, git(self.folder, "status", "--porcelain"), git(self.server, "branch", "--list")


@pytest.fixture
def project(template, tmp_path) -> Project:
    return Project(template, tmp_path)


def test_a_newer_release_opens_a_pull_request_that_lists_the_changes(project):
    done = project.update("--pull-request")
    assert done.returncode == 0, done.stdout + done.stderr
    branch = f"template-update/{NEXT}"
    changed = git(project.server, "show", "--format=%s", "--name-only", branch).splitlines()
    assert changed == [
        f"chore: update the template from {WORKING_TREE} to {NEXT}",
        "",
        ".copier-answers.yml",
        "Makefile",
        "scripts/check-readiness",
        "scripts/update-template",
    ]
    assert "Show what there is" in git(project.server, "show", f"{branch}:Makefile")
    opened = project.opened.read_text()
    assert f"--head {branch} --title Update the template from {WORKING_TREE} to {NEXT}" in opened
    assert "Makefile" in opened
    removed = "Removed by the template, with your edits in them:\n"
    assert f"{removed}scripts/check-readiness\n" in done.stdout
    assert f"{removed}\nscripts/check-readiness\n" in opened


def test_a_conflict_is_reported_and_nothing_is_pushed(project):
    makefile = project.folder / "Makefile"
    makefile.write_text(makefile.read_text().replace("Show this list", "Show my own list"))
    commit_all(project.folder, "Edit")
    before = project.state()
    done = project.update("--pull-request")
    assert done.returncode == 1
    assert re.search(r"conflicts with your changes:\n  Makefile:\d+:<<<<<<< .*\n  Makefile:\d+:>>>>>>> ", done.stderr)
    assert project.state() == before
    assert "Show my own list" in makefile.read_text()
    assert not project.opened.exists()


def test_without_options_it_creates_a_branch_and_pushes_nothing(project):
    done = project.update()
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.state() == (f"template-update/{NEXT}", "", "")


def test_at_the_newest_release_there_is_nothing_to_do(project):
    answers = project.folder / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace(f"_commit: {WORKING_TREE}", f"_commit: {NEXT}"))
    commit_all(project.folder, "Edit")
    done = project.update("--pull-request")
    assert (done.returncode, done.stdout) == (
        0,
        f"Up to date: {NEXT} is the template's latest release.\n",
    )


def test_a_pull_request_is_opened_once(project):
    project.present.write_text("12\n")
    done = project.update("--pull-request")
    assert done.returncode == 0, done.stderr
    assert "Nothing was pushed" in done.stdout
    assert project.state() == ("main", "", "")
    assert not project.opened.exists()


def test_changes_that_are_not_committed_are_not_touched(project):
    (project.folder / "README.md").write_text("mine\n")
    done = project.update()
    assert done.returncode == 1
    assert "the working tree has changes" in done.stderr
    assert (project.folder / "README.md").read_text() == "mine\n"


def test_an_unreachable_template_is_reported(project):
    answers = project.folder / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("_src_path: ", "_src_path: /nowhere"))
    commit_all(project.folder, "Edit")
    done = project.update("--pull-request")
    assert done.returncode == 1
    assert "cannot read the releases of the template" in done.stderr


def test_wrong_arguments(project):
    assert project.update("now").returncode == 2
