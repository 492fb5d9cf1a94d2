"""Check every item of the checklist, and collect the results."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from readiness.checklist import Item, read_checklist
from readiness.detection import traits
from readiness.findings import (
    CannotJudgeError,
    Finding,
    NotApplicableError,
    Outcome,
    ReadinessError,
    failed,
    unknown,
)
from readiness.registry import PROOFS, Check, select_checks
from readiness.repository import Repository
from readiness.sign_offs import SIGN_OFFS, WARNING_DAYS, check_sign_off, days_left

# From the worst to the best: the outcome of an item is the worst of its findings.
ORDER = (Outcome.FAIL, Outcome.UNKNOWN, Outcome.MANUAL, Outcome.PASS, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True)
class Result:
    """The outcome of an item, and the findings that prove it."""

    item: Item
    findings: list[Finding]
    days_left: int | None = None  # until its sign-off expires

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of the findings."""
        return min((finding.outcome for finding in self.findings), key=ORDER.index)

    @property
    def evidence(self) -> list[Finding]:
        """The findings that decided the outcome, each once."""
        return list(dict.fromkeys(finding for finding in self.findings if finding.outcome is self.outcome))

    @property
    def expires_soon(self) -> bool:
        """Whether the item is signed off, and the sign-off expires within 30 days."""
        return self.outcome is Outcome.PASS and self.days_left is not None and self.days_left <= WARNING_DAYS


def run_check(check: Check, repository: Repository) -> list[Finding]:
    """Return the findings of a check; an error is a finding too.

    In an emitted repository everything that a check reads must exist. In any other, an item without anything to check
    does not apply, and what a check cannot read, it cannot judge.
    """
    fail = failed if repository.is_emitted else unknown
    try:
        nothing = "there is nothing to check"
        missing = failed(nothing) if repository.is_emitted else Finding(Outcome.NOT_APPLICABLE, nothing)
        return list(check(repository)) or [missing]
    except FileNotFoundError as error:
        file = os.path.relpath(str(error.filename), repository.root)
        if repository.is_emitted:
            return [failed("the file is missing", (file, 0))]
        return [unknown(f"this check reads {file}, which this repository does not have")]
    except ReadinessError as error:
        return [fail(error.finding.text, error.finding.place)]
    except (CannotJudgeError, NotApplicableError) as error:
        return [error.finding]
    except Exception as error:  # people edit the files: an unexpected form fails this item, and the others are checked
        return [fail(f"cannot be checked, because a file has an unexpected form: {error!r}")]


def check_item(item: Item, repository: Repository, more: list[Finding]) -> Result:
    """Return the result of an item: of its check and of more findings, or of its sign-off or proof."""
    if item.mark == "checked":
        checks = select_checks(traits(repository))[item.name]
        return Result(item, [finding for check in checks for finding in run_check(check, repository)] + more)
    if signature := check_sign_off(repository, item.name):
        return Result(item, [signature], days_left(repository, item.name))
    if found := prove(item, repository):
        return Result(item, found)
    has_sign_offs = repository.is_emitted or SIGN_OFFS in repository.files
    text = f"not signed off in {SIGN_OFFS}" if has_sign_offs else f"for people to check: {item.how}"
    return Result(item, [Finding(Outcome.MANUAL, text)])


def prove(item: Item, repository: Repository) -> list[Finding]:
    """Return the findings that pass an item of people without a sign-off; nothing if there are none."""
    found = run_check(PROOFS[item.name], repository) if item.name in PROOFS else []
    return found if all(finding.outcome is Outcome.PASS for finding in found) else []


def check_items(repository: Repository, more: Mapping[str, list[Finding]] | None = None) -> list[Result]:
    """Return the result of every item; `more` has findings of an image or a running service, by item."""
    return [check_item(item, repository, (more or {}).get(item.name, [])) for item in read_checklist(repository)]


def count(results: list[Result]) -> dict[str, int]:
    """Return the number of items by outcome; outcomes that emitted repositories do not have are left out if 0."""
    always = (Outcome.PASS, Outcome.FAIL, Outcome.MANUAL)
    numbers = {outcome: sum(result.outcome is outcome for result in results) for outcome in Outcome}
    return {str(outcome): number for outcome, number in numbers.items() if number or outcome in always}
