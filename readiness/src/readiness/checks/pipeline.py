"""Checks of the pipeline: what runs, with which permissions."""

import re
from fnmatch import fnmatch
from pathlib import Path

from readiness.commands import run
from readiness.detection import traits
from readiness.documents import get, line_of
from readiness.findings import CannotJudgeError, Findings, failed, judge, passed, unknown
from readiness.languages import language
from readiness.registry import check, proof
from readiness.repository import Repository
from readiness.workflows import WORKFLOWS, expect_step_on, jobs, workflows
from readiness.zizmor import Audit, audit, audited_files

# Pipelines of other systems.
OTHER_PIPELINES = (
    ".gitlab-ci.yml", ".travis.yml", ".circleci/config.yml", "Jenkinsfile", "azure-pipelines.yml", ".drone.yml",
    "bitbucket-pipelines.yml", "cloudbuild.yaml", ".buildkite/*.y*ml",
)  # fmt: skip

# Commands and actions of the checks, in repositories that choose their own.
CHECKS = {
    "lint": (
        r"(?<!helm )\S*(lint|ruff|flake8|pylint|black|prettier|biome|gofmt|staticcheck|checkstyle|spotless"
        r"|pre-commit)\S*"
    ),
    "typecheck": (r"(\S*typecheck\S*|\S*type-check\S*|tsc|mypy|pyright|ty check|go (vet|build|test)|\w+( run)? build)"),
    "test": (
        r"(\S*((?<!la)test|tox|nox|vitest|jest|rspec)\S*"
        r"|\S*mvnw?\b.*\b(verify|package|install)|\S*gradlew?\b.*\b(build|check))"
    ),
    "integration": r"\S*(integration|e2e|end-to-end|smoke)\S*",
}


@check("service", "checks-on-every-change")
def checks_on_every_change(repository: Repository) -> Findings:
    other = [] if repository.is_emitted or workflows(repository) else repository.matching(*OTHER_PIPELINES)
    if other:
        raise CannotJudgeError(f"the pipeline is not one of GitHub Actions: {', '.join(other)}")
    if not repository.is_emitted:
        yield from find_checks(repository)
        return
    for verb in CHECKS:
        yield expect_step_on(repository, "pull_request", f"make {verb}", verb)


def runs_on_changes(workflow: object) -> bool:
    """Return whether a workflow runs on pull requests, or on every push to any branch."""
    events = get(workflow, "on", default={})
    narrowed = {"branches", "branches-ignore", "tags"} & set(get(events, "push", default={}))
    return "pull_request" in events or ("push" in events and not narrowed)


def find_checks(repository: Repository) -> Findings:
    """Return whether workflows that run on every change run each kind of check, in a repository of another origin."""
    on_change = [job for job in jobs(repository) if runs_on_changes(workflows(repository)[job.file])]
    calls = [job for job in on_change if "uses" in job.content]
    hooks = "".join(repository.text(name) for name in repository.matching(".pre-commit-config.y*ml", "prek.toml"))
    is_typed = not {"node", "python"} & traits(repository)  # the compiler checks the types
    for verb, pattern in CHECKS.items():
        if verb == "typecheck" and is_typed:
            continue
        places = [job.place("steps", number, "run") for job in on_change for number, _ in job.runs(pattern)]
        places += [
            job.place("steps", number, "uses")
            for job in on_change
            for number, step in job.steps
            if re.search(pattern, str(step.get("uses", "")).partition("@")[0])
        ]
        runs_hooks = any(job.runs(r"\S*(pre-commit|prek)") for job in on_change) and re.search(pattern, hooks)
        if places or runs_hooks:
            yield passed(verb, next(iter(places), (WORKFLOWS, 0)))
        elif calls:
            yield unknown(f"{verb}: a called workflow may run it", calls[0].place("uses"))
        elif verb == "integration" and on_change:
            yield unknown("no step names integration tests: the unit tests may contain them")
        else:
            yield failed(f"{verb}: expected a step of a workflow that runs on pull_request", (WORKFLOWS, 0))


@check("service", "pipeline-starts")
def pipeline_starts(repository: Repository) -> Findings:
    first = next(iter(workflows(repository)), None)
    if not first:
        return
    root = run("git", "rev-parse", "--show-toplevel", folder=repository.root)
    if root.returncode:  # no Git repository yet
        yield passed("the workflows are at the root", (first, 1))
        return
    top = Path(root.stdout.strip())
    is_root = top.resolve() == repository.root.resolve()
    yield judge(is_root, f"the workflows are in a folder of the Git repository {top}", "them at its root", (first, 1))
    if branch := default_branch(repository.root):
        listening = [name for name, workflow in workflows(repository).items() if listens_to(workflow, branch)]
        seen = f"{', '.join(listening) or 'no workflow'} listens to the default branch {branch}"
        file = next(iter(listening), first)
        yield judge(listening, seen, "one that does", (file, line_of(workflows(repository)[file], "on")))


def listens_to(workflow: object, branch: str) -> bool:
    """Return whether pushes to a branch, or pull requests into it, start a workflow."""
    events = get(workflow, "on", default={})
    for event in {"push", "pull_request"} & set([events] if isinstance(events, str) else events):
        patterns = get(events, event, "branches", default=["*"])
        if any(fnmatch(branch, str(pattern)) for pattern in ([patterns] if isinstance(patterns, str) else patterns)):
            return True
    return False


def default_branch(folder: Path) -> str:
    """Return the default branch as far as a clone knows it, else an empty text.

    A new repository gets its first branch as default. One with a remote may be the clone of another branch alone,
    unless that is Git's own default.
    """
    remote = run("git", "symbolic-ref", "--short", "refs/remotes/origin/HEAD", folder=folder)
    if remote.returncode == 0:
        return remote.stdout.strip().partition("/")[2]
    current = run("git", "symbolic-ref", "--short", "HEAD", folder=folder).stdout.strip()
    known = run("git", "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", "refs/remotes", folder=folder)
    names = set(known.stdout.split())
    has_others = names - {current, f"origin/{current}"}
    return "" if has_others or (f"origin/{current}" in names and current != "master") else current


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
                if not repository.is_emitted:  # a comment of any form names the release
                    is_pinned = re.fullmatch(r"\S+@([0-9a-f]{40}|sha256:[0-9a-f]{64})", used[1].strip("\"'"))
                yield judge(is_pinned, used[1], "a commit, and its release as comment", (name, number))


@check("service", "permissions-empty")
def permissions_empty(repository: Repository) -> Findings:
    for file, workflow in workflows(repository).items():
        permissions = get(workflow, "permissions", default="missing")
        place = (file, line_of(workflow, "permissions"))
        seen = f"permissions of the workflow: {permissions}"
        if not repository.is_emitted and is_narrow(repository, file, permissions):
            yield passed(f"{seen}: no job has more than its own", place)
            continue
        yield judge(permissions == {}, seen, "{}, as each job has its own", place)


def is_narrow(repository: Repository, file: str, permissions: object) -> bool:
    """Return whether a workflow grants nothing but reading to all jobs, or every job replaces what it grants."""
    if hasattr(permissions, "values"):
        return "write" not in permissions.values()
    return all("permissions" in job.content for job in jobs(repository) if job.file == file)


# What has to stand in a job for it to need to write there.
WRITERS = {
    "contents": r"git push|gh release|create-pull-request",
    "packages": r"push: true|docker push|actions/attest",
    "id-token": r"actions/attest|aws-actions/|google-github-actions/|(?i:azure/login)",
    "attestations": r"actions/attest",
    "artifact-metadata": r"actions/attest",
    "pull-requests": r"\bgh |github-script|create-pull-request",
    "issues": r"\bgh |github-script",
    "deployments": r"\bgh |github-script",
    "security-events": r"codeql-action|scorecard-action",
}


# An action whose permissions are not known.
OTHER_ACTION = re.compile(r"^(?!actions/(checkout|setup-|cache)|None)\S+@|^\./\S+\.ya?ml$", re.MULTILINE)


@check("service", "permissions-least")
def permissions_least(repository: Repository) -> Findings:
    for job in jobs(repository):
        permissions = get(job.content, "permissions", default="missing")
        if not repository.is_emitted and permissions == "missing":
            permissions = get(workflows(repository)[job.file], "permissions", default="missing")
            if hasattr(permissions, "items") and not permissions:
                yield passed(f"job {job.name}: no permission", job.place())
        if not hasattr(permissions, "items"):
            yield judge(False, f"job {job.name}: permissions {permissions}", "each scope by name", job.place())
            continue
        steps = "\n".join(
            f"{step.get('uses')}\n{step.get('run')}\npush: {str(get(step, 'with', 'push')).lower()}"
            for _, step in job.steps
        )
        steps += f"\n{get(job.content, 'uses', default='None')}"  # a called workflow
        for scope, access in permissions.items():
            is_used = access != "write" or re.search(WRITERS.get(scope, r"(?!)"), steps)
            if not is_used and not repository.is_emitted and OTHER_ACTION.search(steps):
                text = f"job {job.name}: {scope} {access}: one of its actions may require it"
                yield unknown(text, job.place("permissions", scope))
                continue
            seen, place = f"job {job.name}: {scope} {access}", job.place("permissions", scope)
            yield judge(is_used, seen, "a step that writes there, or read", place)


# What gets the credentials of a cluster from its cloud, and what a login with stored credentials reads.
CLOUD_CLUSTER = re.compile(
    r"eks update-kubeconfig|get-gke-credentials|clusters get-credentials|aks get-credentials|aks-set-context"
)
CLOUD_LOGIN = re.compile(
    r"(aws-actions/configure-aws-credentials|google-github-actions/auth|azure/login)@", re.IGNORECASE
)
STORED_CREDENTIALS = {"aws-secret-access-key", "credentials_json", "creds"}
STORED_KUBECONFIG = re.compile(r"secrets\.\w*KUBE_?CONFIG", re.IGNORECASE)


@proof("deployer-token-renewed")
def deployer_token_renewed(repository: Repository) -> Findings:
    """Find jobs that get the credentials of a cluster with OpenID Connect, and none that reads stored credentials."""
    for job in jobs(repository):
        steps = [step for _, step in job.steps]
        if any(CLOUD_CLUSTER.search(f"{step.get('uses')} {step.get('run')}") for step in steps):
            logins = [step for step in steps if CLOUD_LOGIN.match(str(step.get("uses", "")))]
            is_short_lived = logins and not any(
                STORED_CREDENTIALS & set(get(step, "with", default={})) for step in logins
            )
            seen = f"job {job.name} gets the credentials of the cluster from its cloud"
            yield judge(is_short_lived, seen, "a login with OpenID Connect", job.place("steps"))
        if STORED_KUBECONFIG.search(repr(job.content)):
            yield failed(f"job {job.name} reads a stored kubeconfig", job.place("steps"))


@check("service", "credentials-not-kept")
def credentials_not_kept(repository: Repository) -> Findings:
    """Ask zizmor which checkouts keep their credentials."""
    if any(USES_CHECKOUT.search(repository.text(file)) for file in audited_files(repository)):
        yield from judge_files(repository, audit(repository, "artipacked"), "persist-credentials: false")


USES_CHECKOUT = re.compile(r"\buses: *[\"']?actions/checkout@")


@check("service", "values-not-in-commands")
def values_not_in_commands(repository: Repository) -> Findings:
    """Ask zizmor which expressions become commands, and which of them an attacker may control."""
    found = audit(repository, "template-injection")
    if not repository.is_emitted:
        found = [entry for entry in found if entry.is_severe]
    if any(re.search(r"\brun:|\bscript:", repository.text(file)) for file in audited_files(repository)):
        yield from judge_files(repository, found, "values passed through env:")


def judge_files(repository: Repository, found: list[Audit], expected: str) -> Findings:
    """Return what zizmor found in each workflow and action."""
    for file in audited_files(repository):
        here = [entry for entry in found if entry.place[0] == file]
        yield from (failed(f"{entry.text}: expected {expected}", entry.place) for entry in here)
        if not here:
            yield passed(f"zizmor finds nothing in {file}", (file, 1))


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
