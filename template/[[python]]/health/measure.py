"""Measures a running service: requests at a constant rate, each on a new connection."""

import math
import ssl
import threading
import time
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPSConnection, IncompleteRead
from urllib.parse import SplitResult, quote

from health.check import failure_of

BLOCK_BYTES = 65536


@dataclass(frozen=True)
class Outcome:
    """The duration of a request in seconds and, if it failed, the kind of failure."""

    seconds: float
    failure: str | None = None


def measure(
    urls: list[SplitResult], host: str | None, requests: int, rate: float, timeout_seconds: float
) -> list[Outcome]:
    """Send GET requests to URLs in turn, with `host` or the URL's host in the Host header; return the outcomes.

    Sends `rate` requests per second, however slow the responses are. The total time is at most
    (requests - 1) / rate + timeout_seconds.
    """
    context = ssl.create_default_context()
    began = time.monotonic()
    sent: list[tuple[float, Future[Outcome]]] = []
    for number in range(requests):
        time.sleep(max(0, began + number / rate - time.monotonic()))
        result: Future[Outcome] = Future()
        sent.append((time.monotonic() + timeout_seconds, result))
        # A daemon thread, so that a hanging request, even in name resolution, blocks nothing else.
        arguments = (urls[number % len(urls)], host, timeout_seconds, context, result)
        threading.Thread(target=send, args=arguments, daemon=True).start()
    return [wait_for(result, deadline, timeout_seconds) for deadline, result in sent]


def wait_for(result: Future[Outcome], deadline: float, timeout_seconds: float) -> Outcome:
    """Return the outcome of a request by its deadline."""
    try:
        return result.result(timeout=max(0, deadline - time.monotonic()))
    except TimeoutError:
        return Outcome(timeout_seconds, "timeout")


def send(
    url: SplitResult, host: str | None, timeout_seconds: float, context: ssl.SSLContext, result: Future[Outcome]
) -> None:
    """Send one request and set its outcome."""
    began = time.monotonic()
    failure: str | None
    try:
        status = get(url, host, timeout_seconds, context)
        failure = None if HTTPStatus.OK <= status < HTTPStatus.BAD_REQUEST else f"status {status}"
    except Exception as error:  # noqa: BLE001 - any exception is a failure
        failure = failure_of(error)
    seconds = time.monotonic() - began
    result.set_result(Outcome(seconds, failure if seconds <= timeout_seconds else "timeout"))


def get(url: SplitResult, host: str | None, timeout_seconds: float, context: ssl.SSLContext) -> int:
    """Return the status of a complete response; raise OSError or HTTPException without one."""
    # No keep-alive: a load balancer can send each new connection to another instance.
    address = url.hostname or ""
    connection = (
        HTTPSConnection(address, url.port, timeout=timeout_seconds, context=context)
        if url.scheme == "https"
        else HTTPConnection(address, url.port, timeout=timeout_seconds)
    )
    target = quote(url._replace(scheme="", netloc="", fragment="").geturl() or "/", safe="!#$%&'()*+,/:;=?@[]~")
    try:
        connection.request("GET", target, headers={"Connection": "close"} | ({"Host": host} if host else {}))
        response = connection.getresponse()
        while response.read(BLOCK_BYTES):
            pass
        if response.length:  # read(n) does not raise this itself
            raise IncompleteRead(b"", response.length)
        return response.status
    finally:
        connection.close()


@dataclass(frozen=True)
class Report:
    """The summary of the outcomes.

    Arguments:
        requests: the number of requests.
        failures: the number of failed requests by kind.
        p95_milliseconds: 95th percentile of latency of the successful requests, or of all if none succeeded.

    """

    requests: int
    failures: dict[str, int]
    p95_milliseconds: int

    @classmethod
    def of(cls, outcomes: list[Outcome]) -> "Report":
        """Return the report of one or more outcomes."""
        failures = Counter(outcome.failure for outcome in outcomes if outcome.failure)
        succeeded = [outcome.seconds for outcome in outcomes if not outcome.failure]
        seconds = percentile(succeeded or [outcome.seconds for outcome in outcomes], 95)
        return cls(len(outcomes), failures, math.ceil(1000 * seconds))

    @property
    def failure_percent(self) -> float:
        """The share of failed requests."""
        return 100 * sum(self.failures.values()) / self.requests


def percentile(values: list[float], percent: int) -> float:
    """Return the percentile by the nearest-rank method."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
