"""The real Vercel CLI in the version that the emitted scripts call, installed from npm into .cache/tools."""

import json
import os
import subprocess

import pytest

from tests import machine
from tests.combinations import platforms
from tests.tools import CACHE, alone

VERSION = str(platforms()["vercel"]["command_line"])


def vercel() -> str:
    """Return the path of the CLI, installing it first where it is not in .cache/tools; skip without Node."""
    if reason := machine.missing("node"):
        if "node" in machine.required():
            pytest.fail(f"the Vercel CLI cannot be installed: {reason}")
        pytest.skip(f"the Vercel CLI cannot be installed: {reason}")
    folder = CACHE / f"vercel-{VERSION}"
    path = folder / "node_modules/.bin/vercel"
    with alone(folder):
        # npm's own record: it is written last, so that an installation that was cut off is repeated.
        if not (folder / "node_modules/.package-lock.json").exists():
            # The CLI pins a version of `sandbox`, of use to `vercel sandbox` only, that not every registry has.
            manifest = {"private": True, "dependencies": {"vercel": VERSION}, "overrides": {"sandbox": "^4"}}
            (folder / "package.json").write_text(json.dumps(manifest))
            command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=600)
    return str(path)


def environment(**variables: str) -> dict[str, str]:
    """Return an environment for the CLI: nobody's own settings, and nothing sent about its use."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VERCEL", "NOW_"))}
    ours = {"VERCEL_TELEMETRY_DISABLED": "1", "NO_COLOR": "1", "NODE_COMPILE_CACHE": str(CACHE / "node-compile-cache")}
    return kept | ours | variables
