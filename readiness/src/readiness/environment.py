"""Read the example environment."""

import re

from readiness.findings import ReadinessError
from readiness.repository import Repository

EXAMPLE = ".env.example"


def read_example(repository: Repository) -> dict[str, tuple[str, int]]:
    """Return the values of .env.example by name, each with its line."""
    assignments = enumerate(repository.text(EXAMPLE).splitlines(), start=1)
    return {
        name: (value, line)
        for line, assignment in assignments
        for name, separator, value in [assignment.partition("=")]
        if separator and not name.startswith("#")
    }


def whole_number(given: dict[str, str], name: str, default: str) -> int:
    """Return the number that a variable is set to."""
    value = given.get(name, default)
    if not re.fullmatch(r"\d+", value):
        raise ReadinessError(f"{name}={value}: expected a whole number")
    return int(value)
