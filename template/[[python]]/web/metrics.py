"""Request metrics; web.exposition serves them."""

from prometheus_client import Counter, Histogram

LABELS = ("method", "route", "status")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

requests = Counter("http_requests_total", "Answered requests", LABELS)
durations = Histogram("http_request_duration_seconds", "Time to answer a request", LABELS, buckets=BUCKETS)


def count(method: str, route: str | None, status: int, seconds: float) -> None:
    """Count a request.

    Arguments:
        method: its HTTP method; an unknown method is counted as `other`.
        route: the matched pattern, not the path: one series per id would grow without limit.
        status: the HTTP status of the response.
        seconds: the duration of the request.

    """
    labels = (method if method in METHODS else "other", route or "unmatched", str(status))
    requests.labels(*labels).inc()
    durations.labels(*labels).observe(seconds)
