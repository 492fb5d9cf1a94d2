"""The checks, by subject; importing them registers them."""

from readiness.checks import (
    code,
    dockerfile,
    environment,
    files,
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
    "code",
    "dockerfile",
    "environment",
    "files",
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
