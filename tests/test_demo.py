"""Promise: `make demo` starts a healthy service beside everything that runs, or reports why not and leaves nothing."""

import os
import re
import runpy
import shlex
import signal
import socket
import subprocess
import time
import urllib.parse
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


def make_demo(folder, port: int, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run `make demo` with its temporary folder inside `folder`."""
    variables = {**os.environ, "TMPDIR": str(folder), "PORT": str(port), **environment}
    command = ["make", "demo", *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=600)


def stop(command: str) -> None:
    """Run the command that a demo prints for this."""
    subprocess.run(shlex.split(command), check=True, capture_output=True, timeout=60)


@pytest.fixture
def owners_containers(tmp_path):
    """Start a Compose project that is called like the demo's service; return a function that lists its containers."""
    (tmp_path / "compose.yaml").write_text("name: my-service\nservices: {service: {image: 'redis:8-trixie'}}\n")
    compose = ["docker", "compose", "--project-directory", str(tmp_path)]
    subprocess.run([*compose, "up", "--detach", "--quiet-pull"], check=True, capture_output=True, timeout=300)
    listing = [*compose, "ps", "--quiet"]
    yield lambda: subprocess.run(listing, check=True, capture_output=True, text=True, timeout=60).stdout
    subprocess.run([*compose, "down"], check=True, capture_output=True, timeout=60)


@pytest.mark.needs("docker")
def test_two_demos_end_with_healthy_services_beside_a_compose_project_of_the_same_name(tmp_path, owners_containers):
    before = owners_containers()
    two_demos(tmp_path)
    assert owners_containers() == before != ""


def test_two_demos_end_with_healthy_services_without_an_engine(tmp_path):
    two_demos(tmp_path, DOCKER_HOST="unix:///nowhere.sock")


def two_demos(folder, **environment: str) -> None:
    """Start two demos, check that both are healthy at the same time, stop both."""
    addresses, stops = [], []
    try:
        # The second one starts its clock earlier, as if what `make` does before the demo took long.
        for earlier_seconds in (0, 1000):
            began = time.monotonic()
            started = [f"DEMO_STARTED={int(time.time()) - earlier_seconds}"] if earlier_seconds else []
            done = make_demo(folder, free_port(), *started, **environment)
            took = time.monotonic() - began
            assert done.returncode == 0, done.stdout + done.stderr
            addresses.append(re.search(r"http://127\S+", done.stdout)[0])
            stops.append(re.search(r"stop it: +(.+)", done.stdout)[1])
            assert '{"status":"ok"}' in done.stdout
            reported = int(re.search(r"healthy (\d+) seconds after `make demo`", done.stdout)[1])
            assert 0 < reported - earlier_seconds <= took + 1, f"{reported} seconds reported, {took:.1f} measured"
        assert len(set(addresses)) == 2
        for address in addresses:
            with urllib.request.urlopen(address, timeout=30) as answer:
                assert answer.status == 200
    finally:
        for command in stops:
            stop(command)
    for address in addresses:
        port = urllib.parse.urlsplit(address).port
        # It drains before it ends.
        containers.until(lambda port=port: not listens(port), 60, lambda: "the service still listens")


def test_the_image_has_a_valid_name_in_a_temporary_folder_of_any_name(tmp_path):
    """Compose appends `-service`, and an image's name must not contain `_-`."""
    compose = runpy.run_path(str(ROOT / "scripts/demo"))["compose"]
    assert compose(tmp_path / "deployment-patterns-demo-9Ejl_m0_/my-service")[-1] == "deployment-patterns-demo-9ejl-m0-"


@pytest.mark.parametrize("progress", ["", "emitted"])
def test_ctrl_c_removes_everything_without_a_traceback(tmp_path, progress):
    """At the very beginning, and while the service is built."""
    variables = {**os.environ, "TMPDIR": str(tmp_path), "PORT": str(free_port()), "DOCKER_HOST": "unix:///nowhere.sock"}
    command = ["make", "demo"]
    demo = subprocess.Popen(
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
    )
    lines = [demo.stdout.readline()]  # make prints the command that it runs, or the demo its first line
    while progress not in lines[-1]:
        lines.append(demo.stdout.readline())
    time.sleep(0.5)
    os.killpg(demo.pid, signal.SIGINT)
    printed = "".join(lines) + demo.communicate(timeout=60)[0]
    assert demo.returncode != 0
    assert "Traceback" not in printed, printed
    assert "demo: stopped, everything removed" in printed
    assert not list(tmp_path.glob("deployment-patterns-demo-*"))


def test_a_taken_port_is_reported_and_nothing_stays(tmp_path):
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
