"""Read the items of READINESS.md."""

import re
from dataclasses import dataclass
from functools import cache

from readiness.detection import traits
from readiness.findings import ReadinessError
from readiness.registry import is_selected, read_items, select_checks, select_parts
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
    """Return the items of READINESS.md, or those that apply to a repository of another origin."""
    return read_document(repository) if repository.is_emitted else detect_items(repository)


def detect_items(repository: Repository) -> list[Item]:
    """Return the items that what is detected in a repository selects, by section."""
    found = traits(repository)
    entries = {
        entry["id"]: entry for part in select_parts(found) for entry in read_items(part) if is_selected(entry, found)
    }
    items = [
        Item(name, entry["section"], entry["statement"], "yours" if "yours" in entry else "checked")
        for name, entry in entries.items()
    ]
    return sorted(items, key=lambda item: (SECTIONS.index(item.section), item.mark))


def read_document(repository: Repository) -> list[Item]:
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
    checks = select_checks(repository.answers).keys()
    listed, known = {item.name for item in items if item.mark == "checked"}, {item.name for item in items}
    if unknown := sorted(listed - checks):
        text = f"{CHECKLIST} marks items as checked that have no check: {', '.join(unknown)}"
        raise ReadinessError(f"{text}. Mark them as yours")
    if missing := sorted(checks - known):
        raise ReadinessError(f"{CHECKLIST} does not list these checked items: {', '.join(missing)}. Restore them")
