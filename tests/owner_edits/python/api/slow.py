"""A route that takes its time."""

import time

from django.http import HttpRequest, JsonResponse


def slow(request: HttpRequest) -> JsonResponse:
    """Answer after `seconds`, two by default."""
    time.sleep(int(request.GET.get("seconds", "2")))
    return JsonResponse({"status": "slow"})
