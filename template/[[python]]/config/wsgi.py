"""The service as a WSGI application, for any server that can run one."""

import io
import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django = get_wsgi_application()

# After the settings, which it needs; now, so that a mistake in a route ends the start.
from config import urls  # noqa: E402, F401


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        buffer_chunks(environ)
    return django(environ, start_response)


def buffer_chunks(environ: WSGIEnvironment) -> None:
    """Give a chunked body a length, without which Django takes it for empty.

    Of a body that is too long only so much is read that web.middleware.limit_body refuses it.
    """
    body = environ["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = io.BytesIO(body)
