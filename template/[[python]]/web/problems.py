"""Problem documents (RFC 9457): what every error answers with. None tells a cause."""

from http import HTTPStatus

from django.http import HttpRequest, JsonResponse

CONTENT_TYPE = "application/problem+json"


def problem(status: int, headers: dict[str, str] | None = None) -> JsonResponse:
    """Return the answer of an error.

    Arguments:
        status: an HTTP status of 400 or more.
        headers: further headers of the answer.

    """
    title = HTTPStatus(status).phrase
    return JsonResponse(
        {"type": "about:blank", "title": title, "status": status},
        status=status,
        headers=headers,
        content_type=CONTENT_TYPE,
    )


def unauthorized() -> JsonResponse:
    """Return the answer to a request without a valid bearer token."""
    return problem(HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": "Bearer"})


# Django's handlers of exceptions, named in config.urls; Django passes the exception by its name.


def bad_request(_request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001
    """Answer a request that Django refuses, such as one for a host that is not allowed."""
    return problem(HTTPStatus.BAD_REQUEST)


def forbidden(_request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001
    """Answer PermissionDenied."""
    return problem(HTTPStatus.FORBIDDEN)


def not_found(_request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001
    """Answer a path that no route matches, and Http404."""
    return problem(HTTPStatus.NOT_FOUND)


def internal_server_error(_request: HttpRequest) -> JsonResponse:
    """Answer any other exception; Django has logged it."""
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR)
