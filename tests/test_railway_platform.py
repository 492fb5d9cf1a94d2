"""Promise: started as Railway starts it the service answers, and a release there loses no request."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import containers
from tests.combinations import LANGUAGES
from tests.load import Load
from tests.railway.configuration import evaluate
from tests.railway.edge import Edge
from tests.test_railway_configuration import packages, service

__all__ = ["packages"]

PUBLIC = "orders.up.railway.app"
CHECKER = "healthcheck.railway.app"
LAST_EDGE_SERVER_SECONDS = 12  # when the last of the edge's servers has noticed a new deployment
REQUESTS = 3000
pytestmark = pytest.mark.needs("docker", "node")


@pytest.fixture(scope="module")
def emitted(render, packages, tmp_path_factory) -> Callable[[str], Path]:
    """Return a function that renders a language's project for Railway, without services."""

    def emitted(language: str) -> Path:
        project = tmp_path_factory.mktemp(language) / "orders"
        shutil.copytree(render(platform="railway", language=language, services=[], project_name="orders"), project)
        (project / ".railway/node_modules").symlink_to(packages)
        return project

    return emitted


@pytest.fixture(scope="module")
def platform(emitted) -> Callable[[str], tuple[str, dict, dict[str, str]]]:
    """Return a function that gives image, deployment settings and variables of a language's service in production."""
    made: dict[str, tuple[str, dict, dict[str, str]]] = {}

    def platform(language: str) -> tuple[str, dict, dict[str, str]]:
        if language not in made:
            project = emitted(language)
            described = service(evaluate(project, "production"))
            own = containers.environment(language, [])
            names = {"${{RAILWAY_PUBLIC_DOMAIN}}": PUBLIC, "${{RAILWAY_PRIVATE_DOMAIN}}": "orders.railway.internal"}
            variables = {}
            for name, variable in described["variables"].items():
                value = variable.get("value", own.get(name))
                for reference, meaning in names.items():
                    value = value.replace(reference, meaning)
                variables[name] = value
            (project / ".railway/node_modules").unlink()
            image = containers.build(project, f"deployment-patterns-test/{language}-railway")
            made[language] = (image, described["deploy"], variables)
        return made[language]

    return platform


def start(image: str, variables: dict[str, str]):
    """Start a container as Railway does: the variables, PORT among them, and nothing else."""
    port = variables["PORT"]
    publish = ("--publish", f"127.0.0.1::{port}", "--publish", f"127.0.0.1::{variables['METRICS_PORT']}")
    return containers.container(image, *publish, env=variables)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_endpoint_answers_on_the_port_that_the_platform_gives(platform, language):
    image, deploy, variables = platform(language)
    variables = variables | {"PORT": "7777"}
    with start(image, variables) as started:
        started.wait_for_status(7777, deploy["healthcheckPath"], 200, seconds=90, Host=CHECKER)
        assert started.request(7777, "/health", Host=CHECKER).json() == {"status": "ok"}
        assert started.request(7777, "/", Host=PUBLIC).status == 200
        assert started.request(7777, "/health/detailed", Host=PUBLIC).status == 401
        token = f"Bearer {variables['HEALTH_TOKEN']}"
        assert started.request(7777, "/health/detailed", Host=PUBLIC, Authorization=token).json()["version"] == "1.2.3"
        assert started.request(7777, "/metrics", Host=PUBLIC).status == 404
        assert started.request(9090, "/metrics", Host="orders.railway.internal").status == 200
        containers.docker("kill", "--signal", "TERM", started.name)
        assert started.wait(deploy["drainingSeconds"]) == 0, started.logs()


def test_django_answers_the_health_checker_whatever_hosts_are_allowed(platform):
    image, deploy, variables = platform("python")
    with start(image, variables | {"ALLOWED_HOSTS": PUBLIC}) as started:
        port = int(variables["PORT"])
        started.wait_for_status(port, deploy["healthcheckPath"], 200, seconds=90, Host=CHECKER)
        assert started.request(port, "/", Host=CHECKER).status == 400
    with start(image, variables) as started:
        started.wait_for_status(port, "/", 200, seconds=90, Host=CHECKER)


def release(platform_of, language: str, overlap_seconds: float, draining_seconds: float) -> tuple[Load, Edge, int, int]:
    """Replace a deployment under load as Railway does; return the load, the edge and the ports of old and new."""
    image, deploy, variables = platform_of(language)
    inside = int(variables["PORT"])
    with start(image, variables) as old:
        old.wait_for_status(inside, deploy["healthcheckPath"], 200, seconds=90, Host=CHECKER)
        with (
            Edge(old.port(inside)) as edge,
            Load(f"http://127.0.0.1:{edge.port}/", rate=200, limit_seconds=120, headers={"Host": PUBLIC}) as load,
        ):
            load.wait_for(300)
            with start(image, variables) as new:
                new.wait_for_status(inside, deploy["healthcheckPath"], 200, seconds=90, Host=CHECKER)
                edge.switch(new.port(inside), LAST_EDGE_SERVER_SECONDS)
                time.sleep(overlap_seconds)
                if draining_seconds:
                    containers.docker("kill", "--signal", "TERM", old.name)
                    assert old.wait(draining_seconds) == 0, old.logs()
                else:  # SIGTERM and SIGKILL at once
                    containers.docker("kill", "--signal", "KILL", old.name)
                load.wait_for(max(600, REQUESTS + 100 - load.total))
                load.stop()
                return load, edge, old.port(inside), new.port(inside)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_release_loses_no_request(platform, language):
    _, deploy, _ = platform(language)
    assert deploy["overlapSeconds"] > LAST_EDGE_SERVER_SECONDS
    load, edge, old, new = release(platform, language, deploy["overlapSeconds"], deploy["drainingSeconds"])
    print(f"{language}: {load.total} requests, {edge.sent_to[old]} to the old, {edge.sent_to[new]} to the new")
    assert load.failures == {}
    assert load.total > REQUESTS
    assert min(edge.sent_to[old], edge.sent_to[new]) > 500


def test_with_the_platforms_own_defaults_requests_are_lost(platform):
    """Neither overlap nor drain: without this the test above could not fail."""
    load, *_ = release(platform, "go", 0, 0)
    print(f"neither overlap nor drain: {sum(load.failures.values())} of {load.total} requests lost")
    assert load.failures
