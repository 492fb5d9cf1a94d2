"""Command-line tools that no Python package provides, built once from their Go modules."""

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import machine
from tests.combinations import ROOT

CACHE = ROOT / ".cache" / "tools"
MODULES = {
    "actionlint": "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12",
    "gojq": "github.com/itchyny/gojq/cmd/gojq@v0.12.17",
    "kube-score": "github.com/zegl/kube-score/cmd/kube-score@v1.20.0",
    "kustomize": "sigs.k8s.io/kustomize/kustomize/v5@v5.8.1",
}
SOURCES = {
    "github.com/argoproj/argo-rollouts": "v1.10.2",
    "github.com/prometheus-operator/prometheus-operator": "v0.85.0",
    "sigs.k8s.io/gateway-api": "v1.4.0",
}


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Create a folder and let one worker at a time install into it: another would use what is only half there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def require_go(problem: str) -> None:
    """Skip the test on a machine without Go, or fail it where REQUIRE names Go."""
    if reason := machine.missing("go"):
        (pytest.fail if "go" in machine.required() else pytest.skip)(f"{problem}: {reason}")


def tool(name: str) -> str:
    """Return the path of a tool; build it first if it is not in .cache/tools, and skip the test without Go."""
    module = MODULES[name]
    folder = CACHE / module.rsplit("@", 1)[1]
    path = folder / name
    with alone(folder):
        if not path.exists():
            require_go(f"{name} cannot be built")
            subprocess.run(
                ["go", "install", module],
                env={**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"},
                check=True,
                timeout=900,
            )
    return str(path)


def program(name: str) -> str:
    """Return the path of the Go program in tests/<name>; build it first if .cache/tools lacks it in this version."""
    sources = ROOT / "tests" / name
    version = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources.iterdir()))).hexdigest()[:16]
    folder = CACHE / f"{name}-{version}"
    path = folder / name
    with alone(folder):
        if not path.exists():
            require_go(f"{name} cannot be built")
            with tempfile.TemporaryDirectory() as copied:
                # -mod=mod completes go.mod and writes go.sum, each line of which Go's checksum database confirms.
                shutil.copytree(sources, copied, dirs_exist_ok=True)
                subprocess.run(
                    ["go", "build", "-mod=mod", "-o", str(path), "."],
                    cwd=copied,
                    env={**os.environ, "CGO_ENABLED": "0"},
                    check=True,
                    timeout=900,
                )
    return str(path)


@functools.cache
def module(name: str) -> Path:
    """Return the folder of a Go module; download it first if it is not in Go's cache, and skip the test without Go."""
    require_go(f"{name} cannot be fetched")
    done = subprocess.run(
        ["go", "mod", "download", "-json", f"{name}@{SOURCES[name]}"],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return Path(json.loads(done.stdout)["Dir"])
