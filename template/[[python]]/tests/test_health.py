from collections.abc import Iterator
from datetime import datetime

import pytest
from django.test import Client

from health import middleware
from health.check import Check, CheckError
from health.state import draining
from tests.environment import ENVIRONMENT

TOKEN = {"Authorization": f"Bearer {ENVIRONMENT['HEALTH_TOKEN']}"}


def works() -> None:
    pass


def fails() -> None:
    raise CheckError("connection refused")


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    replaced: list[Check] = []
    monkeypatch.setattr(middleware, "CHECKS", replaced)
    return replaced


@pytest.fixture
def drained() -> Iterator[None]:
    draining.set()
    yield
    draining.clear()


@pytest.mark.usefixtures("drained")
@pytest.mark.parametrize("path", ["/health", "/health/"])
def test_always_live(client: Client, checks: list[Check], path: str) -> None:
    checks.append(Check("database", fails))
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_probes_can_use_any_host(client: Client) -> None:
    assert client.get("/health", headers={"Host": "10.1.2.3:8000"}).status_code == 200


def test_probes_allow_only_get_and_head(client: Client) -> None:
    assert client.head("/health").status_code == 200
    answer = client.post("/health")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/health/ready", "/health/ready/"])
def test_ready_while_required_dependencies_work(client: Client, checks: list[Check], path: str) -> None:
    checks += [Check("database", works), Check("optional", fails, required=False)]
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_not_ready_while_a_dependency_fails(client: Client, checks: list[Check]) -> None:
    checks.append(Check("database", fails))
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})


@pytest.mark.usefixtures("checks", "drained")
def test_not_ready_while_draining(client: Client) -> None:
    assert client.get("/health/ready").status_code == 503


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", f"Basic {ENVIRONMENT['HEALTH_TOKEN']}", "Bearer ü"])
def test_detailed_requires_the_token(client: Client, authorization: str) -> None:
    answer = client.get("/health/detailed", headers={"Authorization": authorization})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert answer["Content-Type"] == "application/problem+json"


def test_detailed_without_failures(client: Client, checks: list[Check]) -> None:
    checks.append(Check("database", works))
    answer = client.get("/health/detailed", headers=TOKEN)
    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"status", "timestamp", "version", "uptime", "checks"}
    assert (body["status"], body["version"]) == ("ok", "1.2.3")
    assert body["timestamp"].endswith("Z")
    assert datetime.fromisoformat(body["timestamp"])
    assert body["uptime"] >= 0
    assert body["checks"]["database"].keys() == {"status", "latencyMs"}


def test_detailed_with_a_failure(client: Client, checks: list[Check]) -> None:
    checks += [Check("database", works), Check("optional", fails, required=False)]
    answer = client.get("/health/detailed", headers=TOKEN)
    body = answer.json()
    assert (answer.status_code, body["status"]) == (503, "degraded")
    assert body["checks"]["database"]["status"] == "ok"
    assert body["checks"]["optional"]["error"] == "connection refused"
