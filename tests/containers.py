"""Images of emitted projects, and containers that run them under production's restrictions."""

import contextlib
import http.client
import json
import os
import secrets
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.combinations import ROOT

RESTRICTED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true")
DATABASE_PASSWORD = secrets.token_hex(16)


def docker(*arguments: str, check: bool = True, seconds: int = 120) -> str:
    """Run a docker command and return what it prints; its error output is part of the failure."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=seconds)
    if check and done.returncode:
        raise AssertionError(f"docker {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def build(project: Path, tag: str, version: str = "1.2.3") -> str:
    """Build a project's image by its own `make image`; return its name."""
    done = subprocess.run(
        ["make", "image", f"IMAGE={tag}", f"VERSION={version}"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return f"{tag}:{version}"


def facts(language: str) -> dict:
    """Return facts/languages/<language>.yml."""
    return yaml.safe_load((ROOT / f"facts/languages/{language}.yml").read_text())


def environment(language: str, services: list[str], **changes: str | None) -> dict[str, str]:
    """Return a valid production environment; a change to None removes the variable."""
    variables = {
        facts(language)["mode_variable"]: "production",
        "JWT_SECRET": "j" * 40,
        "HEALTH_TOKEN": "h" * 20,
    }
    if language == "python":
        variables |= {"SECRET_KEY": "s3cr3t-" + secrets.token_hex(32), "ALLOWED_HOSTS": "127.0.0.1"}
    if "postgres" in services:
        variables["DATABASE_URL"] = f"postgres://app:{DATABASE_PASSWORD}@postgres:5432/app"
    if "redis" in services:
        variables["REDIS_URL"] = "redis://redis:6379/0"
    if "external-api" in services:
        variables["EXTERNAL_API_URL"] = f"http://127.0.0.1:{facts(language)['port']}/health"
    return {name: value for name, value in (variables | changes).items() if value is not None}


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    headers: http.client.HTTPMessage
    body: str

    def json(self) -> dict:
        return json.loads(self.body)


@dataclass
class Container:
    """A running container: `port(n)` is the port of 127.0.0.1 that is published for its port n."""

    name: str
    ports: dict[int, int] = field(default_factory=dict)

    def port(self, inside: int) -> int:
        if inside not in self.ports:
            address = docker("port", self.name, f"{inside}/tcp").splitlines()[0]
            self.ports[inside] = int(address.rsplit(":", 1)[1])
        return self.ports[inside]

    def request(self, inside: int, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port(inside), timeout=30)
        with contextlib.closing(connection):
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body or None, headers=names)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())

    def logs(self) -> str:
        done = subprocess.run(["docker", "logs", self.name], capture_output=True, text=True, timeout=20)
        return done.stdout + done.stderr

    def state(self) -> dict:
        return json.loads(docker("inspect", "--format", "{{json .State}}", self.name))

    def wait(self, seconds: float) -> int:
        """Return the exit code; raise TimeoutError if the container still runs after that many seconds."""
        until(lambda: not self.state()["Running"], seconds, lambda: f"{self.name} still runs:\n{self.logs()}")
        return self.state()["ExitCode"]

    def wait_for_status(self, inside: int, path: str, status: int, seconds: float = 60, **headers: str) -> Answer:
        """Return the response once the path responds with the status."""
        seen: list[object] = []

        def reached() -> bool:
            try:
                seen.append(self.request(inside, path, **headers))
            except (OSError, http.client.HTTPException) as error:
                seen.append(error)
            return getattr(seen[-1], "status", None) == status

        until(reached, seconds, lambda: f"{path} did not answer {status}, but {seen[-1]!r}:\n{self.logs()}")
        return seen[-1]


def until(condition, seconds: float, explain) -> None:
    """Return when the condition holds; raise TimeoutError with the explanation after that many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} seconds {explain()}")
        time.sleep(0.1)


@contextlib.contextmanager
def container(image: str, *options: str, command: tuple[str, ...] = (), env: dict | None = None) -> Iterator[Container]:
    """Start a container with a random name; at the end, remove it and its volumes."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    variables = [part for key, value in (env or {}).items() for part in ("--env", f"{key}={value}")]
    try:
        docker("run", "--detach", "--name", name, *variables, *options, image, *command)
        yield Container(name)
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


@contextlib.contextmanager
def service(image: str, language: str, env: dict[str, str], *options: str, command: tuple[str, ...] = ()):
    """Start an emitted service as in production, with its ports published on free ports of 127.0.0.1."""
    ports = (facts(language)["port"], 9090)
    publish = [part for port in ports for part in ("--publish", f"127.0.0.1::{port}")]
    with container(image, *RESTRICTED, *publish, *options, command=command, env=env) as started:
        yield started


@contextlib.contextmanager
def network() -> Iterator[str]:
    """Create a network for one test."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    docker("network", "create", name)
    try:
        yield name
    finally:
        docker("network", "rm", name, check=False)


@contextlib.contextmanager
def postgres(in_network: str) -> Iterator[Container]:
    """Start PostgreSQL as `postgres` in a network and wait until it accepts connections."""
    env = {"POSTGRES_USER": "app", "POSTGRES_PASSWORD": DATABASE_PASSWORD, "POSTGRES_DB": "app"}
    with container("postgres:18-trixie", "--network", in_network, "--network-alias", "postgres", env=env) as started:
        ready = ("exec", started.name, "pg_isready", "--username=app", "--dbname=app", "--host=127.0.0.1")
        until(lambda: "accepting" in docker(*ready, check=False), 60, started.logs)
        yield started


@contextlib.contextmanager
def redis(in_network: str) -> Iterator[Container]:
    """Start Redis as `redis` in a network and wait until it responds."""
    with container("redis:8-trixie", "--network", in_network, "--network-alias", "redis") as started:
        until(lambda: "PONG" in docker("exec", started.name, "redis-cli", "ping", check=False), 60, started.logs)
        yield started
