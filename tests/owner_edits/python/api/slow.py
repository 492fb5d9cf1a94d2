"""A route that takes its time."""

import time

from django.http import HttpRequest, JsonResponse


def slow(request: HttpRequest) -> JsonResponse:
    """Answer after `seconds`, two unless told."""
    time.sleep(int(request.GET.get("seconds", "2")))
    return JsonResponse({"status": "slow"})
