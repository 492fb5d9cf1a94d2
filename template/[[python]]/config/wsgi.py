"""The service as a WSGI application."""

import io
import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django = get_wsgi_application()

# After the settings are loaded; at import, so that an error in a route fails the start.
from config import urls  # noqa: E402, F401


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Handle a request."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        buffer_chunks(environ)
    return django(environ, start_response)


def buffer_chunks(environ: WSGIEnvironment) -> None:
    """Set the length of a chunked body, which Django would treat as empty.

    Reads at most one byte more than web.middleware.LimitBody allows.
    """
    limit = max(settings.BODY_LIMIT_BYTES, *settings.BODY_LIMITS_BYTES.values(), 0)
    body = environ["wsgi.input"].read(limit + 1)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = io.BytesIO(body)
