import socket
from contextlib import suppress
from typing import Any
from unittest.mock import Mock
from wsgiref.util import setup_testing_defaults

import pytest
from django.test import Client

from config import ports
from web import middleware

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


@pytest.mark.parametrize(
    ("path", "parts", "status"),
    [("/stream", 3, 200), ("/stream", 1, 499), ("/stream/broken", 2, 500), ("/stream/short", 3, 500)],
)
def test_streams_are_counted_at_their_end(
    client: Client, monkeypatch: pytest.MonkeyPatch, path: str, parts: int, status: int
) -> None:
    log = Mock()
    monkeypatch.setattr(middleware, "log", log)
    response = client.get(path)
    content = iter(response)
    log.info.assert_not_called()
    with suppress(ConnectionResetError, StopIteration, ValueError):
        for _ in range(parts):
            next(content)
    response.close()
    [line] = log.info.call_args_list
    assert (line.kwargs["status"], line.kwargs.get("incomplete", False)) == (status, status != 200)
    assert f'http_requests_total{{method="GET",route="{path}",status="{status}"}} 1.0' in get("/metrics")[1]


@pytest.mark.parametrize(("path", "status"), [("/stream", 200), ("/without", 499), ("/broken", 499), ("/nowhere", 404)])
def test_a_client_that_goes_away_is_no_error_of_the_service(path: str, status: int) -> None:
    connection, other_end = socket.socketpair()
    client = Client(raise_request_exception=False)
    with connection:
        client.get(path, **{"gunicorn.socket": connection})  # type: ignore[arg-type]
        other_end.close()
        client.get(path, **{"gunicorn.socket": connection}).getvalue()  # type: ignore[arg-type]
    text = get("/metrics")[1]
    route = path if status != 404 else "unmatched"
    assert f'http_requests_total{{method="GET",route="{route}",status="{status}"}}' in text


def test_probes_are_not_counted(client: Client) -> None:
    client.get("/health")
    assert "/health" not in get("/metrics")[1]


def test_the_metrics_port_serves_only_metrics() -> None:
    assert get("/health")[0] == "404 Not Found"


def test_metrics_are_not_public(client: Client) -> None:
    assert client.get("/metrics").status_code == 404
