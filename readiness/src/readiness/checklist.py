"""Read the items of READINESS.md."""

import re
from dataclasses import dataclass
from functools import cache

from readiness.findings import ReadinessError
from readiness.registry import select_checks
from readiness.repository import Repository

CHECKLIST = "READINESS.md"
SECTIONS = ("Application", "Infrastructure", "Monitoring", "Security", "Operations")


@dataclass(frozen=True)
class Item:
    """An item of the checklist; its mark is `checked` or `yours`."""

    name: str
    section: str
    statement: str
    mark: str


@cache
def read_checklist(repository: Repository) -> list[Item]:
    """Return the items of READINESS.md."""
    items, section = [], ""
    lines = repository.text(CHECKLIST).splitlines()
    for number, (line, detail) in enumerate(zip(lines, [*lines[1:], ""], strict=True), start=1):
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif section in SECTIONS and line.startswith("- "):
            statement = re.fullmatch(r"- \*\*(.+?)\*\* .+\\", line)
            rest = re.match(r"  \*(checked|yours)\* `([a-z-]+)`: ", detail)
            if not statement or not rest:
                raise ReadinessError("invalid item: write it in the form of the others", (CHECKLIST, number))
            items.append(Item(rest[2], section, statement[1], rest[1]))
    compare_with_checks(items, repository)
    return items


def compare_with_checks(items: list[Item], repository: Repository) -> None:
    """Raise an error if READINESS.md and the checks of this repository's answers do not name the same items."""
    checks = select_checks(repository.answers or ()).keys()
    listed, known = {item.name for item in items if item.mark == "checked"}, {item.name for item in items}
    if unknown := sorted(listed - checks):
        text = f"{CHECKLIST} marks items as checked that have no check: {', '.join(unknown)}"
        raise ReadinessError(f"{text}. Mark them as yours")
    if missing := sorted(checks - known):
        raise ReadinessError(f"{CHECKLIST} does not list these checked items: {', '.join(missing)}. Restore them")
