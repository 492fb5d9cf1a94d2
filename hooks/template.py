"""The template of this working tree, including uncommitted changes."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("copier.yml", "facts", "includes", "locks", "readiness/src/readiness/items", "template")


def copy_template(destination: Path) -> None:
    """Copy the files that Copier reads into a new folder without history, so that Copier renders them as they are."""
    destination.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        (destination / part).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, destination / part)
