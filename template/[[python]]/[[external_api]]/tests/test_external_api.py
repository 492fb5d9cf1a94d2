from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from config.environment import load_environment
from health import external_api
from health.check import Check, Failure, run_checks


class Api(BaseHTTPRequestHandler):
    """Answers /<status> with that status."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.removeprefix("/")))
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Api) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def failure(monkeypatch: pytest.MonkeyPatch, url: str) -> Failure | None:
    environment = load_environment().model_copy(update={"external_api_url": url})
    monkeypatch.setattr(external_api, "load_environment", lambda: environment)
    return run_checks([Check("externalApi", external_api.probe)])["externalApi"].failure


@pytest.mark.parametrize(("status", "expected"), [(200, None), (302, None), (404, None), (503, "unexpected status")])
def test_statuses(monkeypatch: pytest.MonkeyPatch, api: str, status: int, expected: Failure | None) -> None:
    assert failure(monkeypatch, f"{api}/{status}") == expected


def test_no_response(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failure(monkeypatch, "http://127.0.0.1:1/") == "connection refused"
    assert failure(monkeypatch, "http://host.invalid/") == "name not resolved"
