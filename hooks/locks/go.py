"""Locks of a Go service.

The manifest is the first `require` block of template/[[go]]/go.mod.jinja: what the service itself imports. What that
brings along (the second block) and all checksums follow from it.
"""

import subprocess
from pathlib import Path


def refresh(project: Path) -> dict[str, str]:
    """Resolve the modules of a rendered project anew.

    Arguments:
        project: the folder of the rendered project, whose lock is replaced.

    Returns:
        The texts of indirect.mod (the second `require` block of go.mod) and go.sum. Neither names the project.

    Raises:
        subprocess.CalledProcessError: where Go cannot resolve the modules; its own message is on stderr.
        ValueError: where a dependency needs a newer version of another than the manifest asks for.
    """
    manifest = project / "go.mod"
    direct = manifest.read_text().partition("\n)\n")[0] + "\n)\n"
    manifest.write_text(direct)
    (project / "go.sum").unlink(missing_ok=True)
    subprocess.run(["go", "mod", "tidy"], cwd=project, check=True)
    resolved, _, indirect = manifest.read_text().partition("\n)\n")
    if resolved + "\n)\n" != direct:
        raise ValueError(f"go mod tidy changed what go.mod.jinja asks for, adopt it there:\n{resolved}\n)")
    return {"indirect.mod": indirect.removeprefix("\n"), "go.sum": (project / "go.sum").read_text()}
