from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.test import Client

from config import ports

pytestmark = pytest.mark.urls("tests.urls")


def get(path: str) -> tuple[str, str]:
    """Return the status and body of a response on METRICS_PORT."""
    environ: dict[str, Any] = {"PATH_INFO": path, "SERVER_PORT": ports.METRICS_PORT}
    setup_testing_defaults(environ)
    statuses: list[str] = []

    def start_response(status: str, *_: object) -> None:
        statuses.append(status)

    body = b"".join(ports.application(environ, start_response))  # type: ignore[arg-type]
    return statuses[0], body.decode()


def test_requests_are_counted_by_route(client: Client) -> None:
    client.get("/without/")
    client.get("/nowhere/at/all")
    client.generic("BREW", "/")
    status, text = get("/metrics")
    assert status == "200 OK"
    assert 'http_requests_total{method="GET",route="/without",status="200"}' in text
    assert 'http_requests_total{method="GET",route="unmatched",status="404"}' in text
    assert 'http_requests_total{method="other",route="/",status="405"}' in text
    assert 'http_request_duration_seconds_bucket{le="0.005",method="GET",route="/without",status="200"}' in text
    assert "process_resident_memory_bytes" in text
    assert "nowhere" not in text


def test_probes_are_not_counted(client: Client) -> None:
    client.get("/health")
    assert "/health" not in get("/metrics")[1]


def test_the_metrics_port_serves_only_metrics() -> None:
    assert get("/health")[0] == "404 Not Found"


def test_metrics_are_not_public(client: Client) -> None:
    assert client.get("/metrics").status_code == 404
