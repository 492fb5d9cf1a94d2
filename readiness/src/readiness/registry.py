"""The checks by part and item, and the parts that a repository's answers select."""

from collections.abc import Callable, Iterable
from functools import cache, wraps
from importlib.resources import files
from typing import Any

from readiness.documents import parse_yaml
from readiness.findings import CannotJudgeError, Findings
from readiness.repository import Repository

Check = Callable[[Repository], Findings]

# A check yields what it saw; one that sees nothing does not pass.
CHECKS: dict[tuple[str, str], Check] = {}


# The checks of these parts read the scripts and the configuration that the template writes.
PARTS_OF_THE_TEMPLATE = ("vercel", "railway")


def check(part: str, item: str) -> Callable[[Check], Check]:
    """Register the function as the check of an item in a part of the checklist."""

    def register(function: Check) -> Check:
        CHECKS[part, item] = in_template(part, function) if part.startswith(PARTS_OF_THE_TEMPLATE) else function
        return function

    return register


# Checks that can pass an item of people, by item. Without findings they prove nothing, and the item stays with people.
PROOFS: dict[str, Check] = {}


def proof(item: str) -> Callable[[Check], Check]:
    """Register the function as what can pass an item that is otherwise for people to check."""

    def register(function: Check) -> Check:
        PROOFS[item] = function
        return function

    return register


def in_template(part: str, function: Check) -> Check:
    """Return a check that judges only repositories of the template."""

    @wraps(function)
    def judge_emitted(repository: Repository) -> Findings:
        if not repository.is_emitted:
            raise CannotJudgeError(f"the configuration of {part.partition('-')[0].title()} is not analyzed")
        yield from function(repository)

    return judge_emitted


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
def select_checks(answers: frozenset[str]) -> dict[str, list[Check]]:
    """Return the checks that the answers select, by item: several if a repository has several languages."""
    parts, found = select_parts(answers), dict[str, list[Check]]()
    for (part, item), function in CHECKS.items():
        if part in parts:
            found.setdefault(item, []).append(function)
    return found
