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
    """A job of a workflow: its file, name and content, and its steps with those of the repository's own actions.

    Each step has the number of the step in the workflow that it comes from.
    """

    file: str
    name: str
    content: Any
    expanded: list[tuple[int, dict[str, Any]]]

    def place(self, *keys: str | int) -> Place:
        """Return where a part of the job stands, or the job itself if there is no such part."""
        if len(keys) > 1 and keys[0] == "steps" and isinstance(keys[1], int) and keys[1] < len(self.expanded):
            keys = ("steps", self.expanded[keys[1]][0], *keys[2:])
        return self.file, max(self.content.lc.line, line_of(self.content, *keys))

    @property
    def steps(self) -> list[tuple[int, dict[str, Any]]]:
        """The steps, numbered from 0."""
        return list(enumerate(step for _, step in self.expanded))

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
        Job(file, name, content, expand_steps(repository, content))
        for file, workflow in workflows(repository).items()
        for name, content in get(workflow, "jobs", default={}).items()
    ]


def expand_steps(repository: Repository, job: object) -> list[tuple[int, dict[str, Any]]]:
    """Return the steps of a job, with the steps of the repository's own actions in the place of their `uses`."""
    return [
        (number, inner)
        for number, step in enumerate(get(job, "steps", default=[]))
        for inner in expand_step(repository, step)
    ]


def expand_step(repository: Repository, step: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of the repository's own action that a step uses, with its inputs inserted, or else the step."""
    action = action_file(repository, str(step.get("uses", "")))
    if not action:
        return [step]
    content = repository.documents(action)[0]
    inputs = {name: get(entry, "default", default="") for name, entry in get(content, "inputs", default={}).items()}
    inputs |= get(step, "with", default={})
    found = []
    for inner in get(content, "runs", "steps", default=[]):
        inserted = insert_inputs(inner, inputs)
        conditions = [str(entry["if"]) for entry in (step, inserted) if "if" in entry]
        found += [{**inserted, "if": " && ".join(conditions)} if conditions else inserted]
    return [deepest for inner in found for deepest in expand_step(repository, inner)]


def action_file(repository: Repository, used: str) -> str | None:
    """Return the file of the repository's own action that `uses` names."""
    if not used.startswith("./"):
        return None
    folder = used.removeprefix("./").rstrip("/")
    names = (f"{folder}/action.yml", f"{folder}/action.yaml")
    return next((name for name in names if name in repository.files), None)


def insert_inputs(node: Any, inputs: dict[str, Any]) -> Any:
    """Return a copy of a step in which the inputs of an action replace their expressions."""
    if isinstance(node, dict):
        return {key: insert_inputs(value, inputs) for key, value in node.items()}
    if isinstance(node, list):
        return [insert_inputs(value, inputs) for value in node]
    if isinstance(node, str):
        return re.sub(r"\$\{\{\s*inputs\.([\w-]+)\s*\}\}", lambda found: str(inputs.get(found[1], found[0])), node)
    return node


# Commands and actions that release to an environment, in repositories of any origin.
DEPLOYS = (
    r"(scripts/deploy|kubectl (apply|set image|rollout)|helm (upgrade|install)|kustomize build|argocd app (sync|set)"
    r"|vercel (deploy|promote)|railway up|fly(ctl)? deploy|gcloud run deploy"
    r"|aws ecs update-service|cdk deploy|terraform apply)"
)


def release_jobs(repository: Repository) -> list[Job]:
    """Return the jobs that release to an environment, except previews."""
    command = "scripts/deploy" if repository.is_emitted else DEPLOYS
    return [job for job in jobs(repository) if job.runs(command) and job.environment != "preview"]


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
