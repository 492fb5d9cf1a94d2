"""An owner's first week: what the steps of docs/developing.md do to a project, and `make dev` while they are made."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.containers import docker
from tests.first_week.page import Step, apply

LIVE_WITHIN_SECONDS = 60


def variables_of(path: Path) -> dict[str, str]:
    """Return the variables that a file of NAME=value lines sets."""
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", path.read_text(), re.MULTILINE))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Dev:
    """`make dev` in a project, on free ports."""

    project: Path
    port: int
    default_port: int
    process: subprocess.Popen
    log: Path
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds from an edit to the new answer, by the request's first line."""

    @property
    def database(self) -> str:
        """Return the address of the development database on this machine."""
        return f"postgres://app:app@127.0.0.1:{os.environ['POSTGRES_PORT']}/app"

    def request(self, commands: str, expected: str | None) -> None:
        """Run a request of the page until it succeeds with the expected answer; fail with what it printed at last."""
        began = time.monotonic()
        shown = ""
        while time.monotonic() - began < LIVE_WITHIN_SECONDS:
            done = shell(commands.replace(f"127.0.0.1:{self.default_port}", f"127.0.0.1:{self.port}"), self.project)
            shown = done.stdout + done.stderr
            if done.returncode == 0 and (expected is None or is_same(done.stdout, expected)):
                self.seconds[commands.splitlines()[0]] = time.monotonic() - began
                return
            time.sleep(0.1)
        raise AssertionError(f"{commands}\nprinted {shown!r}, expected {expected!r}\n{self.log.read_text()[-4000:]}")


def is_same(printed: str, expected: str) -> bool:
    """Return whether two texts are equal, or equal as JSON. `…` in the expected text stands for any text."""
    with contextlib.suppress(ValueError):  # not JSON
        printed, expected = (json.dumps(json.loads(text), sort_keys=True) for text in (printed, expected))
    pattern = ".*".join(re.escape(part) for part in expected.strip().replace("\\u2026", "…").split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def shell(commands: str, project: Path, seconds: float = 900) -> subprocess.CompletedProcess:
    """Run commands in a project as a person does in a terminal; they stop at the first that fails."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=project,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
    )


def follow(steps: list[Step], project: Path, dev: Dev | None = None) -> None:
    """Follow the steps of a section in their order; without `make dev`, leave out the requests."""
    for number, step in enumerate(steps):
        if step.kind == "run":
            done = shell(step.text, project)
            assert done.returncode == 0, f"{step.text}\n{done.stdout}{done.stderr}"
        elif step.kind == "request" and dev is not None:
            following = steps[number + 1] if number + 1 < len(steps) else None
            dev.request(step.text, following.text if following and following.kind == "answer" else None)
        elif step.kind not in ("request", "answer", "shown"):
            apply(step, project)


@contextlib.contextmanager
def make_dev(project: Path, default_port: int, log: Path) -> Iterator[Dev]:
    """Run `make dev` in a terminal's way, wait until the service is ready, and stop it with Ctrl-C.

    Ctrl-C is SIGINT to the foreground process group (POSIX, general terminal interface, 11.1.9): here the group that
    `make` leads. Afterwards, nothing of it is left and the last lines have no error of make.
    """
    port = free_port()
    os.environ["POSTGRES_PORT"], os.environ["REDIS_PORT"] = str(free_port()), str(free_port())
    environment = {**os.environ, "PORT": str(port), "COMPOSE_MENU": "false", "COMPOSE_PROGRESS": "plain"}
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "dev"],
            cwd=project,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    dev = Dev(project, port, default_port, process, log)
    try:
        wait_until_ready(dev)
        yield dev
        os.killpg(process.pid, signal.SIGINT)
        status = process.wait(timeout=60)
        assert status in (0, -signal.SIGINT, 130), f"make dev exited with {status}"
        assert "***" not in log.read_text(), log.read_text()[-2000:]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        # Volumes and images stay, as for a person: the next start has its data and its caches.
        compose_down(project)
    left = docker("ps", "--quiet", "--filter", f"label=com.docker.compose.project.working_dir={project}")
    assert left == "", "`make dev` left containers running"


def compose_down(project: Path, *options: str) -> None:
    """Remove the containers of `make dev`; with `--volumes --rmi local`, also its data, caches and image."""
    command = ["docker", "compose", "down", "--timeout", "5", *options]
    subprocess.run(command, cwd=project, capture_output=True, timeout=120)


def wait_until_ready(dev: Dev, seconds: float = 600) -> None:
    """Wait until the service of `make dev` is ready; fail with its log if it exits or does not become ready."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        assert dev.process.poll() is None, f"make dev exited:\n{dev.log.read_text()[-6000:]}"
        if shell(f"curl -fsS -m 5 127.0.0.1:{dev.port}/health/ready", dev.project).returncode == 0:
            return
        time.sleep(0.5)
    raise AssertionError(f"not ready after {seconds} seconds:\n{dev.log.read_text()[-6000:]}")
