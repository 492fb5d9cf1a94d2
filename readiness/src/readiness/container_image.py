"""Inspect an image and start it."""

import contextlib
import json
import re
import secrets
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from readiness.commands import run
from readiness.dockerfile import is_numeric
from readiness.documents import get
from readiness.environment import read_example, whole_number
from readiness.findings import Finding, Findings, ReadinessError, failed, judge, passed
from readiness.languages import language
from readiness.repository import Repository
from readiness.running_service import HEADERS, TLS_HEADER, check_headers, request
from readiness.secrets import PASSWORD_IN_URL, TOKENS

START_SECONDS = 60
EXIT_CONFIG = 78
RESTRICTED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true")

# What is in an image by mistake: names of files, and what a small file of the service must not contain.
SECRET_FILES = re.compile(
    r"(^|/)(\.env(\.(?!example$)\w+)?|\.git/config|id_(rsa|ed25519|ecdsa)|\.netrc|\.docker/config\.json|kubeconfig)$"
)
SYSTEM_FILES = re.compile(r"^(usr|lib|etc|nodejs|proc|sys|var)/|/site-packages/|/node_modules/")
MOST_BYTES_SEARCHED = 1_000_000
SECRET_ARGUMENT = re.compile(r"\w*(SECRET|TOKEN|PASSWORD|_KEY)=[^\s\"']")


@dataclass(frozen=True)
class Image:
    """An image of the service, and the environment to start it with."""

    name: str
    repository: Repository

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """What Docker knows of the image."""
        done = run("docker", "image", "inspect", self.name)
        if done.returncode:
            raise ReadinessError(f"cannot inspect the image {self.name}: {done.stderr.strip()}")
        configuration: dict[str, Any] = json.loads(done.stdout)[0]
        return configuration

    @cached_property
    def environment(self) -> dict[str, str]:
        """Return the example's environment as production has it: with random secrets."""
        given = {name: value for name, (value, _) in read_example(self.repository).items()}
        modes = {name: "production" for name in given if name in {"NODE_ENV", "APP_ENV"}}
        made_up = {name: secrets.token_hex(32) for name, value in given.items() if value.startswith("example-")}
        given |= modes | made_up
        return {
            name: re.sub(r"\$\{(\w+)\}", lambda found: given.get(found[1], ""), value) for name, value in given.items()
        }

    @contextlib.contextmanager
    def started(self, environment: dict[str, str]) -> Iterator["Container"]:
        """Start the image with the restrictions of production; remove the container afterwards."""
        name = f"readiness-{secrets.token_hex(6)}"
        with tempfile.NamedTemporaryFile("w", suffix=".env") as file:
            file.write("".join(f"{key}={value}\n" for key, value in environment.items()))
            file.flush()
            port = environment.get("PORT", "1")
            options = ("--name", name, "--env-file", file.name, "--publish", f"127.0.0.1::{port}", *RESTRICTED)
            done = run("docker", "run", "--detach", *options, self.name)
        try:
            if done.returncode:
                raise ReadinessError(f"cannot start the image {self.name}: {done.stderr.strip()}")
            yield Container(name, port)
        finally:
            run("docker", "rm", "--force", "--volumes", name)


@dataclass(frozen=True)
class Container:
    """A started image; `port` is the one inside."""

    name: str
    port: str

    @property
    def url(self) -> str:
        """Where it is reached on this machine."""
        return "http://" + run("docker", "port", self.name, f"{self.port}/tcp").stdout.split("\n")[0]

    @property
    def state(self) -> dict[str, Any]:
        """What Docker knows of its state."""
        state: dict[str, Any] = json.loads(run("docker", "inspect", "--format", "{{json .State}}", self.name).stdout)
        return state

    @property
    def health(self) -> str:
        """The result of its health check."""
        return str(get(self.state, "Health", "Status", default="without a health check"))

    def until(self, condition: Callable[..., bool], seconds: float) -> float:
        """Wait until a condition holds; return the seconds it took, or infinity if it never did."""
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            is_running = self.state["Running"]
            if condition():
                return time.monotonic() - begin
            if not is_running:
                break
            time.sleep(0.2)
        return float("inf")

    def last_line(self) -> str:
        """Return the last line that it wrote, cut short."""
        done = run("docker", "logs", "--tail", "1", self.name)
        return (done.stdout + done.stderr).strip()[-200:]


def check_image(name: str, repository: Repository) -> dict[str, list[Finding]]:
    """Inspect an image and start it; return the findings by item."""
    image = Image(name, repository)
    user = image.configuration["Config"]["User"]
    megabytes = image.configuration["Size"] / 1e6
    example_secrets = {
        name: value for name, (value, _) in read_example(image.repository).items() if value.startswith("example-")
    }
    return {
        "numeric-user": [judge(is_numeric(user), f"the image's user is {user or 'root'}", "a number that is not 0")],
        "multi-stage": [
            judge(
                megabytes <= language(repository).most_megabytes,
                f"{megabytes:.0f} MB",
                f"at most {language(repository).most_megabytes}",
            )
        ],
        "fail-fast": [check_refusal(image, "without an environment", {})],
        "example-secrets-refused": [
            check_refusal(image, "with the example's secrets", image.environment | example_secrets)
        ],
        "no-secrets-in-image": list(search_layers(image)),
        **run_as_in_production(image),
    }


def check_refusal(image: Image, how: str, environment: dict[str, str]) -> Finding:
    """Return whether the image refuses to start with an environment."""
    with image.started(environment) as container:
        container.until(lambda: not container.state["Running"], START_SECONDS)
        state = container.state
        code = "none, as it runs" if state["Running"] else state["ExitCode"]
        return judge(code == EXIT_CONFIG, f"exit code {code} {how}", f"{EXIT_CONFIG}, not: {container.last_line()}")


def run_as_in_production(image: Image) -> dict[str, list[Finding]]:
    """Start the image, send requests, stop it, and return the findings by item."""
    with image.started(image.environment) as container:
        started = container.until(lambda: request(container.url, "/health").status == 200, START_SECONDS)
        if started > START_SECONDS:
            seen = f"no answer from /health with a read-only file system: {container.last_line()}"
            return {"runs-read-only": [failed(seen)]}
        detailed = request(container.url, "/health/detailed").status
        headers = check_headers(request(container.url, "/"), (*HEADERS, TLS_HEADER))
        container.until(lambda: container.health != "starting", START_SECONDS)
        health = container.health
        limit = whole_number(image.environment, "SHUTDOWN_TIMEOUT_SECONDS", "25")
        run("docker", "kill", "--signal", "TERM", container.name)
        stopped = container.until(lambda: not container.state["Running"], limit + 5)
        code = container.state["ExitCode"]
    seen = f"answers {started:.1f} s after the start, on a read-only file system and without capabilities"
    return {
        "runs-read-only": [passed(seen)],
        "own-healthcheck": [judge(health == "healthy", f"the container is {health}", "healthy")],
        "detailed-health-closed": [judge(detailed == 401, f"/health/detailed answers {detailed}", "401")],
        "security-headers": headers,
        "stops-in-time": [
            judge(
                stopped <= limit and code == 0,
                f"exit code {code}, {stopped:.1f} s after SIGTERM",
                f"0 within {limit} s",
            )
        ],
    }


def search_layers(image: Image) -> Findings:
    """Look for secrets in the commands that built an image and in every file of its layers."""
    history = run("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", image.name).stdout
    found = TOKENS.search(history) or PASSWORD_IN_URL.search(history) or SECRET_ARGUMENT.search(history)
    yield judge(not found, f"{len(history.splitlines())} steps of the image's history", "no secret in them")
    count = 0
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        saved = run("docker", "save", "--output", file.name, image.name)
        if saved.returncode:
            raise ReadinessError(f"cannot read the layers of {image.name}: {saved.stderr.strip()}")
        for layer in layers(Path(file.name)):
            for entry in layer:
                count += entry.isfile()
                if problem := secret_in(layer, entry):
                    yield failed(f"the image holds {entry.name}: {problem}")
    yield judge(count, f"{count} files in its layers, none of them secret", "files in its layers")


def layers(saved: Path) -> Iterator[tarfile.TarFile]:
    """Return the layers of an image that `docker save` wrote: those of its parts that are archives themselves."""
    with tarfile.open(saved) as archive:
        for part in archive:
            with contextlib.suppress(tarfile.ReadError):
                if part.isfile():
                    with tarfile.open(fileobj=archive.extractfile(part)) as layer:
                        yield layer


def secret_in(layer: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    """Return why a file of a layer should not be there, or an empty text."""
    if SECRET_FILES.search(entry.name):
        return "it belongs in no image"
    if entry.isfile() and entry.size < MOST_BYTES_SEARCHED and not SYSTEM_FILES.search(entry.name):
        file = layer.extractfile(entry)
        text = file.read().decode(errors="replace") if file else ""
        return "it has a token or a private key in it" if TOKENS.search(text) else ""
    return ""
