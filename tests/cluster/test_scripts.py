"""Promise: the scripts say what they do and what is wrong; these need no cluster."""

import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.callers import hostile_variables

SCRIPTS = ["deploy", "rollback", "smoke"]
TOKEN = "t" * 32

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def project(render) -> Path:
    return render(language="go", services=["postgres"], project_name="orders")


@pytest.fixture
def run(project, tmp_path) -> Run:
    """Return a function that runs a script where no cluster answers."""

    def run(script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            **hostile_variables(project),
            "KUBECONFIG": str(tmp_path / "none"),
            "SMOKE_SECONDS": "6",
            **variables,
        }
        command = [project / "scripts" / script, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, cwd=tmp_path)

    return run


class Service(http.server.BaseHTTPRequestHandler):
    """A service whose state the test decides."""

    answers: dict[str, tuple[int, dict]]
    requests: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.requests.append((self.path, self.headers.get("Authorization")))
        status, body = self.answers.get(self.path, (404, {}))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[tuple[type[Service], str]]:
    """Return a healthy service and its address."""

    class Well(Service):
        pass

    Well.requests = []
    Well.answers = {
        "/health": (200, {"status": "ok"}),
        "/health/ready": (200, {"status": "ok"}),
        "/health/detailed": (200, {"status": "ok", "version": "4f2a91c"}),
        "/": (200, {"service": "orders", "version": "4f2a91c"}),
    }
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Well)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Well, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_printed(run, script):
    done = run(script, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: scripts/{script} ")
    assert "exit codes: 0 " in done.stdout


@pytest.mark.parametrize(
    ("script", "arguments"),
    [(script, arguments) for script in SCRIPTS for arguments in ([], ["a", "b", "c"])],
)
def test_wrong_arguments_show_the_usage(run, script, arguments):
    done = run(script, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"usage: scripts/{script} ")


@pytest.mark.parametrize(
    "image",
    [
        "ghcr.io/acme/orders:1.0.0",
        "ghcr.io/acme/orders",
        "ghcr.io/acme/orders@sha256:123",
        f"ghcr.io/acme/orders@sha256:{'x' * 64}",
        f"@sha256:{'0' * 64}",
        f"ghcr.io/acme/orders@sha256:{'0' * 64}\n- op: remove",
    ],
)
def test_only_an_image_by_digest_is_deployed(run, image):
    done = run("deploy", "staging", image)
    assert done.returncode == 2
    assert "is not an image with a digest" in done.stderr


@pytest.mark.skipif(not shutil.which("kubectl"), reason="there is no kubectl")
@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ("../base", "'../base' is not a valid environment name"),
        ("", "'' is not a valid environment name"),
        ("nowhere", "unknown environment 'nowhere'. Use one of: preview production staging"),
        ("staging", "the cluster refuses access: "),
    ],
)
@pytest.mark.parametrize("script", ["deploy", "rollback"])
def test_an_environment_that_does_not_exist_is_refused(run, script, environment, message):
    image = [f"ghcr.io/acme/orders@sha256:{'0' * 64}"] if script == "deploy" else []
    done = run(script, environment, *image)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1


def test_smoke_passes_a_service_that_is_well(run, service):
    _, url = service
    done = run("smoke", f"{url}/", "4f2a91c", HEALTH_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f'ok   {url}/health "status":"ok"',
        f'ok   {url}/health/ready "status":"ok"',
        f'ok   {url}/health/detailed "version":"4f2a91c"',
    ]


def test_smoke_sends_the_token_to_the_detailed_check_only(run, service):
    state, url = service
    run("smoke", url, "4f2a91c", HEALTH_TOKEN=TOKEN)
    assert {path for path, sent in state.requests if sent == f"Bearer {TOKEN}"} == {"/health/detailed"}
    assert {path for path, sent in state.requests if sent is None} == {"/health", "/health/ready"}


def test_smoke_works_without_token_and_version(run, service):
    state, url = service
    assert run("smoke", url, HEALTH_TOKEN="").returncode == 0
    assert [path for path, _ in state.requests] == ["/health", "/health/ready"]


def test_smoke_takes_the_version_from_the_example_where_there_is_no_token(run, service):
    _, url = service
    done = run("smoke", url, "4f2a91c", HEALTH_TOKEN="")
    assert done.stdout.splitlines()[-1] == f'ok   {url}/ "version":"4f2a91c"'


def test_smoke_waits_for_a_service_that_is_not_ready_yet(run, service):
    state, url = service
    state.answers["/health/ready"] = (503, {"status": "unavailable"})
    threading.Timer(3, state.answers.update, [{"/health/ready": (200, {"status": "ok"})}]).start()
    assert run("smoke", url, HEALTH_TOKEN="").returncode == 0


@pytest.mark.parametrize(
    ("path", "answer", "message"),
    [
        ("/health/ready", (503, {"status": "unavailable"}), "/health/ready: status 503"),
        ("/health/detailed", (401, {"title": "Unauthorized"}), "/health/detailed: status 401"),
        (
            "/health/detailed",
            (200, {"status": "ok", "version": "0000000"}),
            '/health/detailed: status 200, expected 200 with "version":"4f2a91c"',
        ),
        ("/health/detailed", (503, {}), "/health/detailed: status 503"),
    ],
)
def test_smoke_says_what_is_not_well(run, service, path, answer, message):
    state, url = service
    state.answers[path] = answer
    done = run("smoke", url, "4f2a91c", HEALTH_TOKEN=TOKEN)
    assert done.returncode == 1
    assert message in done.stderr
    assert TOKEN not in done.stdout + done.stderr


@pytest.mark.parametrize("version", ["4f2a91c", ""])
def test_smoke_warns_of_an_optional_dependency_that_is_down(run, service, version):
    """The service is ready: an outage elsewhere must not revert a good release."""
    state, url = service
    checks = {"externalApi": {"status": "error", "error": "timeout"}}
    state.answers["/health/detailed"] = (503, {"status": "degraded", "version": "4f2a91c", "checks": checks})
    done = run("smoke", url, *filter(None, [version]), HEALTH_TOKEN=TOKEN)
    assert done.returncode == 0
    assert done.stderr.startswith(f"warn {url}/health/detailed: status 503")
    assert '"error": "timeout"' in done.stderr


def test_smoke_says_that_nobody_answers(run):
    done = run("smoke", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert "FAIL http://127.0.0.1:1/health: status 000" in done.stderr
    assert "Failed to connect" in done.stderr or "Couldn't connect" in done.stderr


ROLLOUT = """
set -eu
environment=staging
. scripts/lib/kubernetes.sh
describe_pods() { echo 'orders-1 0/1 Running'; }
stuck_pod() { :; }
list_releases() { :; }
field() { case $2 in .spec.progressDeadlineSeconds) echo 1 ;; esac; }
kube() { echo "$STATUS"; case $STATUS in error*) return 1 ;; esac; }
kube_once() { kube; }
grace_seconds=1 report_seconds=30 rollout_seconds=$ROLLOUT_SECONDS
await_rollout || { echo "problem: $problem"; exit 1; }
"""


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("Waiting for rollout to finish: 1 of 2 updated replicas are available...", 1, "not become ready in time"),
        ('error: deployment "orders" exceeded its progress deadline', 1, "not become ready in time"),
        ('deployment "orders" successfully rolled out', 0, "successfully rolled out"),
        ("", 1, "not become ready in time"),
        ("error: You must be logged in to the server (Unauthorized)", 1, "the cluster refuses access: You must"),
    ],
    ids=["no news", "Kubernetes reports it", "healthy", "no response", "an expired token"],
)
def test_a_rollout_without_progress_ends_even_if_kubernetes_misses_its_deadline(project, status, code, expected):
    """It does where a release returns to pods that were there before, while all pods become unready at that moment."""
    done = subprocess.run(
        ["sh", "-c", ROLLOUT],
        cwd=project,
        # The progress deadline of one second applies before the limit of the whole rollout, unless there is no status.
        env={**os.environ, "STATUS": status, "ROLLOUT_SECONDS": "60" if status else "4"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert expected in done.stdout


@pytest.fixture
def call(project, tmp_path) -> Callable[[str, str], subprocess.CompletedProcess[str]]:
    """Return a function that calls functions of the scripts with a kubectl that is the commands given."""

    def call(commands: str, kubectl: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "kubectl").write_text(f"#!/bin/sh\ncd {tmp_path}\n{kubectl}\n")
        (tmp_path / "kubectl").chmod(0o755)
        return subprocess.run(
            ["sh", "-euc", f"environment=staging; . scripts/lib/kubernetes.sh; {commands}"],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            cwd=project,
        )

    return call


@pytest.mark.parametrize("refused", ["create", "get"])
def test_a_completed_release_stays_released_if_nothing_can_be_pruned(call, tmp_path, refused):
    """Before, a failed request at the end let `scripts/deploy` exit with 1 for a release that runs."""
    done = call(
        "manifests=none; prune; say Released",
        f"""case " $* " in
          *" {refused} "*) echo 'error: refused' >&2; exit 1 ;;
          *" get "*) echo 'Service orders deploy ' ;;
          *" delete "*) touch deleted ;;
        esac""",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("warning: cannot read what earlier releases applied")
    assert done.stdout.splitlines()[-1] == "Released"
    assert not (tmp_path / "deleted").exists()


@pytest.mark.parametrize(
    ("error", "requests"),
    [
        ("Error from server (Conflict): Operation cannot be fulfilled: the object has been modified", 2),
        ("The connection to the server 10.0.0.1:6443 was refused", 2),
        ("Error from server (Forbidden): deployments.apps is forbidden", 1),
    ],
)
def test_a_request_is_repeated_if_its_error_passes(call, tmp_path, error, requests):
    done = call(
        "kube label deployment orders release=completed",
        f"""echo request >>requests
        [ "$(wc -l <requests)" -eq 1 ] || exit 0
        echo '{error}' >&2
        exit 1""",
    )
    assert (tmp_path / "requests").read_text() == "request\n" * requests
    assert done.returncode == (0 if requests == 2 else 1)


@pytest.mark.parametrize(
    ("step", "waits"),
    [(0, False), (1, True), (2, False), (3, False), (4, False)],  # the analysis can outlast the last step
)
def test_only_a_pause_without_end_waits_for_a_person(call, render, step, waits):
    canary = render(language="go", services=["postgres"], project_name="orders", strategy="canary")
    done = call(
        f"cd '{canary}'; . scripts/lib/workload.sh; state='Paused: CanaryPauseStep'; "
        "if awaits_person; then say waits; else say continues; fi",
        f"""printf '%s\\n' {step} '' '{{}}' '' '{{"duration":"2m"}}'""",
    )
    assert done.stdout == ("waits\n" if waits else "continues\n"), done.stderr


@pytest.mark.parametrize("strategy", ["rolling", "canary"])
@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ('await_rollout || say "$problem"', "the cluster refuses access: You must be logged in"),
        ("revert_release || true", "The cluster refuses access: nothing was reverted."),
        ("image=any; require_current orders-1", "error: the cluster does not respond"),
    ],
)
def test_without_access_a_release_ends_at_once_and_claims_nothing(call, render, strategy, commands, expected):
    """Before, it waited for its time limit, or reported that another actor had replaced the release."""
    project = render(language="go", services=["postgres"], project_name="orders", strategy=strategy)
    done = call(
        f"cd '{project}'; . scripts/lib/workload.sh; lock_holder=; {commands}",
        "echo 'error: You must be logged in to the server (Unauthorized)' >&2; exit 1",
    )
    assert expected in done.stdout + done.stderr
    assert "replaced" not in done.stdout + done.stderr
    assert "Reverted" not in done.stdout
