"""The worker: gunicorn's threaded one, which drains before it stops and cuts off slow clients."""

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
"""Time in which a request's line and headers have to arrive."""

REQUEST_SECONDS = 30
"""Time in which a request has to arrive, its body included."""

StartResponse = Callable[..., Any]

log = structlog.get_logger()


class DrainingWorker(ThreadWorker):
    """Serves on for a while after SIGTERM, until load balancers send nothing any more.

    gunicorn's server closes its listening sockets at once, but each worker has its own copies.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - gunicorn's business
        """Take what gunicorn gives to its workers; still in the server's process."""
        super().__init__(*args, **kwargs)
        self._receiving: dict[TConn, float] = {}
        self._thread = threading.local()

    def init_signals(self) -> None:
        """Treat Ctrl-C, which the terminal sends to every process, like SIGTERM."""
        super().init_signals()
        signal.signal(signal.SIGINT, self.handle_exit)
        signal.siginterrupt(signal.SIGINT, False)  # noqa: FBT003 - no name to pass it by

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain, outside of the signal handler, where nothing may lock."""
        stop_accepting = super().handle_exit
        self.method_queue.defer(self._drain, lambda: stop_accepting(sig, frame))

    def _drain(self, stop_accepting: Callable[[], None]) -> None:
        if draining.is_set():
            return
        draining.set()
        environment = load_environment()
        log.info("shutdown started", worker=self.pid)
        after(environment.shutdown_delay_seconds, stop_accepting)
        after(environment.shutdown_timeout_seconds, self._give_up)

    def _give_up(self) -> None:
        log.error("shutdown timed out; what was in flight is lost", worker=self.pid)
        os._exit(1)

    def handle_request(self, req: Request, conn: TConn) -> bool:
        """Answer a request whose headers have arrived."""
        self._thread.request = req
        if has_body(req):
            self._receiving[conn] += REQUEST_SECONDS - HEADER_SECONDS
        else:
            self._receiving.pop(conn, None)
        return super().handle_request(req, conn)

    def load_wsgi(self) -> None:
        """Load the application; while draining, its answers close their connections."""
        super().load_wsgi()
        application = self.wsgi

        def draining_application(environ: MutableMapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            def start(*arguments: Any) -> Any:  # noqa: ANN401 - passed on as they are
                # As late as this, so that one in flight closes too; not later, or it could close unannounced.
                if draining.is_set():
                    self._thread.request.force_close()
                return start_response(*arguments)

            return application(environ, start)

        self.wsgi = draining_application

    def enqueue_req(self, conn: TConn) -> None:
        """Note until when the next request of a connection has to arrive."""
        self._receiving[conn] = time.monotonic() + HEADER_SECONDS
        super().enqueue_req(conn)

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Forget a request that has been answered or given up."""
        self._receiving.pop(conn, None)
        super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Cut off clients that are too slow; the main loop asks for it every second."""
        super().murder_pending()
        now = time.monotonic()
        for conn, deadline in list(self._receiving.items()):
            if now > deadline:
                cut_off(conn)


def after(seconds: float, action: Callable[[], None]) -> None:
    """Run an action in a thread that does not keep the process alive."""
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()


def has_body(request: Request) -> bool:
    """Tell whether a request announces a body."""
    return any(
        name == "TRANSFER-ENCODING" or (name == "CONTENT-LENGTH" and value != "0") for name, value in request.headers
    )


def cut_off(conn: TConn) -> None:
    """Read nothing more from a client; what the request lacks looks like its end."""
    if isinstance(conn.parser, RequestParser) and conn.parser.mesg:
        conn.parser.mesg.force_close()
    with contextlib.suppress(OSError):  # it may have closed already
        conn.sock.shutdown(socket.SHUT_RD)
