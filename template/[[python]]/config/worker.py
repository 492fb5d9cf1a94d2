"""gunicorn's threaded worker, extended to drain before it stops and to disconnect slow clients."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, MutableMapping
from concurrent.futures import Future
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

REQUEST_SECONDS = 30
"""Time limit for a request including its body."""

StartResponse = Callable[..., Any]

log = structlog.get_logger()


class DrainingWorker(ThreadWorker):
    """Keeps serving after SIGTERM until load balancers have removed the instance.

    gunicorn's server closes its listening sockets immediately; each worker has its own copies.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - gunicorn's signature
        """Create the worker, still in the server's process."""
        super().__init__(*args, **kwargs)
        self._receiving: dict[TConn, float] = {}
        self._thread = threading.local()

    def init_signals(self) -> None:
        """Handle Ctrl-C, which the terminal sends to every process, like SIGTERM."""
        super().init_signals()
        signal.signal(signal.SIGINT, self.handle_exit)
        signal.siginterrupt(signal.SIGINT, False)  # noqa: FBT003 - positional-only

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

    def handle_request(self, req: Request, conn: TConn) -> bool:
        """Handle a request whose headers have arrived."""
        self._thread.request = req
        if has_body(req):
            self._receiving[conn] += REQUEST_SECONDS - HEADER_SECONDS
        else:
            self._receiving.pop(conn, None)
        return super().handle_request(req, conn)

    def load_wsgi(self) -> None:
        """Load the application; while draining, its responses close their connections."""
        super().load_wsgi()
        application = self.wsgi

        def draining_application(environ: MutableMapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            def start(*arguments: Any) -> Any:  # noqa: ANN401 - passed through
                # At the start of the response: requests in flight close too, and the header announces it.
                if draining.is_set():
                    self._thread.request.force_close()
                return start_response(*arguments)

            return application(environ, start)

        self.wsgi = draining_application

    def enqueue_req(self, conn: TConn) -> None:
        """Set the deadline of the next request of a connection."""
        self._receiving[conn] = time.monotonic() + HEADER_SECONDS
        super().enqueue_req(conn)

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Remove the deadline of a finished request."""
        self._receiving.pop(conn, None)
        super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Disconnect clients that are too slow; the main loop calls this every second."""
        super().murder_pending()
        now = time.monotonic()
        for conn, deadline in list(self._receiving.items()):
            if now > deadline:
                disconnect(conn)


def after(seconds: float, action: Callable[[], None]) -> None:
    """Run an action later, in a daemon thread."""
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()


def has_body(request: Request) -> bool:
    """Whether a request has a body."""
    return any(
        name == "TRANSFER-ENCODING" or (name == "CONTENT-LENGTH" and value != "0") for name, value in request.headers
    )


def disconnect(conn: TConn) -> None:
    """Stop reading from a client; gunicorn treats the incomplete request as ended."""
    if isinstance(conn.parser, RequestParser) and conn.parser.mesg:
        conn.parser.mesg.force_close()
    with contextlib.suppress(OSError):  # it may have closed already
        conn.sock.shutdown(socket.SHUT_RD)
