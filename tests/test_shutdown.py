"""Promise: after one or two SIGTERM under load the service loses no request and exits with code 0 in time."""

import shutil
import time

import pytest

from tests import containers
from tests.combinations import LANGUAGES
from tests.load import Load
from tests.owner_edits import add_slow_route

DELAY_SECONDS = 10
TIMEOUT_SECONDS = 60

pytestmark = pytest.mark.needs("docker")


@pytest.fixture(scope="module")
def slow_image(render, tmp_path_factory):
    """Return a function that builds a service with a route that takes two seconds."""

    def build(language: str) -> str:
        project = tmp_path_factory.mktemp("slow") / "my-service"
        shutil.copytree(render(language=language, services=[]), project)
        add_slow_route(project, language)
        return containers.build(project, f"deployment-patterns-test/{language}-slow")

    return build


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_request_is_lost_when_an_orchestrator_stops_the_service(slow_image, language):
    port = containers.facts(language)["port"]
    env = containers.environment(
        language, [], SHUTDOWN_DELAY_SECONDS=str(DELAY_SECONDS), SHUTDOWN_TIMEOUT_SECONDS=str(TIMEOUT_SECONDS)
    )
    with containers.service(slow_image(language), language, env) as started:
        started.wait_for_status(port, "/health", 200)
        address = f"http://127.0.0.1:{started.port(port)}"
        with (
            Load(f"{address}/", rate=300, connections=10, limit_seconds=60) as load,
            Load(f"{address}/slow", rate=4, connections=10, limit_seconds=60) as slow,
        ):
            load.wait_for(100)
            slow.wait_for(1)
            containers.docker("kill", "--signal", "TERM", started.name)
            began = time.monotonic()
            draining = started.wait_for_status(port, "/health/ready", 503, seconds=DELAY_SECONDS / 2)
            assert draining.headers["Connection"].lower() == "close"
            while_it_drains = load.total, slow.total
            assert started.request(port, "/health").status == 200
            containers.docker("kill", "--signal", "TERM", started.name)
            after_the_second_signal = load.total
            # The orchestrator has stopped sending requests; those in flight continue.
            time.sleep(max(0, DELAY_SECONDS / 2 - (time.monotonic() - began)))
            load.stop()
            slow.stop()
        assert started.wait(TIMEOUT_SECONDS) == 0, started.logs()
        assert time.monotonic() - began < TIMEOUT_SECONDS
        assert load.failures == {}, started.logs()[-3000:]
        assert slow.failures == {}, started.logs()[-3000:]
        assert while_it_drains[0] < after_the_second_signal < load.total
        assert while_it_drains[1] < slow.total
        assert "Traceback" not in started.logs()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_request_that_never_ends_does_not_block_the_shutdown(slow_image, language):
    port = containers.facts(language)["port"]
    env = containers.environment(language, [], SHUTDOWN_DELAY_SECONDS="0", SHUTDOWN_TIMEOUT_SECONDS="3")
    with containers.service(slow_image(language), language, env) as started:
        started.wait_for_status(port, "/health", 200)
        address = f"http://127.0.0.1:{started.port(port)}"
        with Load(f"{address}/slow?seconds=90", rate=10, connections=2, limit_seconds=3, timeout_seconds=99) as stuck:
            time.sleep(2)
            containers.docker("kill", "--signal", "TERM", started.name)
            began = time.monotonic()
            code = started.wait(60)
            # The service waited for the request in flight, but not until its end.
            assert 2 < time.monotonic() - began < 60
        assert code != 137
        assert stuck.failures


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_idle_service_stops_with_code_0_on_either_signal(images, language):
    port = containers.facts(language)["port"]
    env = containers.environment(language, [], SHUTDOWN_DELAY_SECONDS="0")
    for signal in ("TERM", "INT"):
        with containers.service(images(language, []), language, env) as started:
            started.wait_for_status(port, "/health", 200)
            containers.docker("kill", "--signal", signal, started.name)
            assert started.wait(60) == 0, started.logs()
