"""A bounded load of HTTP requests without retries, so that each lost request is counted."""

import http.client
import threading
import time
from collections import Counter
from urllib.parse import urlsplit


class Load:
    """Requests to one address of this machine at a constant rate, from entering to leaving a `with` block.

    Half of the connections are kept alive, as long as the server keeps them; the other half are closed after each
    request. No request is retried: a reset, a refusal, a timeout and an unexpected status each count as a failure.

    Arguments:
        url: the address of each GET request; its host must be 127.0.0.1.
        rate: requests per second, over all connections.
        connections: how many connections send requests at the same time.
        status: the status that counts as success.
        timeout_seconds: the timeout of a single request.
        limit_seconds: the load stops after this time, even if nothing stops it earlier.

    After the block `total` and `failures` (reason → count) are final, `answers` counts the bodies received.
    """

    def __init__(
        self,
        url: str,
        *,
        rate: float = 200,
        connections: int = 8,
        status: int = 200,
        timeout_seconds: float = 10,
        limit_seconds: float = 300,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.address = urlsplit(url)
        if self.address.hostname != "127.0.0.1":
            raise ValueError(f"load must go to 127.0.0.1, not to {self.address.hostname}")
        self.pause_seconds = connections / rate
        self.status = status
        self.timeout_seconds = timeout_seconds
        self.headers = headers or {}
        self.total = 0
        self.failures: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self._ends_at = time.monotonic() + limit_seconds
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._send, args=(number % 2 == 0, number / rate), daemon=True)
            for number in range(connections)
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no further request, and wait for the responses to requests in flight."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(self.timeout_seconds + 1)

    def wait_for(self, requests: int, timeout_seconds: float = 60) -> None:
        """Return when that many further requests have been sent."""
        target = self.total + requests
        deadline = time.monotonic() + timeout_seconds
        while self.total < target:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.total} of {target} requests were sent in {timeout_seconds} seconds")
            time.sleep(0.05)

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=self.timeout_seconds)

    def _send(self, keep_alive: bool, first_after_seconds: float) -> None:
        headers = self.headers if keep_alive else {**self.headers, "Connection": "close"}
        path = f"{self.address.path or '/'}{'?' + self.address.query if self.address.query else ''}"
        connection = self._connect()
        due = time.monotonic() + first_after_seconds
        while not self._stop.wait(max(0, due - time.monotonic())) and time.monotonic() < self._ends_at:
            due = max(due + self.pause_seconds, time.monotonic() - 1)
            failure = ""
            body = ""
            try:
                connection.request("GET", path, headers=headers)
                response = connection.getresponse()
                body = response.read().decode(errors="replace")
                if response.status != self.status:
                    failure = f"status {response.status}"
            except (OSError, http.client.HTTPException) as error:
                failure = type(error).__name__
            if failure or not keep_alive:
                connection.close()
            with self._lock:
                self.total += 1
                if failure:
                    self.failures[failure] += 1
                else:
                    self.answers[body] += 1
        connection.close()
