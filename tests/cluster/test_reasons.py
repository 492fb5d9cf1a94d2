"""Promise: a release that cannot succeed ends early, with the reason that the cluster knows.

The objects are those of a real API server; what a kubelet or a controller would report in their status is written by
the test, in their words: pkg/kubelet/images (ErrImagePull and its message), pkg/kubelet/kubelet_pods.go (terminated
states), and the Job controller's event FailedCreate, https://github.com/kubernetes/kubernetes/tree/v1.35.0.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.cluster.stage import kubectl

pytestmark = pytest.mark.needs("cluster")

NAME = "orders"
NAMESPACE = f"{NAME}-staging"
SERVER = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/component": "server"}
JOB = {"batch.kubernetes.io/job-name": f"{NAME}-migration"}

Ask = Callable[[str], str]


@pytest.fixture(scope="module")
def ask(render) -> Iterator[Ask]:
    """Return a function that calls one of the functions of an emitted project's scripts and returns what it prints."""
    project = render(language="go", services=["postgres"], project_name=NAME)
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait", seconds=180)
    kubectl("create", "namespace", NAMESPACE)

    def ask(call: str) -> str:
        script = f"set -eu; environment=staging; . scripts/lib/kubernetes.sh; {call}"
        done = subprocess.run(
            ["sh", "-c", script], cwd=project, env=os.environ, capture_output=True, text=True, timeout=60
        )
        assert done.stderr == ""
        return done.stdout

    yield ask
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


@pytest.fixture
def create(ask) -> Iterator[Callable[[dict, dict], None]]:
    """Return a function that creates an object with a status, in which no controller or kubelet has a part."""

    def create(created: dict, status: dict) -> None:
        kubectl("--namespace", NAMESPACE, "create", "--filename", "-", given=json.dumps(created))
        kind, name = created["kind"], created["metadata"]["name"]
        patch = ("--subresource=status", "--type=merge", "--patch", json.dumps({"status": status}))
        kubectl("--namespace", NAMESPACE, "patch", kind, name, *patch)

    yield create
    kubectl("--namespace", NAMESPACE, "delete", "pods,jobs", "--all", "--force", "--grace-period=0")


def pod(labels: dict[str, str]) -> dict:
    """Return a pod that no scheduler assigns to a node."""
    containers = [{"name": name, "image": "example.com/image:1"} for name in ("server", "istio-proxy")]
    spec = {"schedulerName": "nobody", "containers": containers}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "orders-1", "labels": labels}, "spec": spec}


def statuses(**states: dict) -> dict:
    """Return a pod's status, given the state of its containers."""
    common = {"image": "", "imageID": "", "ready": False, "restartCount": 0}
    return {
        "containerStatuses": [{"name": name.replace("_", "-"), **common, **state} for name, state in states.items()]
    }


def pull(error: str) -> dict:
    """Return the status of a pod whose image was not pulled."""
    message = f'Back-off pulling image "example.com/image:1": ErrImagePull: {error}'
    return statuses(server={"state": {"waiting": {"reason": "ImagePullBackOff", "message": message}}})


def test_a_missing_image_ends_a_release(ask, create):
    error = 'rpc error: code = NotFound desc = failed to pull and unpack image "example.com/image:1": not found'
    create(pod(SERVER), pull(error))
    assert "orders-1 does not start: ImagePullBackOff" in ask('stuck_pod "$server"')


def test_a_registry_that_does_not_respond_for_a_moment_does_not(ask, create):
    create(pod(SERVER), pull("failed to pull image: Get https://example.com/v2/: dial tcp: i/o timeout"))
    assert ask('stuck_pod "$server"') == ""


def test_a_crash_names_what_ended_the_container(ask, create):
    killed = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "message": "fatal: last words"}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}}
    create(pod(SERVER), statuses(server={"state": waiting, "lastState": killed}))
    printed = ask('stuck_pod "$server"')
    assert "orders-1 crashes at its start" in printed
    assert "server: OOMKilled, exit code 137" in printed
    assert "fatal: last words" in printed


def test_a_sidecar_that_outlives_the_migration_is_named(ask, create):
    done = {"state": {"terminated": {"reason": "Completed", "exitCode": 0}}}
    create(pod(JOB), statuses(server=done, istio_proxy={"state": {"running": {}}}))
    printed = ask("job_problem orders-migration Running")
    assert printed.startswith("server has finished, but the sidecar istio-proxy keeps the pod alive.")


def test_a_job_whose_pods_are_refused_ends_with_the_reason(ask):
    """A real quota refuses them, and the real controller reports that."""
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "limits"},
        "spec": {"hard": {"limits.cpu": "1"}},
    }
    kubectl("--namespace", NAMESPACE, "create", "--filename", "-", given=json.dumps(quota))
    kubectl("--namespace", NAMESPACE, "create", "job", "orders-migration", "--image=example.com/image:1")
    try:
        printed = ask('await_job orders-migration 60 || echo "problem: $problem"')
        assert "problem: " in printed
        assert "failed quota: limits: must specify limits.cpu" in printed
        assert "did not finish within" not in printed
    finally:
        kubectl("--namespace", NAMESPACE, "delete", "job/orders-migration", "resourcequota/limits")
