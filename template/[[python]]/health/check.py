"""Health checks of dependencies."""

import mmap
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal

import structlog

CHECK_SECONDS = 2
"""Time limit of a check."""

FRESH_SECONDS = 1
"""Time for which a result is reused, so that many probes do not flood a dependency."""

Failure = Literal[
    "timeout",
    "connection refused",
    "name not resolved",
    "authentication failed",
    "unexpected status",
    "unavailable",
]


log = structlog.get_logger()


class CheckError(Exception):
    """A failure whose kind the check knows."""

    def __init__(self, failure: Failure) -> None:
        """Set the kind of failure, never an address or a credential."""
        super().__init__(failure)
        self.failure: Failure = failure


@dataclass(frozen=True)
class Result:
    """The result of a check and its duration in milliseconds."""

    latency_ms: float
    failure: Failure | None = None

    def as_json(self) -> dict[str, str | float]:
        """Return the result for /health/detailed."""
        result = {"status": "error" if self.failure else "ok", "latencyMs": self.latency_ms}
        return result | {"error": self.failure} if self.failure else result


@dataclass(eq=False)
class Check:
    """A check of one dependency.

    Arguments:
        name: its name in /health/detailed.
        probe: returns if the dependency works, otherwise raises.
        required: whether the service is not ready without it.

    """

    name: str
    probe: Callable[[], None]
    required: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _result: Future[Result] = field(default_factory=Future, init=False)
    _started_at: float = field(default=float("-inf"), init=False)
    # In memory that the workers share, so that only one of them logs.
    _failing: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, 1), init=False)

    def start(self) -> Future[Result]:
        """Start the check and return its future result, shared by concurrent callers.

        A hanging probe therefore uses one daemon thread, not one per request.
        """
        with self._lock:
            never = self._started_at == float("-inf")
            stale = time.monotonic() >= self._started_at + FRESH_SECONDS
            if never or (stale and self._result.done()):
                self._started_at = time.monotonic()
                self._result = Future()
                threading.Thread(target=self._run, args=(self._result,), daemon=True).start()
            return self._result

    def _run(self, result: Future[Result]) -> None:
        failure: Failure | None = None
        try:
            self.probe()
        except Exception as error:  # noqa: BLE001 - any exception is a failure
            failure = failure_of(error)
        seconds = time.monotonic() - self._started_at
        if seconds < CHECK_SECONDS:  # otherwise it was reported as a timeout
            self.log_change(failure)
        result.set_result(Result(round(seconds * 1000, 1), failure))

    def log_change(self, failure: Failure | None) -> None:
        """Log that the dependency failed or recovered, once."""
        with self._lock:
            was_failing = bool(self._failing[0])
            self._failing[0] = bool(failure)
        if failure and not was_failing:
            write = log.error if self.required else log.warning
            write("dependency failed", dependency=self.name, cause=failure)
        elif was_failing and not failure:
            log.info("dependency recovered", dependency=self.name)


def run_checks(checks: Iterable[Check]) -> dict[str, Result]:
    """Run checks concurrently; return the results by name within CHECK_SECONDS."""
    deadline = time.monotonic() + CHECK_SECONDS
    started = {check: check.start() for check in checks}
    results: dict[str, Result] = {}
    for check, result in started.items():
        try:
            results[check.name] = result.result(timeout=max(0, deadline - time.monotonic()))
        except TimeoutError:
            results[check.name] = Result(CHECK_SECONDS * 1000, "timeout")
            check.log_change("timeout")
    return results


def failure_of(error: BaseException | None) -> Failure:
    """Return the kind of failure of an exception or of its cause."""
    while error:
        if isinstance(error, CheckError):
            return error.failure
        if isinstance(error, TimeoutError):
            return "timeout"
        if isinstance(error, ConnectionRefusedError):
            return "connection refused"
        if isinstance(error, socket.gaierror):
            return "name not resolved"
        error = error.__cause__ or error.__context__
    return "unavailable"
