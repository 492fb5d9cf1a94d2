"""Problem documents (RFC 9457), the responses of all errors, without the cause."""

from collections.abc import Sequence
from http import HTTPStatus

from django.http import HttpRequest, JsonResponse

CONTENT_TYPE = "application/problem+json"


def problem(
    status: int, headers: dict[str, str] | None = None, *, detail: str = "", errors: Sequence[dict[str, str]] = ()
) -> JsonResponse:
    """Return the response of an error.

    Arguments:
        status: an HTTP status of 400 or more.
        headers: additional headers.
        detail: what the client can do about it, without values of the request.
        errors: for each invalid field its `pointer` (body) or `parameter` (query, path) and a `detail`.

    """
    title = HTTPStatus(status).phrase
    details = ({"detail": detail} if detail else {}) | ({"errors": list(errors)} if errors else {})
    return JsonResponse(
        {"type": "about:blank", "title": title, "status": status, **details},
        status=status,
        headers=headers,
        content_type=CONTENT_TYPE,
    )


def unauthorized() -> JsonResponse:
    """Return the response to a request without a valid bearer token."""
    return problem(HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": "Bearer"})


# Django's error handlers, set in config.urls; Django passes the exception by name.


def bad_request(_request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001
    """Handle a request that Django refuses, such as one with a wrong Host header."""
    return problem(HTTPStatus.BAD_REQUEST)


def forbidden(_request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001
    """Handle PermissionDenied."""
    return problem(HTTPStatus.FORBIDDEN)


def not_found(_request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001
    """Handle unknown paths and Http404."""
    return problem(HTTPStatus.NOT_FOUND)


def internal_server_error(_request: HttpRequest) -> JsonResponse:
    """Handle any other exception; Django has logged it."""
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR)
