"""How much one instance does at a time; to serve more, run more instances."""

WORKERS = 2
"""Processes that serve requests: one stays when the other one fails."""

THREADS = 8
"""Requests that each worker serves at a time."""
