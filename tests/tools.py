"""Command-line tools that no Python package provides, built once from their Go modules."""

import contextlib
import fcntl
import functools
import json
import os
import subprocess
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


def tool(name: str) -> str:
    """Return the path of a tool; build it first if it is not in .cache/tools, and skip the test without Go."""
    module = MODULES[name]
    folder = CACHE / module.rsplit("@", 1)[1]
    path = folder / name
    with alone(folder):
        if not path.exists():
            if reason := machine.missing("go"):
                if "go" in machine.required():
                    pytest.fail(f"{name} cannot be built: {reason}")
                pytest.skip(f"{name} cannot be built: {reason}")
            subprocess.run(
                ["go", "install", module],
                env={**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"},
                check=True,
                timeout=900,
            )
    return str(path)


@functools.cache
def module(name: str) -> Path:
    """Return the folder of a Go module; download it first if it is not in Go's cache, and skip the test without Go."""
    if reason := machine.missing("go"):
        if "go" in machine.required():
            pytest.fail(f"{name} cannot be fetched: {reason}")
        pytest.skip(f"{name} cannot be fetched: {reason}")
    done = subprocess.run(
        ["go", "mod", "download", "-json", f"{name}@{SOURCES[name]}"],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return Path(json.loads(done.stdout)["Dir"])
