"""Properties of every response."""

import io
import json
import uuid
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.test import Client, override_settings

from config import wsgi
from config.environment import load_environment
from web import middleware
from web.problems import problem

MEBIBYTE = 1024 * 1024


pytestmark = pytest.mark.urls("tests.urls")


@pytest.mark.parametrize("url", ["/health", "/nowhere", "/json"])
def test_security_headers(client: Client, url: str) -> None:
    headers = client.get(url).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers


def test_pages_load_their_own_files_only(client: Client) -> None:
    policy = client.get("/with/").headers["Content-Security-Policy"]
    assert policy == "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"


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


@pytest.mark.parametrize("url", ["/without", "/without/", "/with", "/with/"])
def test_routes_match_with_and_without_a_trailing_slash(client: Client, url: str) -> None:
    answer = client.get(url)
    assert (answer.status_code, answer.content) == (200, b"hello")


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


def test_a_500_has_no_details() -> None:
    answer = Client(raise_request_exception=False).get("/broken")
    assert answer.status_code == 500
    assert answer.json() == {"type": "about:blank", "title": "Internal Server Error", "status": 500}


def test_head_has_the_length_of_get(client: Client) -> None:
    answer = client.head("/")
    assert (answer.content, answer["Content-Length"]) == (b"", str(len(client.get("/").content)))


def test_body_limit(client: Client) -> None:
    assert client.post("/size", b"x" * MEBIBYTE, "text/plain").content == b"1048576"
    answer = client.post("/size", b"x" * (MEBIBYTE + 1), "text/plain")
    assert (answer.status_code, answer.json()["status"]) == (413, 413)


@override_settings(BODY_LIMITS_BYTES={"size": 2 * MEBIBYTE})
def test_a_route_has_its_own_limit(client: Client) -> None:
    assert client.post("/size", b"x" * 2 * MEBIBYTE, "text/plain").content == b"2097152"
    assert client.post("/size", b"x" * (2 * MEBIBYTE + 1), "text/plain").status_code == 413


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


def test_problem_documents_name_the_invalid_fields() -> None:
    errors = [{"pointer": "#/title", "detail": "expects 1 to 200 characters"}]
    answer = problem(400, detail="The note is invalid.", errors=errors)
    assert json.loads(answer.content) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "The note is invalid.",
        "errors": errors,
    }
