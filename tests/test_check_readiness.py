"""Promise: scripts/check-readiness runs the package readiness of the release that .copier-answers.yml names."""

import os
import re
import shutil
import subprocess

import copier
import pytest

from tests.callers import hostile_variables
from tests.combinations import ROOT
from tests.updates import WORKING_TREE, git, tagged_template

SCRIPT = ROOT / "template/scripts/check-readiness"


@pytest.fixture
def project(tmp_path):
    """Return a folder with the script alone, and a `uvx` that records its arguments."""
    folder = tmp_path / "project"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy2(SCRIPT, folder / "scripts")
    write_uvx(folder, 'printf "%s\\n" "$*" >>"$RECORD"')
    return folder


def write_uvx(project, commands):
    path = project.parent / "bin/uvx"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{commands}\n")
    path.chmod(0o755)


def run(project, *arguments, path=None, **environment):
    path = f"{project.parent / 'bin'}:{os.environ['PATH']}" if path is None else path
    environment = {
        **os.environ,
        **hostile_variables(project),
        "PATH": path,
        "RECORD": str(project.parent / "record"),
        **environment,
    }
    script = project / "scripts/check-readiness"
    return subprocess.run([script, *arguments], capture_output=True, text=True, env=environment, timeout=120)


def answers(project, address, release):
    commit = f"_commit: {release}\n" if release else ""
    (project / ".copier-answers.yml").write_text(f"# Written by Copier\n{commit}_src_path: {address}\nlanguage: go\n")


@pytest.mark.parametrize(
    ("address", "fetched"),
    [
        ("https://example.com/o/r.git", "https://example.com/o/r.git"),
        ("https://example.com/o/r", "https://example.com/o/r"),
        ("git+https://example.com/o/r.git", "https://example.com/o/r.git"),
        ("gh:o/r", "https://github.com/o/r.git"),
        ("gh:o/r.git", "https://github.com/o/r.git"),
        ("gl:o/group/r", "https://gitlab.com/o/group/r.git"),
        ("git@example.com:o/r.git", "ssh://git@example.com/o/r.git"),
        ("ssh://git@example.com:2222/o/r.git", "ssh://git@example.com:2222/o/r.git"),
        ("git+ssh://git@example.com/o/r.git", "ssh://git@example.com/o/r.git"),
        ("'https://example.com/it''s/r.git'", "https://example.com/it's/r.git"),
        ("file:///srv/template", "file:///srv/template"),
    ],
)
def test_each_form_of_address_is_fetched(project, address, fetched):
    answers(project, address, "v1.1.0")
    done = run(project, "--format", "json")
    assert done.returncode == 0, done.stderr
    program = f"--quiet --from git+{fetched}@v1.1.0#subdirectory=readiness readiness"
    recorded = (project.parent / "record").read_text().splitlines()
    assert recorded == [f"{program} --version", f"{program} --format json"]


@pytest.mark.parametrize(
    ("address", "fetched"),
    [
        ("/srv/a template", "/srv/a%20template"),
        ("'/srv/a template'", "/srv/a%20template"),
        ("../template", "{project}/../template"),
    ],
)
def test_a_local_template_is_fetched_by_its_path(project, address, fetched):
    answers(project, address, "v1.1.0")
    assert run(project).returncode == 0
    fetched = fetched.format(project=project)
    assert f"git+file://{fetched}@v1.1.0#" in (project.parent / "record").read_text()


@pytest.mark.parametrize(
    ("release", "revision"),
    [
        ("v1.1.0", "@v1.1.0#"),
        ("v1.1.0-rc.1", "@v1.1.0-rc.1#"),
        ("v1.1.0+acme.2", "@v1.1.0+acme.2#"),
        (
            "v1.1.0\n_commit_hash: '0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a'",
            "@0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a#",
        ),
        (
            "v1.1.0-3-gabc1234\n_commit_hash: 'abababababababababababababababababababab'",
            "@abababababababababababababababababababab#",
        ),
    ],
)
def test_each_form_of_release_is_fetched(project, release, revision):
    answers(project, "https://example.com/o/r.git", release)
    assert run(project).returncode == 0
    assert f"{revision}subdirectory=readiness " in (project.parent / "record").read_text()


@pytest.mark.parametrize("code", [0, 1, 2])
def test_the_exit_code_is_the_programs(project, code):
    answers(project, "gh:o/r", "v1.1.0")
    write_uvx(project, f'case "$*" in *--version) ;; *) exit {code} ;; esac')
    assert run(project).returncode == code


def test_a_program_that_cannot_be_fetched_is_an_error_with_the_reason(project):
    answers(project, "gh:o/r", "v1.1.0")
    write_uvx(project, "echo 'fatal: could not read Username' >&2; exit 2")
    done = run(project)
    assert done.returncode == 1
    assert done.stderr.startswith("fatal: could not read Username\nerror: cannot fetch the program readiness from ")
    assert "from https://github.com/o/r.git at v1.1.0. The reason is above." in done.stderr
    assert "Check the network, your access to the template, and _src_path and _commit" in done.stderr


def test_without_answers_the_error_says_what_to_do(project):
    done = run(project)
    assert done.returncode == 1
    assert "error: .copier-answers.yml is missing. Restore it" in done.stderr
    answers(project, "https://example.com/o/r.git", "")
    done = run(project)
    assert done.returncode == 1
    assert "error: .copier-answers.yml names no template and release" in done.stderr


def test_without_uv_the_error_says_how_to_install_it(project):
    answers(project, "gh:o/r", "v1.1.0")
    tools = project.parent / "tools"
    tools.mkdir()
    for tool in ("sh", "sed", "dirname", "cat"):
        (tools / tool).symlink_to(shutil.which(tool))
    done = run(project, path=str(tools))
    assert done.returncode == 1
    assert "error: uvx is not installed. Install uv: https://" in done.stderr


# The real program


@pytest.fixture(scope="module")
def tagged(tmp_path_factory):
    return tagged_template(tmp_path_factory.mktemp("releases"))


@pytest.mark.needs("uv")
def test_the_program_of_the_release_runs_then_without_a_network(tagged, tmp_path):
    project = tmp_path / "project"
    copier.run_copy(str(tagged), project, data={"language": "go"}, vcs_ref=WORKING_TREE, defaults=True, quiet=True)
    git(project, "init", "--quiet", "--initial-branch=main")
    command = ["make", "readiness"]

    def make(**environment):
        return subprocess.run(
            command, cwd=project, capture_output=True, text=True, timeout=300, env={**os.environ, **environment}
        )

    done = make()
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"\d+ pass, 0 fail, \d+ manual\n", done.stdout)
    (project / "Dockerfile").write_text((project / "Dockerfile").read_text().replace("USER 65532:65532", "USER root"))
    done = make(UV_OFFLINE="1", FORMAT="markdown")
    assert done.returncode != 0
    assert "| **fail** | `numeric-user` |" in done.stdout
    moved = tagged.with_name("moved")
    tagged.rename(moved)
    try:
        done = make()
    finally:
        moved.rename(tagged)
    assert done.returncode != 0
    assert ", 1 fail, " in done.stdout


@pytest.mark.needs("uv")
def test_a_private_template_is_fetched_with_the_access_that_git_has(tagged, tmp_path):
    """As docs/pipeline.md of an emitted repository describes it, with a folder as the host."""
    project = tmp_path / "project"
    copier.run_copy(str(tagged), project, data={"language": "go"}, vcs_ref=WORKING_TREE, defaults=True, quiet=True)
    recorded = project / ".copier-answers.yml"
    recorded.write_text(recorded.read_text().replace(str(tagged), "git@template.invalid:owner/template.git"))
    access = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{tagged}.insteadOf",
        "GIT_CONFIG_VALUE_0": "ssh://git@template.invalid/owner/template.git",
    }
    command = [project / "scripts/check-readiness"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **access})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("uv")
def test_a_commit_between_two_releases_runs(tagged, tmp_path):
    """Copier records such a commit as `git describe` names it."""
    git(tagged, "commit", "--quiet", "--allow-empty", "--message", "After the release")
    release = git(tagged, "describe", "--tags", "--always").strip()
    assert "-1-g" in release
    project = tmp_path / "project"
    copier.run_copy(str(tagged), project, data={"language": "go"}, vcs_ref="HEAD", defaults=True, quiet=True)
    assert f"_commit: {release}\n" in (project / ".copier-answers.yml").read_text()
    done = subprocess.run([project / "scripts/check-readiness"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
