"""Run other programs."""

import subprocess
from pathlib import Path

TIMEOUT_SECONDS = 120


def run(*command: str, folder: Path | None = None, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command and return its exit code and output; 127 if the program is missing, 124 if it takes too long."""
    try:
        return subprocess.run(
            command, cwd=folder, input=text, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]} is not installed")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"{command[0]} took longer than {TIMEOUT_SECONDS} seconds")
