"""The application of gunicorn: the service on PORT, its metrics on METRICS_PORT."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from config import wsgi
from config.environment import load_environment
from web import exposition

METRICS_PORT = str(load_environment().metrics_port)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Handle a request by the port that received it, which no header can change."""
    if environ["SERVER_PORT"] == METRICS_PORT:
        return exposition.application(environ, start_response)
    return wsgi.application(environ, start_response)
