import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import pytest

from health import probe

ROOT = Path(__file__).parents[1]
PACE = ("--requests=20", "--rate=100", "--timeout-seconds=20", "--max-p95-milliseconds=20000")


@dataclass
class Service:
    """A service with a configurable response that counts its requests."""

    answer: Callable[[BaseHTTPRequestHandler, int], None]
    paths: list[str] = field(default_factory=list)
    connections: int = 0
    address: str = ""


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service(answer_with(200))
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # with keep-alive

        def setup(self) -> None:
            with lock:
                service.connections += 1
            super().setup()

        def do_GET(self) -> None:
            with lock:
                service.paths.append(self.path)
                number = len(service.paths)
            service.answer(self, number)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that disconnected
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        service.address = f"http://127.0.0.1:{server.server_port}"
        yield service
        server.shutdown()


def answer_with(status: int, every: int = 1, seconds: float = 0) -> Callable[[BaseHTTPRequestHandler, int], None]:
    """Return a handler that answers every nth request with a status after a delay, others with 200."""

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        if number % every == 0:
            time.sleep(seconds)
        handler.send_response(status if number % every == 0 else 200)
        handler.send_header("Location", "http://127.0.0.1:1/")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    def run(*arguments: str) -> tuple[int, Any]:
        code = probe.main([*PACE, *arguments])
        (line,) = capsys.readouterr().out.splitlines()
        return code, json.loads(line)

    return run


Run = Callable[..., tuple[int, Any]]


def test_each_url_in_turn_on_new_connections(service: Service, run: Run) -> None:
    code, report = run(service.address, f"{service.address}/health?a=b c")
    assert report.pop("p95Milliseconds") in range(1, 20_001)
    assert (code, report) == (0, {"requests": 20, "failures": {}, "failurePercent": 0, "passed": True})
    assert service.connections == 20
    assert (service.paths.count("/"), service.paths.count("/health?a=b%20c")) == (10, 10)


def test_host_header(service: Service, run: Run) -> None:
    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        answer_with(200 if handler.headers["Host"] == "orders" else 400)(handler, number)

    service.answer = answer
    assert run(service.address)[1]["failures"] == {"status 400": 20}
    assert run(service.address, "--host=orders")[0] == 0


def test_failures_are_counted_by_kind(service: Service, run: Run) -> None:
    service.answer = answer_with(500, every=4)
    code, report = run(service.address)
    assert (code, report["failures"], report["failurePercent"]) == (1, {"status 500": 5}, 25)
    assert run(service.address, "--max-failure-percent=25")[0] == 0


@pytest.mark.parametrize(("status", "code"), [(204, 0), (302, 0), (401, 1), (404, 1)])
def test_statuses(service: Service, run: Run, status: int, code: int) -> None:
    service.answer = answer_with(status)
    assert run(service.address)[0] == code


def test_slow_responses(service: Service, run: Run) -> None:
    service.answer = answer_with(200, every=10, seconds=0.1)
    code, report = run(service.address, "--max-p95-milliseconds=99")
    assert (code, report["failures"], report["p95Milliseconds"] >= 100) == (1, {}, True)


def test_latency_excludes_failures(service: Service, run: Run) -> None:
    service.answer = answer_with(503, every=2, seconds=3)
    assert run(service.address)[1]["p95Milliseconds"] < 3000


def silent(_handler: BaseHTTPRequestHandler, _number: int) -> None:
    time.sleep(60)


def dripping(handler: BaseHTTPRequestHandler, _number: int) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(3000):
        handler.wfile.write(b".")
        time.sleep(0.02)


@pytest.mark.parametrize("answer", [silent, dripping])
def test_timeout_limits_endless_responses(
    service: Service, run: Run, answer: Callable[[BaseHTTPRequestHandler, int], None]
) -> None:
    service.answer = answer
    began = time.monotonic()
    code, report = run(service.address, "--timeout-seconds=0.3")
    assert time.monotonic() - began < 30
    assert (code, report["failures"], report["failurePercent"]) == (1, {"timeout": 20}, 100)
    assert report["p95Milliseconds"] >= 300


def test_no_response(service: Service, run: Run) -> None:
    def cut(handler: BaseHTTPRequestHandler, _number: int) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        handler.close_connection = True

    service.answer = cut
    assert run("http://127.0.0.1:1/")[1]["failures"] == {"connection refused": 20}
    assert run("http://host.invalid/")[1]["failures"] == {"name not resolved": 20}
    assert run(service.address)[1]["failures"] == {"unavailable": 20}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "the following arguments are required: URL"),
        ("--rate=5", "the following arguments are required: URL"),
        ("http://host --speed=5", "unrecognized arguments: --speed=5"),
        ("http://host --req=5", "unrecognized arguments: --req=5"),
        ("ftp://host/", "argument URL: 'ftp://host/': expects one like http://"),
        ("http:///health", "argument URL: 'http:///health': expects one like http://"),
        ("http://host:port/", "argument URL: 'http://host:port/': expects one like http://"),
        ("http://host --requests 0", "argument --requests: '0': expects a whole number from 1 to 10000"),
        ("http://host --requests 1.5", "argument --requests: '1.5': expects a whole number from 1 to 10000"),
        ("http://host --rate nan", "argument --rate: 'nan': expects a number from 0.1 to 100"),
        ("http://host --timeout-seconds x", "argument --timeout-seconds: 'x': expects a number from 0.1 to 60"),
        ("http://host --max-failure-percent 101", "--max-failure-percent: '101': expects a number from 0 to 100"),
        ("http://host --max-p95-milliseconds 0", "--max-p95-milliseconds: '0': expects a whole number from 1 to 60000"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: str, message: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        probe.main(arguments.split())
    output = capsys.readouterr()
    assert (exit_.value.code, output.out) == (2, "")
    assert message in output.err


def test_requires_no_environment_and_no_application(service: Service) -> None:
    code = f"import sys\nfrom health import probe\nassert probe.main({[*PACE, service.address]}) == 0\n"
    code += "assert not {'django', 'pydantic', 'config'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={}, check=True, timeout=60)
