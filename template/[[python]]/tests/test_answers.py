"""Properties of every response."""

import io
import uuid
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from config import wsgi
from config.environment import load_environment
from web import middleware

MEBIBYTE = 1024 * 1024


def broken(_request: HttpRequest) -> HttpResponse:
    text = "details for the log only"
    raise RuntimeError(text)


def size(request: HttpRequest) -> HttpResponse:
    return HttpResponse(len(request.body))


urlpatterns = [path("broken", broken), path("size", size)]
handler404 = "web.problems.not_found"
handler500 = "web.problems.internal_server_error"


@pytest.mark.parametrize("url", ["/", "/health", "/nowhere", "/api/v1/me"])
def test_security_headers(client: Client, url: str) -> None:
    headers = client.get(url).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers


def test_deployed_services_require_tls(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = load_environment().model_copy(update={"app_env": "staging"})
    monkeypatch.setattr(middleware, "load_environment", lambda: environment)
    assert client.get("/health")["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("given", ["abc", "A.b_c-1", "x" * 128])
def test_request_id_is_kept(client: Client, given: str) -> None:
    assert client.get("/", headers={"X-Request-Id": given})["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, "a\nb", "ä"])
def test_request_id_is_replaced(client: Client, given: str) -> None:
    assert uuid.UUID(client.get("/", headers={"X-Request-Id": given})["X-Request-Id"]).version == 4


def test_unknown_path(client: Client) -> None:
    answer = client.get("/nowhere")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json() == {"type": "about:blank", "title": "Not Found", "status": 404}


def test_other_method(client: Client) -> None:
    answer = client.delete("/")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert answer.json() == {"type": "about:blank", "title": "Method Not Allowed", "status": 405}
    assert answer["Content-Length"] == str(len(answer.content))


def test_other_host(client: Client) -> None:
    answer = client.get("/", headers={"Host": "elsewhere.example"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@override_settings(ROOT_URLCONF=__name__)
def test_a_500_has_no_details() -> None:
    answer = Client(raise_request_exception=False).get("/broken")
    assert answer.status_code == 500
    assert answer.json() == {"type": "about:blank", "title": "Internal Server Error", "status": 500}


def test_head_has_the_length_of_get(client: Client) -> None:
    answer = client.head("/")
    assert (answer.content, answer["Content-Length"]) == (b"", str(len(client.get("/").content)))


@override_settings(ROOT_URLCONF=__name__)
def test_body_limit(client: Client) -> None:
    assert client.post("/size", b"x" * MEBIBYTE, "text/plain").content == b"1048576"
    answer = client.post("/size", b"x" * (MEBIBYTE + 1), "text/plain")
    assert (answer.status_code, answer.json()["status"]) == (413, 413)


@pytest.mark.parametrize(("length", "status"), [(MEBIBYTE, "405"), (MEBIBYTE + 1, "413")])
def test_chunked_bodies_have_the_same_limit(length: int, status: str) -> None:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "HTTP_HOST": "localhost",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "SERVER_PORT": "8000",
        "wsgi.input": io.BytesIO(b"x" * length),
    }
    setup_testing_defaults(environ)
    statuses: list[str] = []

    def start_response(status: str, *_: object) -> None:
        statuses.append(status[:3])

    wsgi.application(environ, start_response)  # type: ignore[arg-type]
    assert statuses == [status]
    assert environ["CONTENT_LENGTH"] == str(length)
