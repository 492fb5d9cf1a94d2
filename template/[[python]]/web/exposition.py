"""The application on METRICS_PORT: the metrics of all workers and their processes."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector

from web.processes import ProcessesCollector

registry = CollectorRegistry()
MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
ProcessesCollector(registry)
exposition: WSGIApplication = make_wsgi_app(registry)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Serve /metrics and nothing else."""
    structlog.get_logger().debug("request", method=environ["REQUEST_METHOD"], path=environ["PATH_INFO"])
    if environ["PATH_INFO"].rstrip("/") != "/metrics":
        start_response("404 Not Found", [("Content-Length", "0")])
        return []
    return exposition(environ, start_response)
