"""Promise: rolling releases on a real cluster lose no request, and bad ones are undone before anybody sees them."""

import json
import re
import signal
import time

import pytest

from tests.cluster.releases import ReleasesOfAnyStrategy, interrupt, no_request_lost, stages_of

pytestmark = pytest.mark.needs("docker", "cluster")

stages = stages_of("rolling")


class TestRolling(ReleasesOfAnyStrategy):
    language = "go"
    services = ("postgres", "redis")
    workload = "deploy/base/deployment.yaml"
    phases = (
        "Running the migrations",
        "Running the pre-traffic check",
        "deployment.apps/rolling-go serverside-applied",
    )


def test_evictions_pass_the_budget_and_lose_no_request(stages):
    stage = stages("go", services=TestRolling.services)
    stage.wait_for_budget()
    pods = [pod["metadata"]["name"] for pod in stage.pods()]
    assert len(pods) == 2
    with no_request_lost(stage, "evictions"):
        assert stage.evict(pods[0])
        assert not stage.evict(pods[1]), "both pods were taken at once"
        stage.wait_for_budget()
        assert stage.evict(pods[1])
        stage.wait_for_budget()
    assert not {pod["metadata"]["name"] for pod in stage.pods()} & set(pods)


def test_a_restart_is_not_an_unfinished_release(stages):
    stage = stages("go", services=TestRolling.services)
    before = stage.images()
    stage.kubectl("rollout", "restart", f"deployment/{stage.name}")
    stage.kubectl("rollout", "status", f"deployment/{stage.name}", "--timeout=120s", seconds=130)
    done = stage.script("rollback", "--unfinished", stage.environment)
    assert (done.returncode, done.stdout) == (0, "There is no unfinished release.\n")
    assert stage.images() == before


def test_the_namespace_refuses_what_is_not_restricted(stages):
    stage = stages("go", services=TestRolling.services)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "unrestricted"},
        "spec": {"containers": [{"name": "unrestricted", "image": "example.com/unrestricted:1"}]},
    }
    answer = stage.kubectl("create", "--dry-run=server", "--filename", "-", given=json.dumps(pod), check=False)
    assert 'violates PodSecurity "restricted:latest"' in answer


def test_a_release_is_what_git_says_after_a_rollback_too(stages):
    """A rollback restores fields of an earlier release; the next release must not keep them."""
    stage = stages("go", services=TestRolling.services)
    deployment = stage.project / "deploy/base/deployment.yaml"
    text = deployment.read_text()
    container = "        - name: server\n"
    query = ("get", "deployment", stage.name, "--output", "jsonpath={.spec.template.spec.containers[0].env[*].name}")
    old, new = stage.image("5.0.0"), stage.image("6.0.0")

    with_field = text.replace(container, f'{container}          env: [{{name: OLD, value: "1"}}]\n')
    deployment.write_text(with_field)
    assert stage.deploy(old).returncode == 0
    deployment.write_text(text)
    assert stage.deploy(new).returncode == 0
    assert stage.kubectl(*query) == ""
    assert stage.rollback().returncode == 0
    assert stage.kubectl(*query) == "OLD"
    assert stage.deploy(new).returncode == 0
    assert stage.kubectl(*query) == ""
    assert stage.images() == {new}
    # The mark of the earlier, completed release must not count: it did not complete this time.
    deployment.write_text(with_field)
    output = interrupt(stage, old, TestRolling.phases[-1], signal.SIGINT)
    deployment.write_text(text)
    assert "Reverted to the previous release." in output
    assert stage.images() == {new}


def test_a_release_leaves_the_number_of_pods_to_the_autoscaler(stages):
    stage = stages("go", "production", services=())
    deadline = time.monotonic() + 120
    while len(stage.pods()) < 3:
        assert time.monotonic() < deadline, "the autoscaler did not start its three pods"
        time.sleep(1)
    expected = set()

    def note(deployments) -> None:
        expected.update(deployment["spec"]["replicas"] for deployment in deployments)

    with stage.watched("deployments", f"app.kubernetes.io/name={stage.name}", note):
        done = stage.deploy(stage.image("2.0.0"))
    assert done.returncode == 0, done.stdout
    assert expected == {3}


def test_the_number_of_pods_outlives_a_new_autoscaler_and_a_removed_one_is_deleted(stages):
    stage = stages("go", services=TestRolling.services)
    overlay = "deploy/overlays/staging/kustomization.yaml"
    autoscaler = stage.project / "deploy/overlays/staging/horizontal-pod-autoscaler.yaml"
    production = stage.project / "deploy/overlays/production/horizontal-pod-autoscaler.yaml"
    replicas = re.search(r"^replicas:\n  - name: .*\n    count: \d+\n", (stage.project / overlay).read_text(), re.M)[0]
    image = stage.image("6.0.0")

    def deploy() -> None:
        done = stage.deploy(image)
        assert done.returncode == 0, done.stdout

    with stage.edited(overlay, replicas, re.sub(r"count: \d+", "count: 3", replicas)):
        deploy()
    wanted = set()

    def note(deployments) -> None:
        wanted.update(deployment["spec"]["replicas"] for deployment in deployments)

    text = re.sub(r"minReplicas: \d+", "minReplicas: 2", production.read_text())
    with (
        stage.edited(overlay, replicas, ""),
        stage.edited(overlay, "  - ../../base\n", "  - ../../base\n  - horizontal-pod-autoscaler.yaml\n"),
        stage.watched("deployments", f"app.kubernetes.io/name={stage.name}", note),
    ):
        autoscaler.write_text(text)
        deploy()
    autoscaler.unlink()
    assert wanted == {3}
    services = stage.kubectl("get", "services", "--output", "name")
    deploy()
    assert stage.kubectl("get", "horizontalpodautoscalers", "--output", "name") == ""
    assert stage.kubectl("get", "services", "--output", "name") == services
