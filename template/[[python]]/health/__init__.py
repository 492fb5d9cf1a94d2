"""Liveness, readiness and detailed health."""
