"""The lock file of a Python service, made with uv."""

import subprocess
from pathlib import Path

LOCK = "uv.lock"


def refresh(project: Path) -> dict[str, str]:
    """Resolve a rendered project's pyproject.toml again.

    Arguments:
        project: a rendered project named `lock-placeholder`; its lock file is replaced.

    Returns: the lock file's name and its text as a template.
    Raises: CalledProcessError if uv fails; OSError if it is missing.
    """
    (project / LOCK).unlink(missing_ok=True)
    subprocess.run(["uv", "lock", "--quiet"], cwd=project, check=True, timeout=300)
    before, after = (project / LOCK).read_text().split('"lock-placeholder"\n')
    # `raw`, because TOML's [[package]] looks like an expression.
    return {LOCK: f'[% raw %]{before}[% endraw %]"[[ project_name ]]"\n[% raw %]{after}[% endraw %]'}
