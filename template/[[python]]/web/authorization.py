"""The Authorization header."""

from django.http import HttpRequest


def bearer_token(request: HttpRequest) -> str | None:
    """Return the token of `Authorization: Bearer …`, or None without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
