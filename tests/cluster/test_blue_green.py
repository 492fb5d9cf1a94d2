"""Promise: blue-green releases on a real cluster switch without losing a request, and nobody sees a bad one."""

import time

import pytest

from tests.cluster.releases import Releases, no_request_lost, release_and_roll_back, stages_of, versions

pytestmark = pytest.mark.needs("docker", "cluster")

stages = stages_of("blue-green")


class TestBlueGreen(Releases):
    language = "go"
    phases = ("Migrating the database", "Progressing:", "active service cutover pending")

    def assert_as_before(self, stage, before):
        super().assert_as_before(stage, before)
        for service in (stage.name, f"{stage.name}-preview"):
            hash_of = ("get", "service", service, "--output", "jsonpath={.spec.selector.rollouts-pod-template-hash}")
            assert stage.kubectl(*hash_of) == stage.kubectl(
                "get", "rollout", stage.name, "--output", "jsonpath={.status.stableRS}"
            )


def test_a_release_and_a_rollback_lose_no_request_in_another_language(stages):
    release_and_roll_back(stages("node"))


def test_never_fewer_pods_are_ready_and_going_back_is_a_switch(stages):
    stage = stages("go")
    active = ("get", "endpointslices", "--selector", f"kubernetes.io/service-name={stage.name}", "--output")
    ready = 'jsonpath={range .items[*].endpoints[?(@.conditions.ready==true)]}{.targetRef.name}{"\\n"}{end}'
    image = stage.image("5.0.0")
    counts = []
    with no_request_lost(stage, "count of ready pods") as load:
        process = stage.start("deploy", stage.environment, image)
        while process.poll() is None:
            counts.append(len(stage.kubectl(*active, ready).splitlines()))
            time.sleep(0.2)
        assert process.returncode == 0, process.stdout.read()
        pods = {pod["metadata"]["name"] for pod in stage.pods()}
        began = time.monotonic()
        done = stage.rollback()
        print(f"figures: {stage.name}: switch back took {time.monotonic() - began:.1f} seconds")
        assert done.returncode == 0, done.stdout
    assert min(counts) >= 2
    assert versions(load) == {"1.0.0", "5.0.0"}
    assert {pod["metadata"]["name"] for pod in stage.pods()} == pods, "a pod was started to go back"
