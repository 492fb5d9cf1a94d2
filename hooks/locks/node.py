"""The lock file of a Node service, made with npm."""

import subprocess
from pathlib import Path

LOCK = "package-lock.json"


def refresh(project: Path) -> dict[str, str]:
    """Resolve a rendered project's package.json anew.

    Arguments:
        project: a rendered project named `lock-placeholder`; its lock file is replaced.

    Returns: the lock file's name and its text as a template.
    Raises: CalledProcessError where npm fails; OSError where it is missing.
    """
    (project / LOCK).unlink(missing_ok=True)
    npm(project, "install", "--package-lock-only", "--omit-lockfile-registry-resolved")
    # npm silently leaves out of the lock what the registry does not have, then refuses that lock on every machine.
    npm(project, "ci", "--dry-run")
    text = (project / LOCK).read_text()
    return {LOCK: text.replace('"lock-placeholder"', '"[[ project_name ]]"')}


def npm(project: Path, *arguments: str) -> None:
    """Run npm in a project, without programs of the packages; what it prints goes to stderr only where it fails."""
    command = ["npm", *arguments, "--ignore-scripts", "--loglevel=error"]
    subprocess.run(command, cwd=project, check=True, timeout=300, stdout=subprocess.DEVNULL)
