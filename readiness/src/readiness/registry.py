"""The checks by part and item, and the parts that a repository's answers select."""

from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from readiness.documents import parse_yaml
from readiness.findings import Findings
from readiness.repository import Repository

Check = Callable[[Repository], Findings]

# A check yields what it saw; one that sees nothing does not pass.
CHECKS: dict[tuple[str, str], Check] = {}


def check(part: str, item: str) -> Callable[[Check], Check]:
    """Register the function as the check of an item in a part of the checklist."""

    def register(function: Check) -> Check:
        CHECKS[part, item] = function
        return function

    return register


@cache
def read_items(name: str) -> list[dict[str, Any]]:
    """Return the entries of items/<name>.yml."""
    entries: list[dict[str, Any]] = parse_yaml((files("readiness") / f"items/{name}.yml").read_text())[0]
    return entries


def is_selected(entry: dict[str, Any], answers: Iterable[str]) -> bool:
    """Return whether the answers include one of the alternatives of each of the entry's needs."""
    chosen = set(answers)
    return all(chosen & set(need.split("|")) for need in entry.get("needs", []))


def select_parts(answers: Iterable[str]) -> list[str]:
    """Return the parts of the checklist that the answers select."""
    chosen = set(answers)
    return [entry["part"] for entry in read_items("parts") if is_selected(entry, chosen)]


@cache
def select_checks(answers: frozenset[str]) -> dict[str, Check]:
    """Return the checks that the answers select, by item."""
    parts = select_parts(answers)
    return {item: function for (part, item), function in CHECKS.items() if part in parts}
