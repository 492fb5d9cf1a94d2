"""Measuring a running service from outside: requests at a steady pace, each on a new connection."""

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
    """How one request went: the seconds that it took and, if it failed, the kind of failure."""

    seconds: float
    failure: str | None = None


def measure(
    urls: list[SplitResult], host: str | None, requests: int, rate: float, timeout_seconds: float
) -> list[Outcome]:
    """Send GET requests to URLs in turn and return how each went; they ask for `host`, or for that of the URL.

    However slow the answers are, `rate` requests are sent a second; all of it takes
    (requests - 1) / rate + timeout_seconds at most.
    """
    context = ssl.create_default_context()
    began = time.monotonic()
    sent: list[tuple[float, Future[Outcome]]] = []
    for number in range(requests):
        time.sleep(max(0, began + number / rate - time.monotonic()))
        result: Future[Outcome] = Future()
        sent.append((time.monotonic() + timeout_seconds, result))
        # A daemon: what hangs, even in the lookup of a name, keeps neither the others nor the process waiting.
        arguments = (urls[number % len(urls)], host, timeout_seconds, context, result)
        threading.Thread(target=send, args=arguments, daemon=True).start()
    return [wait_for(result, deadline, timeout_seconds) for deadline, result in sent]


def wait_for(result: Future[Outcome], deadline: float, timeout_seconds: float) -> Outcome:
    """Return the outcome of a request, at its deadline at the latest."""
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
    except Exception as error:  # noqa: BLE001 - whatever it is, the request has failed
        failure = failure_of(error)
    seconds = time.monotonic() - began
    result.set_result(Outcome(seconds, failure if seconds <= timeout_seconds else "timeout"))


def get(url: SplitResult, host: str | None, timeout_seconds: float, context: ssl.SSLContext) -> int:
    """Return the status of an answer that has arrived as a whole; raise OSError or HTTPException if none has."""
    # Through a load balancer each new connection may reach another instance, so none is kept.
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
        if response.length:  # read itself raises this only where it reads all at once
            raise IncompleteRead(b"", response.length)
        return response.status
    finally:
        connection.close()


@dataclass(frozen=True)
class Report:
    """What the outcomes say together.

    Arguments:
        requests: how many were sent.
        failures: how many of them failed, by kind of failure.
        p95_milliseconds: the 95th percentile of latency, of the requests that succeeded or, if none did, of all.

    """

    requests: int
    failures: dict[str, int]
    p95_milliseconds: int

    @classmethod
    def of(cls, outcomes: list[Outcome]) -> "Report":
        """Sum up the outcomes of one request or more."""
        failures = Counter(outcome.failure for outcome in outcomes if outcome.failure)
        succeeded = [outcome.seconds for outcome in outcomes if not outcome.failure]
        seconds = percentile(succeeded or [outcome.seconds for outcome in outcomes], 95)
        return cls(len(outcomes), failures, math.ceil(1000 * seconds))

    @property
    def failure_percent(self) -> float:
        """How many of the requests failed."""
        return 100 * sum(self.failures.values()) / self.requests


def percentile(values: list[float], percent: int) -> float:
    """Return the smallest value that so many percent of all do not exceed: the nearest rank."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
