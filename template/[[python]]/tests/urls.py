"""Routes for tests of what all routes have in common."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.http import require_safe


@require_safe
def hello(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


def broken(_request: HttpRequest) -> HttpResponse:
    text = "details for the log only"
    raise RuntimeError(text)


def parts() -> Iterator[str]:
    yield "one"
    yield "two"


def broken_parts() -> Iterator[str]:
    yield "one"
    raise ConnectionResetError


def size(request: HttpRequest) -> HttpResponse:
    return HttpResponse(len(request.body))


urlpatterns = [
    path("", hello),
    path("without", hello),
    path("with/", hello),
    path("broken", broken),
    path("size", size),
    path("stream", lambda _request: StreamingHttpResponse(parts())),
    path("stream/broken", lambda _request: StreamingHttpResponse(broken_parts())),
    path("stream/short", lambda _request: StreamingHttpResponse(parts(), headers={"Content-Length": "7"})),
    path("json", lambda _request: JsonResponse({})),
]
handler400 = "web.problems.bad_request"
handler404 = "web.problems.not_found"
handler500 = "web.problems.internal_server_error"
