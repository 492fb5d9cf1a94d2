"""Read Dockerfiles."""

import contextlib
import io
import json
import re
from dataclasses import dataclass
from functools import cache

from dockerfile_parse import DockerfileParser

from readiness.findings import Place, ReadinessError
from readiness.repository import Repository


@dataclass(frozen=True)
class Instruction:
    """An instruction of a Dockerfile, with its line and the number of its stage from 0."""

    file: str
    name: str
    value: str
    line: int
    stage: int

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.file, self.line

    @property
    def words(self) -> list[str] | None:
        """The command in exec form, None in shell form."""
        with contextlib.suppress(ValueError):
            found = json.loads(self.value[self.value.index("[") :])
            return found if isinstance(found, list) else None
        return None


@cache
def instructions(repository: Repository, file: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile."""
    parser = DockerfileParser(fileobj=io.BytesIO(repository.text(file).encode()))
    found, stage = [], -1
    for entry in parser.structure:
        if entry["instruction"] != "COMMENT":
            stage += entry["instruction"] == "FROM"
            found.append(Instruction(file, entry["instruction"], entry["value"], entry["startline"] + 1, stage))
    return found


def stages(repository: Repository, file: str) -> list[Instruction]:
    """Return the FROM instructions of a Dockerfile, one for each stage."""
    found = [entry for entry in instructions(repository, file) if entry.name == "FROM"]
    if not found:
        raise ReadinessError("there is no FROM", (file, 0))
    return found


def base_of(start: Instruction) -> str:
    """Return the image, or the earlier stage, that a FROM instruction names."""
    return next(word for word in start.value.split() if not word.startswith("--"))


def last_stage(repository: Repository, file: str, *names: str) -> list[Instruction]:
    """Return the instructions of these names in the stage that becomes the image, and in the stages that it extends."""
    starts = stages(repository, file)
    named = {start.value.split()[-1].lower(): start for start in starts if re.search(r"(?i)\sas\s", start.value)}
    chain = [starts[-1]]
    while (base := named.get(base_of(chain[-1]).lower())) and base.stage < chain[-1].stage:
        chain.append(base)
    return [
        entry
        for start in reversed(chain)
        for entry in instructions(repository, file)
        if entry.stage == start.stage and entry.name in names
    ]


def is_numeric(user: str) -> bool:
    """Return whether a user is a number and not root."""
    return bool(re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", user))
