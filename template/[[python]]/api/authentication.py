"""JSON Web Tokens: `Router(auth=Token())` requires one for each route."""

import jwt
from django.http import HttpRequest
from ninja.security import HttpBearer

from config.environment import load_environment


class AuthenticatedRequest(HttpRequest):
    """A request of a route that requires a token."""

    auth: str
    """The subject of the token."""


class Token(HttpBearer):
    """Requires a token that is signed with JWT_SECRET (HS256) and has not expired."""

    openapi_bearerFormat = "JWT"  # noqa: N815 - the name that ninja reads

    def authenticate(self, _request: HttpRequest, token: str) -> str | None:
        """Return the subject of a valid token, otherwise None, which becomes a 401."""
        try:
            claims = jwt.decode(
                token, load_environment().jwt_secret, algorithms=["HS256"], options={"require": ["exp", "sub"]}
            )
        except jwt.InvalidTokenError:
            return None
        return str(claims["sub"]) or None
