"""Promise: canary releases on a real cluster lose no request, and of a bad one users see the stated share, shortly."""

import contextlib
import subprocess
import time

import pytest

from tests.cluster.releases import (
    REQUESTS_A_SECOND,
    ReleasesOfAnyWorkload,
    read_until,
    release_and_roll_back,
    stages_of,
    under_load,
    versions,
)
from tests.cluster.stage import staying

pytestmark = pytest.mark.needs("docker", "cluster")

stages = stages_of("canary")

# One pod of five, and for how long: from its first request to its last, as set in analysis.yaml.
SHARE = 0.20
SECONDS = 60


class TestCanary(ReleasesOfAnyWorkload):
    language = "go"
    phases = ("Running the migrations", "Progressing:", "CanaryPauseStep")

    @contextlib.contextmanager
    def bad_release(self, stage, scenario):
        """Assert that no more of the traffic than what is stated was served by a canary that fails."""
        if scenario != "errors":
            with super().bad_release(stage, scenario):
                yield
            return
        before = stage.images()
        answering = set()

        def note(slices) -> None:
            answering.update(each["targetRef"]["name"] for item in slices for each in item["endpoints"] or [])

        with (
            under_load(stage, scenario) as load,
            stage.watched("endpointslices", f"kubernetes.io/service-name={stage.name}-canary", note),
        ):
            yield
        failed = sum(load.failures.values())
        assert set(load.failures) <= {"status 500"}
        # Half of the connections are kept alive, so that the share is that of connections: leave room for chance.
        assert failed <= load.total * SHARE * 1.5
        assert failed <= REQUESTS_A_SECOND * SECONDS * SHARE * 1.5
        assert versions(load) <= {"1.0.0", "2.0.0-errors"}
        self.assert_as_before(stage, before)
        # The analysis judged the canary by pods of its own, which were removed: any other pod would have let it pass.
        assert answering - {pod["metadata"]["name"] for pod in stage.pods()}

    @contextlib.contextmanager
    def release_observed(self, stage):
        """Assert that the shares are those stated, and that no pod is missing meanwhile."""
        before = stage.images()
        shares = set()

        def count(pods) -> None:
            pods = [pod for pod in staying(pods) if is_ready(pod)]
            new = [pod for pod in pods if pod["spec"]["containers"][0]["image"] not in before]
            shares.add((len(new), len(pods)))

        with stage.watched("pods", stage.selector, count):
            yield
        assert (1, 5) in shares, "the first step is not one pod of five"
        assert (3, 5) in shares, "the second step is not three pods of five"
        assert min(total for _, total in shares) >= 5


def test_a_release_and_a_rollback_lose_no_request_in_another_language(stages):
    release_and_roll_back(stages("python"))


def is_ready(pod) -> bool:
    return any(condition == "True" for condition in conditions(pod, "Ready"))


def conditions(pod, name):
    return [item["status"] for item in pod["status"].get("conditions", []) if item["type"] == name]


def test_a_pause_without_end_waits_for_a_person(stages):
    """The limit of a rollout, here a minute, does not end it. A patch that replaces a container is refused at once."""
    stage = stages("go")
    image = stage.image("7.0.0")
    patch = "{spec: {template: {spec: {containers: [{name: server, tty: true}]}}}}"
    metadata = f"apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {{name: {stage.name}}}"
    with stage.edited(
        "deploy/overlays/staging/kustomization.yaml",
        "resources:\n",
        f"patches:\n  - patch: '{{{metadata}, {patch[1:-1]}}}'\nresources:\n",
    ):
        done = stage.deploy(image)
    assert (done.returncode, "Does a patch replace the container?" in done.stdout) == (1, True), done.stdout
    with (
        stage.edited("deploy/base/rollout.yaml", "pause: {duration: 25s}", "pause: {}"),
        stage.edited("scripts/lib/workload.sh", "rollout_seconds=2100", "rollout_seconds=60"),
    ):
        process = stage.start("deploy", stage.environment, image)
        output = read_until(process, "Waiting for a person")
        time.sleep(75)
        assert process.poll() is None
        promote = ["kubectl", "argo", "rollouts", "promote", stage.name, "--namespace", stage.namespace]
        subprocess.run(promote, check=True, timeout=60, capture_output=True)
        output += process.communicate(timeout=300)[0]
    assert process.returncode == 0, output
    assert output.count("Waiting for a person") == 1
