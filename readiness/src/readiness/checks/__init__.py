"""The checks, by subject; importing them registers them."""

from readiness.checks import (
    api,
    code,
    dockerfile,
    environment,
    files,
    kubernetes_alerts,
    kubernetes_pods,
    kubernetes_releases,
    kubernetes_security,
    locks,
    pipeline,
    railway,
    released_image,
    releases,
    rollouts,
    vercel,
)

__all__ = [
    "api",
    "code",
    "dockerfile",
    "environment",
    "files",
    "kubernetes_alerts",
    "kubernetes_pods",
    "kubernetes_releases",
    "kubernetes_security",
    "locks",
    "pipeline",
    "railway",
    "released_image",
    "releases",
    "rollouts",
    "vercel",
]
