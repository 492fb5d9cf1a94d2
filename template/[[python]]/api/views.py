"""An example to replace."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from config import SERVICE
from config.environment import load_environment


@require_safe
def index(_request: HttpRequest) -> JsonResponse:
    """Return the service's name and version."""
    return JsonResponse({"service": SERVICE, "version": load_environment().app_version})
