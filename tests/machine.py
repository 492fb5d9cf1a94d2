"""Which of the tools that tests require this machine has: an engine, a cluster, the languages' toolchains."""

import functools
import os
import re
import shutil
import subprocess

import yaml

from tests.combinations import ROOT

# What is skipped where a tool is missing.
TESTS = {
    "docker": "tests of images, containers and data stores",
    "cluster": "releases on Kubernetes",
    "node": "checks of Node projects; the command lines of Vercel and Railway",
    "go": "checks of Go projects; linters that Go builds, unless .cache/tools has them: actionlint, kube-score",
    "uv": "checks of Python projects",
    "prometheus": "alerts and dashboards of Kubernetes projects",
}
REGISTRY = os.environ.get("REGISTRY", "127.0.0.1:5000")


def run(*command: str, seconds: int = 20) -> str | None:
    """Return what a command prints, or None if it is missing, fails or takes longer than `seconds`."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def version_is_at_least(printed: str | None, lowest: str) -> bool:
    """Return whether the first version number in `printed` is `lowest` or newer."""
    found = re.search(r"(\d+)\.(\d+)", printed or "")
    return bool(found) and tuple(map(int, found.groups())) >= tuple(map(int, f"{lowest}.0".split(".")[:2]))


def build_version(language: str) -> str:
    """Return the version of a language's build image, such as 26 or 1.27."""
    facts = yaml.safe_load((ROOT / f"facts/languages/{language}.yml").read_text())
    return re.search(r":([\d.]+)", facts["build_image"])[1]


def required() -> set[str]:
    """Return the tools that REQUIRE names: if one of them is missing, its tests fail."""
    return set(filter(None, os.environ.get("REQUIRE", "").split(",")))


@functools.cache
def missing(tool: str) -> str:
    """Return why a test that requires `tool` cannot run here, or nothing if it can."""
    match tool:
        case "docker":
            return "" if run("docker", "info") else "there is no Docker engine"
        case "cluster":
            if not run("kubectl", "get", "crd", "rollouts.argoproj.io"):
                return "there is no Kubernetes cluster with Argo Rollouts"
            return "" if run("curl", "-fsS", f"http://{REGISTRY}/v2/") is not None else f"no registry at {REGISTRY}"
        case "node":
            lowest = build_version("node")
            return "" if version_is_at_least(run("node", "--version"), lowest) else f"there is no Node {lowest}"
        case "go":
            lowest = build_version("go")
            return "" if version_is_at_least(run("go", "version"), lowest) else f"there is no Go {lowest}"
        case "uv":
            return "" if shutil.which("uv") else "there is no uv"
        case "prometheus":
            found = shutil.which("prometheus") and shutil.which("promtool")
            return "" if found else "there is no Prometheus with promtool"
    raise ValueError(f"tests can require {', '.join(TESTS)}, not {tool!r}")


def missing_tools() -> list[str]:
    """Return a line for each tool that is missing: what is skipped, or fails if REQUIRE names the tool, and why."""
    return [
        f"{'failing' if tool in required() else 'skipped'}: {tests} ({reason})"
        for tool, tests in TESTS.items()
        if (reason := missing(tool))
    ]
