"""What an owner would add to an emitted service, for the tests that need it."""

import shutil
from pathlib import Path

EDITS = Path(__file__).parent / "owner_edits"


def add_slow_route(project: Path, language: str) -> None:
    """Add GET /slow, which answers after `seconds` (2 unless told), to files that belong to the owner alone."""
    shutil.copytree(EDITS / language, project, dirs_exist_ok=True)
