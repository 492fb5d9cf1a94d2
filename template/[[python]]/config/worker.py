"""gunicorn's threaded worker, extended to drain before it stops and to disconnect slow clients."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, MutableMapping
from types import FrameType
from typing import Any

import structlog
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn, ThreadWorker

from config.environment import load_environment
from health.state import draining

HEADER_SECONDS = 10
"""Time limit for the request line and headers."""

BODY_SECONDS = 20
"""Time limit for a body, and another second for each BODY_BYTES_PER_SECOND of its Content-Length."""

BODY_BYTES_PER_SECOND = 64 * 1024

Application = Callable[..., Iterable[bytes]]

log = structlog.get_logger()

# Of the connections whose request is not complete; each is removed by the thread that added it.
_deadlines: dict[TConn, float] = {}
_thread = threading.local()


class DrainingWorker(ThreadWorker):
    """Keeps serving after SIGTERM until load balancers have removed the instance.

    gunicorn's server closes its listening sockets immediately; each worker has its own copies.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start to drain, outside of the signal handler, which must not lock."""
        stop_accepting = super().handle_exit
        self.method_queue.defer(self._drain, lambda: stop_accepting(sig, frame))

    def _drain(self, stop_accepting: Callable[[], None]) -> None:
        if draining.is_set():
            return
        draining.set()
        environment = load_environment()
        log.info("shutdown started", worker=self.pid)
        after(environment.shutdown_delay_seconds, stop_accepting)
        after(environment.shutdown_timeout_seconds, self._exit_at_timeout)

    def _exit_at_timeout(self) -> None:
        log.error("shutdown timed out; requests in flight are lost", worker=self.pid)
        os._exit(1)

    def handle(self, conn: TConn) -> bool:
        """Handle the next request of a connection, with a deadline for its headers."""
        _thread.conn = conn
        _deadlines[conn] = time.monotonic() + HEADER_SECONDS
        try:
            return super().handle(conn)
        finally:
            _deadlines.pop(conn, None)


def limit_body(request: Request) -> None:
    """Replace the deadline of the headers, which have arrived, by that of the body."""
    _thread.request = request
    if seconds := body_seconds(request):
        _deadlines[_thread.conn] += seconds
    else:
        _deadlines.pop(_thread.conn, None)


def body_seconds(request: Request) -> float:
    """Return how long the body of a request may take: 0 if there is none."""
    headers = dict(request.headers)
    if "TRANSFER-ENCODING" in headers:
        return BODY_SECONDS
    length = int(headers.get("CONTENT-LENGTH", 0))
    return BODY_SECONDS + length / BODY_BYTES_PER_SECOND if length else 0


def disconnect_slow_clients() -> None:
    """Stop reading from clients after their deadline; gunicorn treats the incomplete request as ended."""
    while True:
        time.sleep(1)
        for conn, deadline in list(_deadlines.items()):
            if time.monotonic() > deadline:
                if isinstance(conn.parser, RequestParser) and conn.parser.mesg:
                    conn.parser.mesg.force_close()
                with contextlib.suppress(OSError):  # it may have closed already
                    conn.sock.shutdown(socket.SHUT_RD)


def close_while_draining(application: Application) -> Application:
    """Return an application whose responses close their connections while the worker drains."""

    def draining_application(environ: MutableMapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(*arguments: Any) -> Any:  # noqa: ANN401 - passed through
            # At the start of the response: requests in flight close too, and the header announces it.
            if draining.is_set():
                _thread.request.force_close()
            return start_response(*arguments)

        return application(environ, start)

    return draining_application


def after(seconds: float, action: Callable[[], None]) -> None:
    """Run an action later, in a daemon thread."""
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()
