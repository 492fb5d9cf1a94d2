"""Read the Dockerfile."""

import contextlib
import io
import json
import re
from dataclasses import dataclass

from dockerfile_parse import DockerfileParser

from readiness.findings import Place
from readiness.repository import Repository

DOCKERFILE = "Dockerfile"


@dataclass(frozen=True)
class Instruction:
    """An instruction of the Dockerfile, with its line and the number of its stage from 0."""

    name: str
    value: str
    line: int
    stage: int

    @property
    def place(self) -> Place:
        """Where it stands."""
        return DOCKERFILE, self.line

    @property
    def words(self) -> list[str] | None:
        """The command in exec form, None in shell form."""
        with contextlib.suppress(ValueError):
            found = json.loads(self.value[self.value.index("[") :])
            return found if isinstance(found, list) else None
        return None


def instructions(repository: Repository) -> list[Instruction]:
    """Return the instructions of the Dockerfile."""
    parser = DockerfileParser(fileobj=io.BytesIO(repository.text(DOCKERFILE).encode()))
    found, stage = [], -1
    for entry in parser.structure:
        if entry["instruction"] != "COMMENT":
            stage += entry["instruction"] == "FROM"
            found.append(Instruction(entry["instruction"], entry["value"], entry["startline"] + 1, stage))
    return found


def last_stage(repository: Repository, *names: str) -> list[Instruction]:
    """Return the instructions of these names in the stage that becomes the image."""
    found = instructions(repository)
    return [entry for entry in found if entry.stage == found[-1].stage and entry.name in names]


def is_numeric(user: str) -> bool:
    """Return whether a user is a number and not root."""
    return bool(re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", user))
