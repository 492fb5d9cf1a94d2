"""Tests of the running service: gunicorn in its own process, over HTTP."""
