"""What a check reports: findings, each with the file and line that prove it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

Place = tuple[str, int]
NOWHERE: Place = ("", 0)


class Outcome(StrEnum):
    """The outcome of an item."""

    PASS = "pass"
    FAIL = "fail"
    MANUAL = "manual"
    NOT_APPLICABLE = "not applicable"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One observation: its outcome, and the file and line that prove it."""

    outcome: Outcome
    text: str
    place: Place = NOWHERE

    @property
    def is_good(self) -> bool:
        """Whether nothing has to be changed here."""
        return self.outcome is not Outcome.FAIL

    def __str__(self) -> str:
        file, line = self.place
        return f"{file}:{line}: {self.text}" if line else f"{file}: {self.text}" if file else self.text


Findings = Iterator[Finding]


class ReadinessError(Exception):
    """Why a check fails without a verdict, and the file and line that cause it."""

    def __init__(self, text: str, place: Place = NOWHERE) -> None:
        self.finding = Finding(Outcome.FAIL, text, place)
        super().__init__(str(self.finding))


class CannotJudgeError(Exception):
    """Why a program cannot judge an item of this repository, and the file and line that cause it."""

    def __init__(self, text: str, place: Place = NOWHERE) -> None:
        self.finding = Finding(Outcome.UNKNOWN, text, place)
        super().__init__(str(self.finding))


class NotApplicableError(Exception):
    """Why an item does not apply to this repository."""

    def __init__(self, text: str) -> None:
        self.finding = Finding(Outcome.NOT_APPLICABLE, text)
        super().__init__(text)


class ArgumentError(Exception):
    """What is wrong with a command-line argument."""


def passed(text: str, place: Place = NOWHERE) -> Finding:
    """Return a finding that an item holds."""
    return Finding(Outcome.PASS, text, place)


def failed(text: str, place: Place = NOWHERE) -> Finding:
    """Return a finding that an item does not hold."""
    return Finding(Outcome.FAIL, text, place)


def unknown(text: str, place: Place = NOWHERE) -> Finding:
    """Return a finding that a program cannot judge."""
    return Finding(Outcome.UNKNOWN, text, place)


def judge(is_good: object, seen: str, expected: str, place: Place = NOWHERE) -> Finding:
    """Return a finding that reports what was seen and, if it is wrong, what was expected."""
    return passed(seen, place) if is_good else failed(f"{seen}: expected {expected}", place)
