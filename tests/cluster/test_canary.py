"""Promise: canary releases on a real cluster lose no request, and of a bad one users see the stated share, shortly."""

import contextlib
import time

import pytest

from tests.cluster.releases import Releases, release_and_roll_back, stages_of, under_load, versions, wrong_image

pytestmark = pytest.mark.needs("docker", "cluster")

stages = stages_of("canary")

# One pod of five, and for how long: from its first request to its last, as analysis.yaml says.
SHARE = 0.20
SECONDS = 60


class TestCanary(Releases):
    language = "go"
    phases = ("Migrating the database", "Progressing:", "CanaryPauseStep")

    @contextlib.contextmanager
    def bad_release(self, stage, scenario):
        """Assert that no more of the traffic than what is stated was served by a canary that fails."""
        if scenario not in ("errors", "slow"):
            with super().bad_release(stage, scenario):
                yield
            return
        before = stage.images()
        with under_load(stage, scenario) as load:
            yield
        failed = sum(load.failures.values())
        assert set(load.failures) <= {"status 500"}
        # Half of the connections are kept alive, so that the share is that of connections: leave room for chance.
        assert failed <= load.total * SHARE * 1.5
        assert failed <= 200 * SECONDS * SHARE * 1.5
        assert versions(load) <= {"1.0.0", f"2.0.0-{scenario}"}
        self.assert_as_before(stage, before)


def test_a_release_and_a_rollback_lose_no_request_in_another_language(stages):
    release_and_roll_back(stages("python"))


def test_the_share_of_the_canary_is_what_is_stated(stages):
    stage = stages("go")
    image = stage.image("3.0.0")
    process = stage.start("deploy", stage.environment, image)
    shares = set()
    while process.poll() is None:
        pods = [pod for pod in stage.pods() if is_ready(pod)]
        new = [pod for pod in pods if pod["spec"]["containers"][0]["image"] == image]
        shares.add((len(new), len(pods)))
        time.sleep(0.5)
    assert process.returncode == 0, process.stdout.read()
    assert (1, 5) in shares, "the first step is not one pod of five"
    assert (3, 5) in shares, "the second step is not three pods of five"
    assert min(total for _, total in shares) >= 5
    assert stage.rollback().returncode == 0


def is_ready(pod) -> bool:
    return any(condition == "True" for condition in conditions(pod, "Ready"))


def conditions(pod, name):
    return [item["status"] for item in pod["status"].get("conditions", []) if item["type"] == name]


def test_the_analysis_sees_no_pod_but_the_canarys(stages):
    """The bad version is served by the canary alone: an analysis that asked any other pod would let it pass."""
    stage = stages("go")
    image = wrong_image(stage, "go", "errors")
    before = stage.images()
    process = stage.start("deploy", stage.environment, image)
    asked = set()
    while process.poll() is None:
        asked |= set(
            stage.kubectl(
                "get", "endpointslices", "--selector", f"kubernetes.io/service-name={stage.name}-canary",
                "--output", 'jsonpath={range .items[*].endpoints[*]}{.targetRef.name}{"\\n"}{end}',
            ).split()
        )  # fmt: skip
        time.sleep(0.5)
    output = process.stdout.read()
    assert process.returncode == 1, output
    assert '"status 500":' in output
    assert stage.images() == before
    canary = [name for name in asked if name not in {pod["metadata"]["name"] for pod in stage.pods()}]
    assert canary
