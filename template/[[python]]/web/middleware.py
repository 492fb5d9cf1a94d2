"""Middleware, outermost first, in the order of config.settings."""

import re
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from http import HTTPStatus

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import is_valid_path

from config.environment import load_environment
from web import metrics
from web.problems import problem

GetResponse = Callable[[HttpRequest], HttpResponseBase]

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

CLIENT_CLOSED_REQUEST = 499
"""nginx's status of a request whose client went away."""

log = structlog.get_logger()


def observe(get_response: GetResponse) -> GetResponse:
    """Add a request id to log lines and the response; log, count and time each request."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started_at = time.perf_counter()
        request_id = request.META.get("HTTP_X_REQUEST_ID", "")
        if not REQUEST_ID.fullmatch(request_id):
            request_id = str(uuid.uuid4())
        path = request.path  # before others change it

        @structlog.contextvars.bound_contextvars(requestId=request_id)
        def end(failure: BaseException | None = None) -> None:
            seconds = time.perf_counter() - started_at
            status = response.status_code
            if isinstance(failure, GeneratorExit):
                status = CLIENT_CLOSED_REQUEST
            elif failure:
                status = HTTPStatus.INTERNAL_SERVER_ERROR
                log.error("the response was cut off", exc_info=failure)
            is_probe = path == "/health" or path.startswith("/health/")
            if not is_probe:
                match = request.resolver_match
                route = f"/{match.route}" if match else None
                metrics.count(request.method or "", route, status, seconds)
            (log.debug if is_probe else log.info)(
                "request",
                method=request.method,
                path=path,
                status=status,
                durationMs=round(seconds * 1000, 1),
                **({"incomplete": True} if failure else {}),
            )

        with structlog.contextvars.bound_contextvars(requestId=request_id):
            response = get_response(request)
        if isinstance(response, StreamingHttpResponse) and not response.is_async:
            has_body = request.method != "HEAD" and response.status_code != HTTPStatus.NOT_MODIFIED
            length = int(response.headers.get("Content-Length", 0)) if has_body else 0
            response.streaming_content = observe_stream(iter(response), length, end)
        else:
            # A refused client may leave, and one whose body took too long is disconnected.
            is_refused = HTTPStatus.BAD_REQUEST <= response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
            end(GeneratorExit() if not is_refused and is_client_gone(request) else None)
        response.headers["X-Request-Id"] = request_id
        if isinstance(response, HttpResponse):
            response.headers["Content-Length"] = str(len(response.content))
            if request.method == "HEAD":
                response.content = b""
        return response

    return middleware


def is_client_gone(request: HttpRequest) -> bool:
    """Return whether the client closed its connection, which gunicorn passes on."""
    connection = request.META.get("gunicorn.socket")
    try:
        return connection is not None and not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def observe_stream(parts: Iterator[bytes], length: int, end: Callable[[BaseException | None], None]) -> Iterator[bytes]:
    """Return the parts of a response, and observe its end.

    Arguments:
        parts: the body.
        length: its Content-Length; 0 if it is not declared.
        end: called with what cut the response off: GeneratorExit if the client went away; None if it is whole.

    """
    try:
        for part in parts:
            yield part
            length -= len(part)
        if length > 0:  # the connection has to close, because the client waits for the rest
            text = f"the response is {length} bytes shorter than its Content-Length"
            raise ValueError(text)  # noqa: TRY301
    except BaseException as failure:
        end(failure)
        raise
    end(None)


def secure_headers(get_response: GetResponse) -> GetResponse:
    """Set the security headers, unless a view sets them itself."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    if load_environment().is_deployed:
        headers["Strict-Transport-Security"] = "max-age=31536000"  # a year

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        sources = settings.PAGE_SOURCES if is_page else "default-src 'none'"
        response.headers.setdefault("Content-Security-Policy", f"{sources}; frame-ancestors 'none'")
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    return middleware


def problem_bodies(get_response: GetResponse) -> GetResponse:
    """Add a problem document to errors without one, such as a 405 of Django or django-ninja."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code < HTTPStatus.BAD_REQUEST or not isinstance(response, HttpResponse):
            return response
        if response.content and not isinstance(response, HttpResponseNotAllowed):
            return response
        described = problem(response.status_code)
        for name, value in response.items():
            described.headers.setdefault(name, value)
        described.headers["Content-Length"] = str(len(described.content))
        return described

    return middleware


class LimitBody:
    """Refuse bodies that are too large for their route before they are read."""

    def __init__(self, get_response: GetResponse) -> None:
        """Create the middleware, in Django's way."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on; the route is not known yet."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """Return the response to a body that is too large, otherwise None."""
        route = request.resolver_match.route if request.resolver_match else ""
        limit = settings.BODY_LIMITS_BYTES.get(route, settings.BODY_LIMIT_BYTES)
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        return problem(HTTPStatus.CONTENT_TOO_LARGE) if length > limit else None


def ignore_trailing_slash(get_response: GetResponse) -> GetResponse:
    """Match each route with and without a trailing slash, however it is defined, without a redirect."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
        if not is_valid_path(path) and is_valid_path(other):
            request.path_info = other
        return get_response(request)

    return middleware
