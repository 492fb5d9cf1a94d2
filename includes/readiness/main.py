import argparse
import json


@dataclass(frozen=True)
class Result:
    """What came out for an item: pass, fail or manual, and the findings that say so."""

    item: Item
    status: str
    findings: list[Finding]

    @property
    def evidence(self) -> list[Finding]:
        """What is worth saying: what is wrong, else everything that was seen, each thing once."""
        wrong = [finding for finding in self.findings if not finding.is_good]
        return list(dict.fromkeys(wrong or self.findings))


# --- Results ---


def look(item: Item, repository: Repository, seen: list[Finding]) -> Result:
    """Return what the check of an item finds, beside what was seen of it elsewhere."""
    try:
        findings = list(CHECKS[item.name](repository)) or [Finding(False, "there is nothing to look at")]
    except FileNotFoundError as error:
        findings = [Finding(False, "is missing", (os.path.relpath(error.filename, repository.root), 0))]
    except ReadinessError as error:
        findings = [error.finding]
    except Exception as error:  # files that people edit take any form: such an item fails, and the others are checked
        findings = [Finding(False, f"cannot be checked, as a file has an unknown form: {error!r}")]
    findings += seen
    return Result(item, "pass" if all(finding.is_good for finding in findings) else "fail", findings)


def look_at_items(repository: Repository, seen: dict[str, list[Finding]]) -> list[Result]:
    """Return the result of each item: of its check and of what was seen beside it, or of its sign-off."""
    results = []
    for item in read_checklist(repository):
        if item.mark == "checked":
            results.append(look(item, repository, seen.get(item.name, [])))
        elif signature := signed_off(repository, item.name):
            results.append(Result(item, "pass" if signature.is_good else "fail", [signature]))
        else:
            results.append(Result(item, "manual", [Finding(True, f"to be signed off in {SIGN_OFFS}")]))
    return results


def count(results: list[Result]) -> dict[str, int]:
    """Return how many items passed, failed, and are left to people."""
    return {status: sum(result.status == status for result in results) for status in ("pass", "fail", "manual")}


def summary(results: list[Result]) -> str:
    """Return the counts as a text."""
    return ", ".join(f"{number} {status}" for status, number in count(results).items())


def as_text(results: list[Result]) -> str:
    """Return the results for people, by section: one proof of what passed, all that is wrong with what failed."""
    lines, section = [], ""
    for result in results:
        if result.item.section != section:
            section = result.item.section
            lines.append(f"\n{section}" if lines else section)
        first, *others = result.evidence
        match result.status:
            case "pass":
                more = f" (and {len(others)} more)" if others else ""
                lines.append(f"  pass    {result.item.name}: {first}{more}")
            case "fail":
                lines.append(f"  FAIL    {result.item.name}: {result.item.statement}")
                lines += [f"          {finding}" for finding in result.evidence]
            case "manual":
                lines.append(f"  manual  {result.item.name}: {result.item.statement}")
    return "\n".join([*lines, "", summary(results)])


def as_json(results: list[Result]) -> str:
    """Return the results for programs."""
    items = [
        {
            "item": result.item.name,
            "section": result.item.section,
            "statement": result.item.statement,
            "status": result.status,
            "evidence": [
                {"text": finding.text, "file": finding.place[0] or None, "line": finding.place[1] or None}
                for finding in result.evidence
            ],
        }
        for result in results
    ]
    return json.dumps({**count(results), "items": items}, indent=2, ensure_ascii=False)


def as_markdown(results: list[Result]) -> str:
    """Return the results as a table, for the summary of a pipeline's run: what failed comes first."""
    rows = []
    for result in sorted(results, key=lambda result: ["fail", "manual", "pass"].index(result.status)):
        shown = result.evidence if result.status == "fail" else result.evidence[:1]
        evidence = "<br>".join(str(finding) for finding in shown)
        status = f"**{result.status}**" if result.status == "fail" else result.status
        cells = (status, f"`{result.item.name}`", result.item.statement, evidence)
        rows.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    heading = ["### Production readiness", "", summary(results), "", "| | item | | evidence |", "|---|---|---|---|"]
    return "\n".join([*heading, *rows])


FORMATS = {"text": as_text, "json": as_json, "markdown": as_markdown}


def main(arguments: list[str] | None = None) -> int:
    """Check, print the results, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="scripts/readiness"
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="how the results are printed (default: text)")
    for name, examine in SUBJECTS.items():
        parser.add_argument(f"--{name}", metavar=name.upper(), help=examine.__doc__.splitlines()[0])
    options = parser.parse_args(arguments)
    repository = Repository(ROOT)
    seen: dict[str, list[Finding]] = {}
    try:
        for name, examine in SUBJECTS.items():
            if getattr(options, name):
                for item, findings in examine(getattr(options, name), repository).items():
                    seen.setdefault(item, []).extend(findings)
        results = look_at_items(repository, seen)
    except ArgumentError as error:
        parser.error(str(error))
    except (ReadinessError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    try:
        print(FORMATS[options.format](results), flush=True)
    except BrokenPipeError:  # who reads it has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1 if count(results)["fail"] else 0


if __name__ == "__main__":
    sys.exit(main())
