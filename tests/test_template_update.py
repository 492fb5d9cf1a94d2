"""Promise: a newer release of the template becomes a branch, and a pull request by a job that runs none of its code."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.callers import hostile_variables
from tests.expressions import condition
from tests.runner import Job, load, run_job
from tests.test_updates import copy
from tests.updates import WORKING_TREE, commit_all, git, tagged_template

NEXT = "v1000.0.0"
# Code of the new release that looks for secrets.
PLANTED = """if [ -n "${RUNNER_TEMP:-}" ]; then
  { env; cat .git/config ~/.git-credentials ~/.config/gh/hosts.yml; } >"$RUNNER_TEMP/planted" 2>&1
fi
set -eu
"""


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
    script = clone / "template/scripts/check-conflicts"
    script.write_text(script.read_text().replace("set -eu\n", PLANTED, 1))
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


SECRET = "token-that-no-new-code-sees"


def run_weekly(project: Project, folder: Path) -> dict[str, Job]:
    """Run the workflow: each job in a checkout of its own, with the secrets of its environment."""
    commit = git(project.folder, "rev-parse", "HEAD").strip()
    git(project.folder, "push", "--quiet", "--force", "origin", "main")
    workflow = load(project.folder, "template-update.yml")["jobs"]
    stored = folder / "artifact"
    ran: dict[str, Job] = {}
    for name, job in workflow.items():
        checkout = folder / name
        git(folder, "clone", "--quiet", "--branch", "main", str(project.server), str(checkout))
        secrets = {"TEMPLATE_UPDATE_TOKEN": SECRET} if "environment" in job else {}
        needs = {need: {"result": done.result, "outputs": done.outputs} for need, done in ran.items()}
        stand_ins = {
            "actions/upload-artifact": lambda given, here=checkout: shutil.copy(here / given["path"], stored) and {},
            "actions/download-artifact": lambda _, here=checkout: shutil.copy(stored, here / "update.bundle") and {},
        }
        contexts = {"github": {"sha": commit}, "secrets": secrets, "needs": needs}
        if condition(job.get("if"), contexts, "success"):
            path = f"{project.bin}:{os.environ['PATH']}"
            ran[name] = run_job(checkout, job, contexts, folder / f"{name}-run", path=path, stand_ins=stand_ins)
    return ran


def test_a_newer_release_opens_a_pull_request_that_lists_the_changes(project, tmp_path):
    ran = run_weekly(project, tmp_path)
    assert [job.result for job in ran.values()] == ["success"] * 2, [job.log() for job in ran.values()]
    # The code of the new release ran, where no secret is.
    planted = (tmp_path / "update-run/planted").read_text()
    assert "GITHUB_ACTIONS=true" in planted
    assert SECRET not in planted + ran["update"].log()
    assert not (tmp_path / "pull-request-run/planted").exists()
    branch = f"template-update/{NEXT}"
    changed = git(project.server, "show", "--format=%s", "--name-only", branch).splitlines()
    assert changed == [
        f"chore: update the template from {WORKING_TREE} to {NEXT}",
        "",
        ".copier-answers.yml",
        "Makefile",
        "scripts/check-conflicts",
        "scripts/check-readiness",
        "scripts/update-template",
    ]
    assert "Show what there is" in git(project.server, "show", f"{branch}:Makefile")
    opened = project.opened.read_text()
    assert f"--head {branch} --title Update the template from {WORKING_TREE} to {NEXT}" in opened
    assert "Makefile" in opened
    removed = "Removed by the template, with your edits in them:\n"
    assert f"{removed}scripts/check-readiness\n" in ran["update"].log()
    assert f"{removed}\nscripts/check-readiness\n" in opened
    # A pull request is opened once.
    project.opened.unlink()
    project.present.write_text("12\n")
    git(project.server, "branch", "--quiet", "-D", branch)
    shutil.rmtree(tmp_path / "pull-request")
    shutil.rmtree(tmp_path / "update")
    ran = run_weekly(project, tmp_path)
    assert "Nothing was pushed" in ran["pull-request"].summary
    assert not project.opened.exists()
    assert git(project.server, "branch", "--list").split() == ["main"]


def test_the_code_of_a_release_does_not_choose_what_is_pushed(project, tmp_path):
    """The job with the token trusts nothing that it receives."""
    git(project.folder, "push", "--quiet", "origin", "main")
    job = load(project.folder, "template-update.yml")["jobs"]["pull-request"]
    contexts = {"github": {}, "secrets": {"TEMPLATE_UPDATE_TOKEN": SECRET}}
    path = f"{project.bin}:{os.environ['PATH']}"
    answers = project.folder / ".copier-answers.yml"
    for name in ("main", "v1.0.0 --force", "v1.0"):
        git(project.folder, "checkout", "--quiet", "-B", "made-up", "main")
        (project.folder / "update.bundle").unlink(missing_ok=True)
        answers.write_text(re.sub(r"_commit: .*", f"_commit: {name}", answers.read_text()))
        commit_all(project.folder, "Made up")
        git(project.folder, "bundle", "create", "--quiet", "update.bundle", "main..HEAD")
        git(project.folder, "checkout", "--quiet", "main")
        done = run_job(project.folder, job, contexts, tmp_path / "run", path=path)
        assert f"'{name}' is not a release of the template" in done.log()
        assert done.result == "failure"
    assert git(project.server, "branch", "--list").split() == ["main"]


def test_a_conflict_is_reported_and_nothing_is_pushed(project):
    makefile = project.folder / "Makefile"
    makefile.write_text(makefile.read_text().replace("Show this list", "Show my own list"))
    commit_all(project.folder, "Edit")
    before = project.state()
    done = project.update()
    assert done.returncode == 1
    assert re.search(r"conflicts with your changes:\n  Makefile:\d+:<<<<<<< .*\n  Makefile:\d+:>>>>>>> ", done.stderr)
    assert project.state() == before
    assert "Show my own list" in makefile.read_text()


def test_without_options_it_creates_a_branch_and_pushes_nothing(project):
    done = project.update()
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.state() == (f"template-update/{NEXT}", "", "")


def test_at_the_newest_release_there_is_nothing_to_do(project):
    answers = project.folder / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace(f"_commit: {WORKING_TREE}", f"_commit: {NEXT}"))
    commit_all(project.folder, "Edit")
    done = project.update()
    assert (done.returncode, done.stdout) == (
        0,
        f"Up to date: {NEXT} is the template's latest release.\n",
    )


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
    done = project.update()
    assert done.returncode == 1
    assert "cannot read the releases of the template" in done.stderr


def test_wrong_arguments(project):
    assert project.update("now").returncode == 2
