"""Fixtures of the package's own tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
import readiness.checks  # noqa: F401 # registers the checks
from readiness.repository import Repository

Create = Callable[..., Repository]


@pytest.fixture
def create(tmp_path: Path) -> Create:
    """Return a function that creates a repository from the texts of its files."""

    def create(files: dict[str, str]) -> Repository:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Repository(tmp_path)

    return create
