"""Examples to replace."""

import jwt
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from config import SERVICE
from config.environment import load_environment
from web.authorization import bearer_token
from web.problems import unauthorized


@require_safe
def index(_request: HttpRequest) -> JsonResponse:
    """Return the service's name and version."""
    return JsonResponse({"service": SERVICE, "version": load_environment().app_version})


@require_safe
def me(request: HttpRequest) -> JsonResponse:
    """Return the subject of the request's JSON Web Token, or 401 without a valid one."""
    try:
        claims = jwt.decode(
            bearer_token(request) or "",
            load_environment().jwt_secret,
            algorithms=["HS256"],
            options={"require": ["exp", "sub"]},
        )
    except jwt.InvalidTokenError:
        return unauthorized()
    return JsonResponse({"subject": claims["sub"]})
