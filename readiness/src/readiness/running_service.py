"""Check a running service over HTTP."""

import http.client
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from readiness.findings import ArgumentError, Finding, judge

REQUEST_SECONDS = 10
HEADERS = ("X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy")

# Browsers heed it over TLS only, and the service leaves it out in development.
TLS_HEADER = "Strict-Transport-Security"


@dataclass(frozen=True)
class Response:
    """A response: its status, the names of its headers, and the first characters of its body."""

    status: int
    headers: set[str]
    begin: str


class NoRedirects(urllib.request.HTTPErrorProcessor):
    """Return redirects and errors as responses."""

    def http_response(self, request: urllib.request.Request, response: http.client.HTTPResponse) -> Any:
        """Return the response."""
        return response

    https_response = http_response


def request(url: str, path: str) -> Response:
    """Return the response to a GET request, or status 0 and the reason if there is none."""
    opener = urllib.request.build_opener(NoRedirects)
    try:
        with opener.open(url.rstrip("/") + path, timeout=REQUEST_SECONDS) as response:
            headers = {name.lower() for name in response.headers}
            return Response(response.status, headers, response.read(80).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return Response(0, set(), str(error))


def check_headers(answer: Response, headers: tuple[str, ...]) -> list[Finding]:
    """Return whether the answer to / has these headers."""
    seen = {header: "with" if header.lower() in answer.headers else "without" for header in headers}
    return [judge(how == "with", f"/ answers {how} {header}", "the header") for header, how in seen.items()]


def check_service(url: str, _: object = None) -> dict[str, list[Finding]]:
    """Check a running service; return the findings by item."""
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise ArgumentError(f"{url!r} is not a URL: expected one such as https://orders.example.com")
    answers = {path: request(url, path) for path in ("/", "/health", "/health/ready", "/health/detailed", "/metrics")}

    def answer(path: str, status: int) -> Finding:
        seen = answers[path]
        return judge(seen.status == status, f"{path} answers {seen.status}", f"{status}, not {seen.begin}")

    return {
        "health-endpoints": [answer("/health", 200), answer("/health/ready", 200)],
        "detailed-health-closed": [answer("/health/detailed", 401)],
        "metrics-closed": [answer("/metrics", 404)],
        "security-headers": check_headers(
            answers["/"], (*HEADERS, TLS_HEADER) if address.scheme == "https" else HEADERS
        ),
    }
