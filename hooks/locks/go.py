"""Locks of a Go service.

The manifest is the first `require` block of template/[[go]]/go.mod.jinja, the direct dependencies. The indirect ones (the
second block) and all checksums are derived from it.
"""

import subprocess
from pathlib import Path


def refresh(project: Path) -> dict[str, str]:
    """Resolve the modules of a rendered project.

    Arguments:
        project: the folder of the rendered project; its lock file is replaced.

    Returns:
        The texts of indirect.mod (the second `require` block of go.mod) and go.sum. Neither names the project.

    Raises:
        subprocess.CalledProcessError: Go cannot resolve the modules; its message is on stderr.
        ValueError: a dependency requires a newer version of another one than the manifest has.
    """
    manifest = project / "go.mod"
    direct = manifest.read_text().partition("\n)\n")[0] + "\n)\n"
    manifest.write_text(direct)
    (project / "go.sum").unlink(missing_ok=True)
    subprocess.run(["go", "mod", "tidy"], cwd=project, check=True)
    resolved, _, indirect = manifest.read_text().partition("\n)\n")
    if resolved + "\n)\n" != direct:
        raise ValueError(f"go mod tidy changed the direct dependencies. Update go.mod.jinja to:\n{resolved}\n)")
    return {"indirect.mod": indirect.removeprefix("\n"), "go.sum": (project / "go.sum").read_text()}
