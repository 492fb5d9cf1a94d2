"""Read the files of the repository that is checked."""

import fnmatch
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml.error import MarkedYAMLError, YAMLError

from readiness.commands import run
from readiness.documents import get, parse_yaml
from readiness.findings import NOWHERE, Finding, Place, ReadinessError, failed, judge, passed

ANSWERS = ".copier-answers.yml"

# Folders that are built or installed, for a repository without Git.
BUILT = {".git", ".venv", "node_modules", "dist", "bin", "coverage", "__pycache__", ".env"}


@dataclass(frozen=True, eq=False)
class Repository:
    """The files of a service's repository; each is read once."""

    root: Path
    texts: dict[str, str] = field(default_factory=dict)

    @cached_property
    def files(self) -> list[str]:
        """Every file that Git tracks or would add; without Git, every file outside the folders that are built."""
        done = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", folder=self.root)
        if done.returncode == 0:
            names = done.stdout.split("\0")
        else:
            paths = (path.relative_to(self.root) for path in self.root.rglob("*"))
            names = [path.as_posix() for path in paths if not BUILT & set(path.parts)]
        return sorted(name for name in names if name and (self.root / name).is_file())

    @cached_property
    def is_emitted(self) -> bool:
        """Whether this project's template created the repository: it recorded its answers."""
        return ANSWERS in self.files and "language" in get(self.documents(ANSWERS), 0, default={})

    @cached_property
    def answers(self) -> frozenset[str]:
        """The answers that selected the files of an emitted repository, none in another repository."""
        if not self.is_emitted:
            return frozenset()
        recorded = get(self.documents(ANSWERS), 0, default={})
        single = (get(recorded, name) for name in ("language", "platform", "strategy", "repository"))
        return frozenset(
            ["template", *(str(answer) for answer in single if answer), *get(recorded, "services", default=[])]
        )

    def matching(self, *patterns: str) -> list[str]:
        """Return the files that match one of the patterns, such as `deploy/*.yaml`; `*` also matches `/`."""
        return sorted({name for pattern in patterns for name in fnmatch.filter(self.files, pattern)})

    def text(self, name: str) -> str:
        """Return the text of a file."""
        if name not in self.texts:
            self.texts[name] = (self.root / name).read_text()
        return self.texts[name]

    def readable(self) -> Iterator[tuple[str, str]]:
        """Return the name and text of each text file."""
        for name in self.files:
            try:
                yield name, self.text(name)
            except UnicodeDecodeError:
                continue

    def documents(self, name: str) -> list[Any]:
        """Return the documents of a YAML file."""
        try:
            return parse_yaml(self.text(name))
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            raise ReadinessError(error.problem or "invalid YAML", (name, line)) from error
        except YAMLError as error:
            raise ReadinessError(str(error), (name, 0)) from error

    def find(self, pattern: str, *names: str) -> Place:
        """Return where a pattern first matches in these files, or NOWHERE."""
        for name in names:
            if found := re.search(pattern, self.text(name), re.MULTILINE):
                return name, self.text(name).count("\n", 0, found.start()) + 1
        return NOWHERE

    def place(self, pattern: str, *names: str) -> Place:
        """Return where a pattern first matches in these files, or the first of the files."""
        place = self.find(pattern, *names)
        return (names[0], 0) if names and place == NOWHERE else place

    def expect_match(self, pattern: str, *names: str, seen: str, expected: str) -> Finding:
        """Return whether a pattern matches in one of these files."""
        found, place = self.find(pattern, *names), self.place(pattern, *names)
        return failed(f"{seen}: not found, expected {expected}", place) if found == NOWHERE else passed(seen, place)

    def expect_no_match(self, pattern: str, *names: str, seen: str, expected: str) -> Finding:
        """Return whether a pattern matches in none of these files."""
        found, place = self.find(pattern, *names), self.place(pattern, *names)
        return passed(seen, place) if found == NOWHERE else failed(f"{seen}: found one, expected {expected}", place)

    def expect_order(self, first: str, then: str, file: str, *, seen: str) -> Finding:
        """Return whether the first match of one pattern in a file precedes the first match of another."""
        before, after = self.find(first, file), self.find(then, file)
        is_ordered = NOWHERE not in {before, after} and before[1] < after[1]
        return judge(is_ordered, seen, "both, in this order", self.place(then, file))

    def is_executable(self, name: str) -> bool:
        """Return whether a file exists and is executable."""
        return (self.root / name).is_file() and os.access(self.root / name, os.X_OK)
