"""Print results as text, JSON or Markdown."""

import json
from collections.abc import Callable

from readiness.findings import Outcome
from readiness.results import ORDER, Result, count


def summarize(results: list[Result]) -> str:
    """Return the number of items by outcome as a line."""
    return ", ".join(f"{number} {outcome}" for outcome, number in count(results).items())


def is_reported(result: Result) -> bool:
    """Return whether a result is printed without --verbose."""
    return result.outcome in {Outcome.FAIL, Outcome.UNKNOWN} or result.expires_soon


MOST_FINDINGS = 5


def describe(result: Result, *, verbose: bool) -> list[str]:
    """Return the lines on a result: one proof if it passes, what is wrong if it fails."""
    first, *others = result.evidence
    match result.outcome:
        case Outcome.PASS if result.expires_soon:
            return [f"  EXPIRES {result.item.name}: in {result.days_left} days: {first}"]
        case Outcome.PASS:
            more = f" (and {len(others)} more)" if others else ""
            return [f"  pass    {result.item.name}: {first}{more}"]
        case Outcome.FAIL:
            limit = len(result.evidence) if verbose else MOST_FINDINGS
            evidence = [f"          {finding}" for finding in result.evidence[:limit]]
            if len(result.evidence) > limit:
                evidence.append(f"          and {len(result.evidence) - limit} more (--verbose lists them)")
            return [f"  FAIL    {result.item.name}: {result.item.statement}", *evidence]
        case Outcome.MANUAL:
            return [f"  manual  {result.item.name}: {result.item.statement}"]
        case Outcome.UNKNOWN:
            return [f"  unknown {result.item.name}: {first}"]
        case Outcome.NOT_APPLICABLE:
            return [f"  -       {result.item.name}: {first}"]


def as_text(results: list[Result], *, verbose: bool = False) -> str:
    """Return the results for people, by section."""
    lines: list[str] = []
    section = ""
    for result in results:
        if verbose or is_reported(result):
            if result.item.section != section:
                section = result.item.section
                lines += ["", section] if lines else [section]
            lines += describe(result, verbose=verbose)
    return "\n".join([*lines, *([""] if lines else []), summarize(results)])


def as_json(results: list[Result], *, verbose: bool = False) -> str:
    """Return all results for programs."""
    items = [
        {
            "item": result.item.name,
            "section": result.item.section,
            "statement": result.item.statement,
            "status": str(result.outcome),
            "evidence": [
                {"text": finding.text, "file": finding.place[0] or None, "line": finding.place[1] or None}
                for finding in result.evidence
            ],
        }
        for result in results
    ]
    return json.dumps({**count(results), "items": items}, indent=2, ensure_ascii=False)


def as_markdown(results: list[Result], *, verbose: bool = False) -> str:
    """Return the results as a table for the summary of a pipeline, failures first."""
    rows = []
    for result in sorted(results, key=lambda result: ORDER.index(result.outcome)):
        has_failed = result.outcome is Outcome.FAIL
        evidence = "<br>".join(str(finding) for finding in (result.evidence if has_failed else result.evidence[:1]))
        status = f"**{result.outcome}**" if has_failed else str(result.outcome)
        cells = (status, f"`{result.item.name}`", result.item.statement, evidence)
        rows.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    heading = ["### Production readiness", "", summarize(results), "", "| | item | | evidence |", "|---|---|---|---|"]
    return "\n".join([*heading, *rows])


FORMATS: dict[str, Callable[..., str]] = {"text": as_text, "json": as_json, "markdown": as_markdown}
