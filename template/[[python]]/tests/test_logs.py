import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog
from django.test import Client

from config import SERVICE
from config.environment import load_environment
from config.logs import configure_logs

pytestmark = pytest.mark.urls("tests.urls")


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Capture the logs."""
    stdout = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stdout)
    configure_logs(load_environment())
    yield stdout
    logging.getLogger().handlers.clear()


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_one_line_per_request(client: Client, output: io.StringIO) -> None:
    client.get("/with/?secret=1", headers={"X-Request-Id": "abc", "Authorization": "Bearer hidden"})
    [line] = lines(output)
    assert line.pop("durationMs") >= 0
    assert datetime.fromisoformat(line.pop("time"))
    assert line == {
        "level": "info",
        "msg": "request",
        "service": SERVICE,
        "version": "1.2.3",
        "requestId": "abc",
        "method": "GET",
        "path": "/with/",
        "status": 200,
    }


def test_probes_are_logged_at_debug_only(client: Client, output: io.StringIO) -> None:
    client.get("/health")
    client.get("/health/ready")
    assert "request" not in [line["msg"] for line in lines(output)]


def test_the_cause_of_a_500_is_logged(output: io.StringIO) -> None:
    Client(raise_request_exception=False).get("/broken", headers={"X-Request-Id": "abc"})
    cause, request = lines(output)
    assert (cause["level"], cause["requestId"], request["status"]) == ("error", "abc", 500)
    assert "RuntimeError: details" in cause["exception"]


def test_level_names_are_uniform(output: io.StringIO) -> None:
    logger = logging.getLogger("library")
    logger.warning("one %s", "more")
    logger.critical("two")
    assert [(line["level"], line["msg"]) for line in lines(output)] == [("warn", "one more"), ("error", "two")]


def test_development_logs_are_readable(output: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", output)
    configure_logs(load_environment().model_copy(update={"app_env": "development"}))
    structlog.get_logger().info("hello", answer=42)
    text = output.getvalue()
    assert "hello" in text
    assert "42" in text
    assert not text.startswith("{")
