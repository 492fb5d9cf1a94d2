"""Run zizmor on the workflows, and read what it finds."""

import json
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from readiness.commands import run
from readiness.findings import Place, ReadinessError
from readiness.repository import Repository
from readiness.workflows import workflows

# zizmor exits with 0, or with 10 to 14 for the severity of what it found.
EXIT_CODES = {0, 10, 11, 12, 13, 14}

# What was found in workflows of equal content.
AUDITS: dict[tuple[tuple[str, str], ...], list["Audit"]] = {}


@dataclass(frozen=True)
class Audit:
    """A finding of zizmor: its rule, its severity, the text that it is about, and its place."""

    rule: str
    severity: str
    text: str
    place: Place

    @property
    def is_severe(self) -> bool:
        """Whether somebody outside can use it, as far as zizmor knows."""
        return self.severity in {"Medium", "High"}


def audited_files(repository: Repository) -> list[str]:
    """Return the workflows, and the actions of the repository."""
    return [*workflows(repository), *repository.matching(".github/actions/*/action.y*ml")]


def audit(repository: Repository, rule: str) -> list[Audit]:
    """Return what a rule of zizmor finds in the workflows and actions."""
    files = audited_files(repository)
    key = tuple((name, repository.text(name)) for name in files)
    if key not in AUDITS:
        AUDITS[key] = run_zizmor(repository, files) if files else []
    return [found for found in AUDITS[key] if found.rule == rule]


def run_zizmor(repository: Repository, files: list[str]) -> list[Audit]:
    """Run zizmor on files, without the network and without the repository's own configuration of it."""
    installed = Path(sysconfig.get_path("scripts")) / "zizmor"
    program = str(installed) if installed.exists() else shutil.which("zizmor") or "zizmor"
    options = ("--offline", "--no-config", "--no-progress", "--quiet", "--persona=auditor", "--format=json")
    done = run(program, *options, *files, folder=repository.root)
    if done.returncode not in EXIT_CODES:
        raise ReadinessError(f"zizmor failed: {(done.stderr.strip() or 'no output').splitlines()[-1]}")
    return [read(entry) for entry in json.loads(done.stdout)]


def read(entry: dict[str, Any]) -> Audit:
    """Return a finding from its JSON."""
    primary = next(place for place in entry["locations"] if place["symbolic"]["kind"] == "Primary")
    key, concrete = primary["symbolic"]["key"]["Local"], primary["concrete"]
    file = key.get("verbatim_path") or key["given_path"]
    line = concrete["location"]["start_point"]["row"] + 1
    kind = primary["symbolic"]["feature_kind"]
    is_part = isinstance(kind, dict) and "Subfeature" in kind
    text = next(iter(kind["Subfeature"]["fragment"].values())) if is_part else concrete["feature"]
    return Audit(entry["ident"], entry["determinations"]["severity"], text.strip().splitlines()[0], (file, line))
