"""The content of an emitted .railway/railway.ts, evaluated as the Railway CLI evaluates it."""

import json
import os
import subprocess
from pathlib import Path

DIGEST = "sha256:" + "5" * 64
PROGRAM = """
const module = await import(process.argv[1]);
process.stdout.write(JSON.stringify(await module.default({})));
"""


def evaluate(project: Path, environment: str | None, image: str | None = f"ghcr.io/example/orders@{DIGEST}") -> dict:
    """Return the project that the program describes; it has to find Railway's package.

    The CLI (5.43) strips the types and calls the program with an empty context: all else comes from the environment.
    """
    command = ["node", "--input-type=module", "-e", PROGRAM, "--", str(project / ".railway/railway.ts")]
    given = {"ENVIRONMENT": environment, "IMAGE": image}
    variables = {name: value for name, value in given.items() if value is not None}
    env = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
