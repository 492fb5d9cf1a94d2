"""Promise: blue-green releases on a real cluster switch without losing a request, and nobody sees a bad one."""

import contextlib
import json

import pytest

from tests.cluster.releases import Releases, release_and_roll_back, stages_of

pytestmark = pytest.mark.needs("docker", "cluster")

stages = stages_of("blue-green")


class TestBlueGreen(Releases):
    language = "go"
    phases = ("Running the migrations", "Progressing:", "active service cutover pending")

    def assert_as_before(self, stage, before):
        super().assert_as_before(stage, before)
        for service in (stage.name, f"{stage.name}-preview"):
            hash_of = ("get", "service", service, "--output", "jsonpath={.spec.selector.rollouts-pod-template-hash}")
            assert stage.kubectl(*hash_of) == stage.kubectl(
                "get", "rollout", stage.name, "--output", "jsonpath={.status.stableRS}"
            )

    def current_pods(self, stage):
        """Argo Rollouts keeps the pods of a release that was active until the time in this annotation."""
        sets = json.loads(stage.kubectl("get", "replicasets", "--output", "json"))["items"]
        kept = "scale-down-deadline"
        ending = {item["metadata"]["name"] for item in sets if kept in item["metadata"].get("annotations", {})}
        return [pod for pod in stage.pods() if pod["metadata"]["ownerReferences"][0]["name"] not in ending]

    @contextlib.contextmanager
    def release_observed(self, stage):
        """Assert that the Service has never fewer ready pods than it should."""
        counts = []

        def count(slices) -> None:
            endpoints = [endpoint for item in slices for endpoint in item["endpoints"] or []]
            counts.append(len({each["targetRef"]["name"] for each in endpoints if each["conditions"]["ready"]}))

        with stage.watched("endpointslices", f"kubernetes.io/service-name={stage.name}", count):
            yield
        assert min(counts) >= 2

    @contextlib.contextmanager
    def rollback_observed(self, stage):
        """Assert that a rollback is a switch: it starts no pod."""
        pods = {pod["metadata"]["name"] for pod in stage.pods()}
        yield
        assert {pod["metadata"]["name"] for pod in stage.pods()} == pods, "the rollback started or stopped a pod"


def test_a_release_and_a_rollback_lose_no_request_in_another_language(stages):
    release_and_roll_back(stages("node"))
