"""Promise: `make demo` ends with a healthy service, or with a message and nothing left behind."""

import os
import re
import shlex
import socket
import subprocess
import urllib.request

import pytest

from tests import containers
from tests.combinations import ROOT


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int) -> bool:
    """Tell whether something listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def make_demo(folder, port: int, **environment: str) -> subprocess.CompletedProcess:
    """Run `make demo` with its temporary folder inside `folder`."""
    variables = {**os.environ, "TMPDIR": str(folder), "PORT": str(port), **environment}
    return subprocess.run(["make", "demo"], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({}, marks=pytest.mark.needs("docker"), id="with-an-engine"),
        pytest.param({"DOCKER_HOST": "unix:///nowhere.sock"}, id="without-one"),
    ],
)
def test_the_demo_ends_with_a_healthy_service_that_can_be_stopped(tmp_path, environment):
    port = free_port()
    done = make_demo(tmp_path, port, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    address, stop = re.search(r"http://127\S+", done.stdout)[0], re.search(r"stop it: +(.+)", done.stdout)[1]
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.status == 200
        assert '{"status":"ok"}' in done.stdout
    finally:
        subprocess.run(shlex.split(stop), check=True, capture_output=True, timeout=60)
    # It drains before it ends.
    containers.until(lambda: not listens(port), 60, lambda: "the service still listens")


def test_a_taken_port_is_said_and_nothing_stays(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        done = make_demo(tmp_path, port)
    assert done.returncode != 0
    assert f"port {port} is taken" in done.stderr
    assert not list(tmp_path.glob("deployment-patterns-demo-*"))


@pytest.mark.needs("docker")
def test_a_build_that_fails_is_shown_and_nothing_stays(tmp_path):
    done = make_demo(tmp_path, free_port(), COMPOSE_FILE="/nowhere/compose.yaml")
    assert done.returncode != 0
    assert "/nowhere/compose.yaml" in done.stderr
    assert not list(tmp_path.glob("deployment-patterns-demo-*"))
