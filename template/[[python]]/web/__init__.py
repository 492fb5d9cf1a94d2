"""Middleware, metrics and error responses."""
