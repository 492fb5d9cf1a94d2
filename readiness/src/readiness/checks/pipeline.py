"""Checks of the pipeline: what runs, with which permissions."""

import re

from readiness.detection import traits
from readiness.documents import get, line_of, to_yaml
from readiness.findings import CannotJudgeError, Findings, failed, judge, unknown
from readiness.languages import language
from readiness.registry import check
from readiness.repository import Repository
from readiness.workflows import expect_step_on, jobs, workflows

# Pipelines of other systems.
OTHER_PIPELINES = (
    ".gitlab-ci.yml", ".travis.yml", ".circleci/config.yml", "Jenkinsfile", "azure-pipelines.yml", ".drone.yml",
    "bitbucket-pipelines.yml", "cloudbuild.yaml", ".buildkite/*.y*ml",
)  # fmt: skip

# Commands and actions of the checks, in repositories that choose their own.
CHECKS = {
    "lint": r"\S*(lint|ruff|flake8|pylint|black|prettier|biome|gofmt|staticcheck|pre-commit)\S*",
    "typecheck": r"(\S*typecheck\S*|\S*type-check\S*|tsc|mypy|pyright|ty check|go (vet|build|test)|npm run build)",
    "test": r"\S*(test|tox|nox|vitest|jest)\S*",
    "integration": r"\S*(integration|e2e|end-to-end|smoke)\S*",
}


@check("service", "checks-on-every-change")
def checks_on_every_change(repository: Repository) -> Findings:
    other = [] if repository.is_emitted or workflows(repository) else repository.matching(*OTHER_PIPELINES)
    if other:
        raise CannotJudgeError(f"the pipeline is not one of GitHub Actions: {', '.join(other)}")
    for verb, pattern in CHECKS.items():
        if verb == "typecheck" and not repository.is_emitted and "go" in traits(repository):
            continue  # the compiler checks the types
        command = f"make {verb}"
        yield expect_step_on(repository, "pull_request", command if repository.is_emitted else pattern, verb)


LONGEST_JOB_MINUTES = 60


@check("service", "jobs-time-out")
def jobs_time_out(repository: Repository) -> Findings:
    for job in jobs(repository):
        minutes = get(job.content, "timeout-minutes", default=0)
        if "uses" not in job.content:
            expected = f"1 to {LONGEST_JOB_MINUTES}"
            seen = f"job {job.name}: timeout-minutes {minutes or 'is missing'}"
            yield judge(0 < minutes <= LONGEST_JOB_MINUTES, seen, expected, job.place("timeout-minutes"))


@check("service", "runners-pinned")
def runners_pinned(repository: Repository) -> Findings:
    for job in jobs(repository):
        runner = str(get(job.content, "runs-on", default=""))
        if "uses" not in job.content:
            expected = "a named release, such as ubuntu-24.04"
            yield judge("latest" not in runner, f"job {job.name} runs on {runner}", expected, job.place("runs-on"))


@check("service", "actions-pinned")
def actions_pinned(repository: Repository) -> Findings:
    for name in [*workflows(repository), *repository.matching(".github/actions/*/action.y*ml")]:
        for number, line in enumerate(repository.text(name).splitlines(), start=1):
            used = re.match(r"\s*(?:- )?uses:\s*(\S+)(.*)", line)
            if used and not used[1].startswith("./"):
                is_pinned = re.fullmatch(r"[^@]+@[0-9a-f]{40}", used[1]) and re.match(r"\s+# v\d", used[2])
                yield judge(is_pinned, used[1], "a commit, and its release as comment", (name, number))


@check("service", "permissions-empty")
def permissions_empty(repository: Repository) -> Findings:
    for file, workflow in workflows(repository).items():
        permissions = get(workflow, "permissions", default="missing")
        place = (file, line_of(workflow, "permissions"))
        seen = f"permissions of the workflow: {permissions}"
        yield judge(permissions == {}, seen, "{}, as each job has its own", place)


# What has to stand in a job for it to need to write there.
WRITERS = {
    "contents": r"git push|gh release|create-pull-request",
    "packages": r"push: true|docker push|actions/attest",
    "id-token": r"actions/attest|aws-actions/|google-github-actions/|azure/login",
    "attestations": r"actions/attest",
    "artifact-metadata": r"actions/attest",
    "pull-requests": r"\bgh |github-script|create-pull-request",
    "issues": r"\bgh |github-script",
    "deployments": r"\bgh |github-script",
    "security-events": r"codeql-action|scorecard-action",
}


# An action whose permissions are not known.
OTHER_ACTION = re.compile(r"^(?!actions/(checkout|setup-|cache)|None)\S+@", re.MULTILINE)


@check("service", "permissions-least")
def permissions_least(repository: Repository) -> Findings:
    for job in jobs(repository):
        permissions = get(job.content, "permissions", default="missing")
        if not hasattr(permissions, "items"):
            yield judge(False, f"job {job.name}: permissions {permissions}", "each scope by name", job.place())
            continue
        steps = "\n".join(
            f"{step.get('uses')}\n{step.get('run')}\npush: {str(get(step, 'with', 'push')).lower()}"
            for _, step in job.steps
        )
        for scope, access in permissions.items():
            is_used = access != "write" or re.search(WRITERS.get(scope, r"(?!)"), steps)
            if not is_used and not repository.is_emitted and OTHER_ACTION.search(steps):
                text = f"job {job.name}: {scope} {access}: one of its actions may require it"
                yield unknown(text, job.place("permissions", scope))
                continue
            seen, place = f"job {job.name}: {scope} {access}", job.place("permissions", scope)
            yield judge(is_used, seen, "a step that writes there, or read", place)


@check("service", "credentials-not-kept")
def credentials_not_kept(repository: Repository) -> Findings:
    for job in jobs(repository):
        for number, step in job.steps:
            if str(step.get("uses", "")).startswith("actions/checkout@"):
                kept = get(step, "with", "persist-credentials", default="missing")
                seen, place = f"persist-credentials {to_yaml(kept)}", job.place("steps", number, "uses")
                yield judge(kept is False, seen, "false", place)


@check("service", "values-not-in-commands")
def values_not_in_commands(repository: Repository) -> Findings:
    for job in jobs(repository):
        for number, step in job.steps:
            if "run" in step:
                expression = re.search(r"\$\{\{.*?\}\}", str(step["run"]))
                seen = expression[0] if expression else str(step.get("name", "step"))
                yield judge(not expression, seen, "values passed through env:", job.place("steps", number, "run"))


@check("service", "secrets-behind-environments")
def secrets_behind_environments(repository: Repository) -> Findings:
    for file, workflow in workflows(repository).items():
        events = get(workflow, "on", default={})
        events = [events] if isinstance(events, str) else list(events)
        lends = {"pull_request_target", "workflow_run"} & set(events)
        place = (file, line_of(workflow, "on"))
        yield judge(not lends, f"started by {', '.join(events)}", "no event that gives secrets to forks", place)
    for job in jobs(repository):
        used = set(re.findall(r"secrets\.(\w+)", repr(job.content))) - {"GITHUB_TOKEN"}
        if used:
            seen = f"job {job.name} reads {', '.join(sorted(used))}"
            yield judge(job.environment, seen, "an environment", job.place())


@check("service", "improvements-arrive")
def improvements_arrive(repository: Repository) -> Findings:
    yield expect_step_on(repository, "schedule", "scripts/update-template")


@check("service", "readiness-in-pipeline")
def readiness_in_pipeline(repository: Repository) -> Findings:
    yield expect_step_on(repository, "pull_request", "(make readiness|scripts/check-readiness)", "make readiness")


RENOVATE = ("renovate.json", "renovate.json5", ".github/renovate.json", ".github/renovate.json5", ".renovaterc*")
DEPENDABOT = (".github/dependabot.yml", ".github/dependabot.yaml")


def find_updates(repository: Repository) -> Findings:
    """Return whether Renovate or Dependabot updates a repository, and whether they wait some days."""
    for file in repository.matching(*RENOVATE):
        waits = "minimumReleaseAge" in repository.text(file) or "best-practices" in repository.text(file)
        yield judge(waits, "Renovate", "minimumReleaseAge", (file, 1))
    files = repository.matching(*DEPENDABOT)
    for file in files:
        updates = get(repository.documents(file), 0, "updates", default=[])
        for number, update in enumerate(updates):
            days = get(update, "cooldown", "default-days", default=0)
            seen = f"{get(update, 'package-ecosystem')}: cooldown of {days} days"
            yield judge(days >= 1, seen, "1 or more", (file, line_of(updates, number)))
    if not files and not repository.matching(*RENOVATE):
        yield failed("neither Renovate nor Dependabot is configured")


@check("service", "dependencies-updated")
def dependencies_updated(repository: Repository) -> Findings:
    if not repository.is_emitted:
        yield from find_updates(repository)
        return
    file = ".github/dependabot.yml"
    updates = get(repository.documents(file), 0, "updates", default=[])
    covered = {get(update, "package-ecosystem") for update in updates}
    for ecosystem in language(repository).ecosystems:
        yield judge(ecosystem in covered, f"updates of {ecosystem}", "an entry", (file, 1))
    for number, update in enumerate(updates):
        days = get(update, "cooldown", "default-days", default=0)
        seen = f"{get(update, 'package-ecosystem')}: cooldown of {days} days"
        yield judge(days >= 1, seen, "1 or more", (file, line_of(updates, number)))
