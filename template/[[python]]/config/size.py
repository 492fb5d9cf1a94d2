"""The concurrency of one instance. To serve more requests, run more instances."""

WORKERS = 2
"""Processes that serve requests: if one fails, the other continues."""

THREADS = 8
"""Concurrent requests per worker."""
