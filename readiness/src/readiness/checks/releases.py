"""Checks of how the pipeline and the scripts release."""

import re

from readiness.checklist import CHECKLIST
from readiness.documents import get, line_of, to_yaml
from readiness.findings import Findings, judge
from readiness.locations import documents
from readiness.registry import check
from readiness.repository import Repository
from readiness.workflows import DEPLOYS, jobs, release_jobs, required_jobs, workflows


@check("service", "staging-before-production")
def staging_before_production(repository: Repository) -> Findings:
    released = release_jobs(repository)
    staging = {job.name for job in released if job.environment == "staging"}
    for job in released:
        if job.environment == "production":
            before = required_jobs(job, repository)
            seen = f"job {job.name} waits for {', '.join(sorted(before))}"
            yield judge(staging & before, seen, "the job that releases to staging", job.place("needs"))


@check("service", "deploys-never-cancelled")
def deploys_never_cancelled(repository: Repository) -> Findings:
    for job in jobs(repository):
        if not job.environment or not job.runs(
            "scripts/(deploy|rollback|preview)" if repository.is_emitted else DEPLOYS
        ):
            continue
        concurrency = get(job.content, "concurrency", default={})
        group, cancels = get(concurrency, "group"), get(concurrency, "cancel-in-progress", default=False)
        is_own_group = group == f"deploy-{job.environment}" if repository.is_emitted else bool(group)
        is_kept = is_own_group and cancels is False
        seen = f"job {job.name}: concurrency group {group}, cancel-in-progress {to_yaml(cancels)}"
        expected = f"deploy-{job.environment}, never cancelled"
        yield judge(is_kept, seen, expected, job.place("concurrency"))
        workflow = workflows(repository)[job.file]
        cancels = get(workflow, "concurrency", "cancel-in-progress", default=False)
        is_kept = cancels is False or "== 'pull_request'" in str(cancels)
        place = (job.file, line_of(workflow, "concurrency", "cancel-in-progress"))
        yield judge(
            is_kept, f"workflow: cancel-in-progress {to_yaml(cancels)}", "cancellation of pull requests only", place
        )


APPROVAL = "production-approval"


@check("service", "approval-before-lock")
def approval_before_lock(repository: Repository) -> Findings:
    for job in jobs(repository):
        is_production = job.environment == "production" or "inputs." in job.environment
        if is_production and job.runs("scripts/(deploy|rollback)"):
            before = required_jobs(job, repository)
            gates = [gate for gate in jobs(repository) if gate.file == job.file and gate.name in before]
            gates = [gate for gate in gates if gate.environment == APPROVAL and "concurrency" not in gate.content]
            seen = f"job {job.name} waits for {', '.join(sorted(before)) or 'no job'}"
            yield judge(gates, seen, f"a job of {APPROVAL} without a concurrency group", job.place("needs"))


UNFINISHED = "--unfinished"
"""The option by which scripts/rollback undoes a release that was cut off."""

# Commands and options that roll a failed release back, in repositories that choose their own.
UNDOES = r"(rollout undo|helm rollback|helm upgrade .*--(atomic|rollback-on-failure)|\S*rollback\S*|vercel rollback)"


@check("service", "bad-release-undone")
def bad_release_undone(repository: Repository) -> Findings:
    if not repository.is_emitted:
        for job in release_jobs(repository):
            undoes = job.runs(UNDOES)
            place = job.place("steps", undoes[0][0]) if undoes else job.place()
            seen = f"job {job.name} {'rolls back' if undoes else 'does not roll back'}"
            yield judge(undoes, seen, "a rollback if the release or its smoke test fails", place)
        return
    for job in release_jobs(repository):
        order = ["scripts/deploy", "scripts/smoke", "scripts/rollback"]
        numbers = [number for command in order for number, step in job.runs(command) if UNFINISHED not in step["run"]]
        last = dict(job.steps).get(max(numbers, default=0), {}).get("if", "")
        is_in_order = len(numbers) == len(order) and numbers == sorted(numbers)
        is_undone = is_in_order and re.search(r"failure\(\)|!success\(\)", str(last))
        seen, place = f"job {job.name}: its last step if {last}", job.place("steps", max(numbers, default=0))
        yield judge(is_undone, seen, "deploy, smoke test, and rollback if it fails", place)


# Commands of a rollback in a document.
ROLLBACK = r"(?i)^\W*(scripts/rollback|helm rollback|kubectl .*rollout undo|.*\brollback --?\w|make rollback)"


@check("service", "rollback-by-hand")
def rollback_by_hand(repository: Repository) -> Findings:
    script = "scripts/rollback"
    if not repository.is_emitted:
        place = repository.find(ROLLBACK, *documents(repository))
        seen = "how to roll back" if any(place) else f"no rollback command in {len(documents(repository))} documents"
        yield judge(any(place), seen, "the command in a document", place)
        return
    yield judge(repository.is_executable(script), script, "an executable script", (script, 0))
    others = [name for name in documents(repository) if name != CHECKLIST]
    yield repository.expect_match(
        rf"{script} \w", *others, seen="how to roll back", expected="the command in a document"
    )


# Calls the function that restores the previous version.
RESTORES = r"^\s*(.* \|\| )?((restore|revert|undo|roll_?back)\w*)( \|\||$)"


@check("service", "cut-off-release-undone")
def cut_off_release_undone(repository: Repository) -> Findings:
    script = "scripts/deploy"
    yield repository.expect_match(
        r"^trap finish EXIT$", script, seen="restored after every failure", expected="trap finish EXIT"
    )
    seen = "restored after an interruption"
    yield repository.expect_match(
        r"^trap '.*' HUP INT TERM$", script, seen=seen, expected="a trap of HUP, INT and TERM"
    )
    seen, expected = "the previous version is restored", "a function that restores it, called by the trap"
    yield repository.expect_match(RESTORES, script, seen=seen, expected=expected)
