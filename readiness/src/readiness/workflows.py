"""Read the workflows of GitHub Actions."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from readiness.documents import get, line_of
from readiness.findings import Finding, Place, judge
from readiness.repository import Repository

WORKFLOWS = ".github/workflows"


@dataclass(frozen=True)
class Job:
    """A job of a workflow: its file, name and content."""

    file: str
    name: str
    content: Any

    def place(self, *keys: str | int) -> Place:
        """Return where a part of the job stands, or the job where there is no such part."""
        return self.file, max(self.content.lc.line, line_of(self.content, *keys))

    @property
    def steps(self) -> list[tuple[int, dict[str, Any]]]:
        """The job's steps by number."""
        return list(enumerate(get(self.content, "steps", default=[])))

    @property
    def environment(self) -> str:
        """The GitHub environment that the job works in, or an empty text."""
        environment = get(self.content, "environment", default="")
        return str(get(environment, "name", default=environment))

    def commands(self, step: dict[str, Any]) -> list[str]:
        """Return the commands of a step with its variables inserted: one text for each value of the matrix."""
        text = str(step.get("run", ""))
        for name, value in get(step, "env", default={}).items():
            text = text.replace(f'"${name}"', str(value))
        texts = [text]
        for name, values in get(self.content, "strategy", "matrix", default={}).items():
            place = f"${{{{ matrix.{name} }}}}"
            texts = [text.replace(place, str(value)) for text in texts for value in values] if place in text else texts
        return texts

    def runs(self, command: str) -> list[tuple[int, dict[str, Any]]]:
        """Return the steps that run a command."""
        return [
            (number, step)
            for number, step in self.steps
            if any(re.search(rf"(^|\s){command}\b", text) for text in self.commands(step))
        ]


@cache
def workflows(repository: Repository) -> dict[str, dict[str, Any]]:
    """Return the workflows by file."""
    names = repository.matching(f"{WORKFLOWS}/*.yml", f"{WORKFLOWS}/*.yaml")
    return {name: document for name in names for document in repository.documents(name)}


@cache
def jobs(repository: Repository) -> list[Job]:
    """Return the jobs of all workflows."""
    return [
        Job(file, name, content)
        for file, workflow in workflows(repository).items()
        for name, content in get(workflow, "jobs", default={}).items()
    ]


def release_jobs(repository: Repository) -> list[Job]:
    """Return the jobs that release to an environment, except previews."""
    return [job for job in jobs(repository) if job.runs("scripts/deploy") and job.environment != "preview"]


def required_jobs(job: Job, repository: Repository) -> set[str]:
    """Return the names of the jobs that must succeed before a job starts."""
    names = get(job.content, "needs", default=[])
    direct = {names} if isinstance(names, str) else set(names)
    others = [other for other in jobs(repository) if other.file == job.file and other.name in direct]
    return direct.union(*(required_jobs(other, repository) for other in others))


def expect_step_on(repository: Repository, event: str, pattern: str, command: str = "") -> Finding:
    """Return whether a workflow that an event starts has a step that runs a command, found by its pattern."""
    places = [
        job.place("steps", number, "run")
        for job in jobs(repository)
        if event in get(workflows(repository)[job.file], "on", default={})
        for number, _ in job.runs(pattern)
    ]
    expected = f"a step of a workflow that runs on {event}"
    return judge(places, command or pattern, expected, next(iter(places), (WORKFLOWS, 0)))


def build_steps(repository: Repository) -> list[tuple[Job, int, dict[str, Any]]]:
    """Return each step that builds and pushes what is released: its job, its number and its options."""
    return [
        (job, number, step["with"])
        for job in jobs(repository)
        for number, step in job.steps
        if get(step, "with", "push") is True and "== 'pull_request'" not in str(job.content.get("if"))
    ]


def released_digest(job: Job, step: dict[str, Any]) -> str:
    """Return the expression of the digest that a step releases, or an empty text."""
    command = str(step.get("run", ""))
    given = {**get(job.content, "env", default={}), **get(step, "env", default={})}
    for _ in range(3):
        command = re.sub(r"\$\{?(\w+)\}?", lambda found: str(given.get(found[1], found[0])), command)
    found = re.search(r"@(\$\{\{[^}]*digest[^}]*\}\})", command)
    return found[1] if found else ""


def expect_earlier_job(job: Job, repository: Repository, action: str, expected: str) -> Finding:
    """Return whether a job waits for a job that uses an action and fails if the action does."""
    before = required_jobs(job, repository)
    found = [
        (other, number)
        for other in jobs(repository)
        if other.file == job.file and other.name in before
        for number, step in other.steps
        if str(step.get("uses", "")).startswith(f"{action}@") and get(step, "with", "fail-build", default=True) is True
    ]
    names = ", ".join(dict.fromkeys(other.name for other, _ in found)) or f"none that uses {action}"
    place = found[0][0].place("steps", found[0][1], "uses") if found else job.place("needs")
    return judge(found, f"job {job.name} waits for {names}", expected, place)
