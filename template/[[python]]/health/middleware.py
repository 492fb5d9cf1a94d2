"""The health endpoints, for any host and without redirects."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from config.environment import load_environment
from health.check import run_checks
from health.checks import CHECKS
from health.state import STARTED_AT, draining
from web.authorization import bearer_token
from web.problems import problem, unauthorized

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def answer_probes(get_response: GetResponse) -> GetResponse:
    """Serve the paths of the health endpoints and pass other requests on."""
    answers = {"/health": live, "/health/ready": ready, "/health/detailed": detailed}

    def middleware(request: HttpRequest) -> HttpResponseBase:
        answer = answers.get(request.path_info.removesuffix("/"))
        if not answer:
            return get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return problem(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD"})
        return answer(request)

    return middleware


def live(_request: HttpRequest) -> HttpResponse:
    """Return 200; checks no dependency."""
    return HttpResponse(b'{"status":"ok"}', content_type="application/json")


def ready(_request: HttpRequest) -> HttpResponse:
    """Return 200 if the service can handle requests, otherwise 503."""
    if not draining.is_set():
        results = run_checks(check for check in CHECKS if check.required)
        if not any(result.failure for result in results.values()):
            return live(_request)
    return HttpResponse(
        b'{"status":"unavailable"}',
        content_type="application/json",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
    )


def detailed(request: HttpRequest) -> HttpResponse:
    """Report each dependency to requests with the token."""
    environment = load_environment()
    token = bearer_token(request) or ""
    if not secrets.compare_digest(token.encode(), environment.health_token.encode()):
        return unauthorized()
    results = run_checks(CHECKS)
    is_ok = not any(result.failure for result in results.values())
    return JsonResponse(
        {
            "status": "ok" if is_ok else "degraded",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "version": environment.app_version,
            "uptime": round(time.monotonic() - STARTED_AT, 1),
            "checks": {name: result.as_json() for name, result in results.items()},
        },
        status=HTTPStatus.OK if is_ok else HTTPStatus.SERVICE_UNAVAILABLE,
    )
