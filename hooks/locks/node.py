"""The lock file of a Node service, made with npm."""

import subprocess
from pathlib import Path

LOCK = "package-lock.json"


def refresh(project: Path) -> dict[str, str]:
    """Resolve a rendered project's package.json again.

    Arguments:
        project: a rendered project named `lock-placeholder`; its lock file is replaced.

    Returns: the lock file's name and its text as a template.
    Raises: CalledProcessError if npm fails; OSError if it is missing.
    """
    (project / LOCK).unlink(missing_ok=True)
    npm(project, "install", "--package-lock-only", "--omit-lockfile-registry-resolved")
    # npm omits packages that the registry does not have without an error; `npm ci` then refuses the lock file.
    npm(project, "ci", "--dry-run")
    text = (project / LOCK).read_text()
    return {LOCK: text.replace('"lock-placeholder"', '"[[ project_name ]]"')}


def npm(project: Path, *arguments: str) -> None:
    """Run npm in a project without the packages' install scripts; it prints only errors."""
    command = ["npm", *arguments, "--ignore-scripts", "--loglevel=error"]
    subprocess.run(command, cwd=project, check=True, timeout=300, stdout=subprocess.DEVNULL)
