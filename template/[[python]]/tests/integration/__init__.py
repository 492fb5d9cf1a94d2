"""Tests of the real service: gunicorn in a process of its own, asked over HTTP."""
