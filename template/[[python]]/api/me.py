"""An example to replace: a route for requests with a JSON Web Token."""

import jwt
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from config.environment import load_environment
from web.authorization import bearer_token
from web.problems import unauthorized


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
