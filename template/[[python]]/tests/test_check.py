import socket
import threading
import time

import pytest
from structlog.testing import CapturedCall, CapturingLogger

from health import check
from health.check import Check, CheckError, Failure, run_checks


def works() -> None:
    pass


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (CheckError("unexpected status"), "unexpected status"),
        (TimeoutError(), "timeout"),
        (ConnectionRefusedError(), "connection refused"),
        (socket.gaierror(), "name not resolved"),
        (ValueError("https://user:password@host/"), "unavailable"),
    ],
)
def test_failures_have_a_kind_without_details(error: Exception, failure: Failure) -> None:
    def fails() -> None:
        raise error

    result = run_checks([Check("database", fails)])["database"].as_json()
    assert result.pop("latencyMs")
    assert result == {"status": "error", "error": failure}


def test_the_cause_determines_the_kind() -> None:
    def fails() -> None:
        try:
            raise ConnectionRefusedError
        except OSError as error:
            raise RuntimeError from error

    assert run_checks([Check("cache", fails)])["cache"].failure == "connection refused"


def test_checks_run_concurrently_with_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "CHECK_SECONDS", 0.2)
    release = threading.Event()

    def hangs() -> None:
        release.wait(10)

    started_at = time.monotonic()
    results = run_checks([Check("database", hangs), Check("cache", hangs), Check("other", works)])
    release.set()
    assert time.monotonic() - started_at < 1
    assert [result.failure for result in results.values()] == ["timeout", "timeout", None]


def test_concurrent_callers_share_a_result() -> None:
    calls = 0

    def counts() -> None:
        nonlocal calls
        calls += 1

    database = Check("database", counts)
    for _ in range(5):
        run_checks([database])
    assert calls == 1


@pytest.mark.parametrize(("required", "level"), [(True, "error"), (False, "warning")])
def test_an_outage_and_its_end_are_logged_once(monkeypatch: pytest.MonkeyPatch, *, required: bool, level: str) -> None:
    monkeypatch.setattr(check, "FRESH_SECONDS", 0)
    monkeypatch.setattr(check, "log", log := CapturingLogger())
    outcomes = [False, True, True, False, False]

    def changes() -> None:
        if outcomes.pop(0):
            raise ValueError("https://user:password@host/")

    database = Check("database", changes, required=required)
    while outcomes:
        run_checks([database])
    assert log.calls == [
        CapturedCall(level, ("dependency failed",), {"dependency": "database", "cause": "unavailable"}),
        CapturedCall("info", ("dependency recovered",), {"dependency": "database"}),
    ]


def test_a_hanging_check_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(check, "log", log := CapturingLogger())
    release = threading.Event()

    def hangs() -> None:
        release.wait(10)

    run_checks([Check("database", hangs)])
    release.set()
    assert [call.kwargs["cause"] for call in log.calls] == ["timeout"]


def test_a_result_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "FRESH_SECONDS", 0)
    failures: list[Exception] = [ConnectionRefusedError()]

    def recovers() -> None:
        if failures:
            raise failures.pop()

    database = Check("database", recovers)
    assert run_checks([database])["database"].failure == "connection refused"
    assert run_checks([database])["database"].failure is None
