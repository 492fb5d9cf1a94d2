"""Promise: the first lines of a test run list what is skipped and why; a failure prints how to run that test alone."""

import re
import shlex
import shutil
import subprocess
import sys

import pytest

from tests import lanes, machine
from tests.combinations import ROOT

# A test that requires an engine and does nothing else before it uses it.
TEST = "tests/test_environment.py::test_a_valid_environment_starts_in_every_mode[go-test]"


@pytest.fixture
def run_pytest(tmp_path):
    """Return a function that runs pytest as on a machine that has Git and no other tool, and returns what it prints."""
    (tmp_path / "git").symlink_to(shutil.which("git"))

    def run_pytest(*arguments: str, **variables: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
            cwd=ROOT,
            env={"PATH": str(tmp_path), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        return done.stdout

    return run_pytest


def test_the_first_lines_list_what_is_skipped_and_why(run_pytest):
    printed = run_pytest("--collect-only", "tests/test_suite.py")
    header = printed.split("\ncollected ")[0]
    assert "skipped: tests of images, containers and data stores (there is no Docker engine)" in header
    assert "skipped: releases on Kubernetes (there is no Kubernetes cluster with Argo Rollouts)" in header
    assert re.search(r"skipped: checks of Node projects.* \(there is no Node \d+\)", header)
    assert re.search(r"skipped: checks of Go projects.* \(there is no Go [\d.]+\)", header)


def test_the_first_lines_report_that_nothing_is_skipped(monkeypatch, pytestconfig):
    monkeypatch.setattr(machine, "missing", lambda tool: "")
    assert pytestconfig.hook.pytest_report_header(config=pytestconfig, start_path=ROOT)
    assert machine.missing_tools() == []


def test_every_tool_that_tests_can_require_is_listed(pytestconfig):
    [marker] = [line for line in pytestconfig.getini("markers") if line.startswith("needs(")]
    assert set(machine.TESTS) == set(re.findall(r"\w+", marker.split("one of:")[1].split(";")[0]))
    for tool in machine.TESTS:
        machine.missing(tool)  # raises an error for a tool that it does not know


def test_a_failure_prints_the_command_that_runs_the_test_alone(run_pytest):
    printed = run_pytest("--numprocesses=1", TEST, REQUIRE="docker")
    assert "failing: tests of images, containers and data stores (there is no Docker engine)" in printed
    assert "REQUIRE=docker is set, but there is no Docker engine" in printed
    [command] = re.findall(r"- run it alone -+\n(.+)\n", printed)
    assert shlex.split(command) == ["uv", "run", "pytest", TEST]
    again = run_pytest(*shlex.split(command)[3:], REQUIRE="docker")
    assert "REQUIRE=docker is set, but there is no Docker engine" in again
    assert re.search(r"^=+ 1 error in ", again, re.MULTILINE)


def test_every_file_that_starts_early_exists_and_every_file_on_the_cluster_has_a_lane():
    early = [*lanes.LANES, *lanes.LONG]
    assert [file for file in early if not (ROOT / file).is_file()] == []
    assert len(set(early)) == len(early)
    on_cluster = {path for path in (ROOT / "tests/cluster").glob("test_*.py") if '"cluster"' in path.read_text()}
    assert {str(path.relative_to(ROOT)) for path in on_cluster} == set(lanes.LANES)
