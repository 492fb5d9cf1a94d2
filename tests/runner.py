"""Runs an emitted workflow on this machine, as GitHub's runner would: its jobs in order, their `run:` steps for real.

Actions do not run: a stand-in returns the outputs of a step that uses one. `run_job` runs the steps of one job with the
contexts that it is given, against whatever PATH and environment lead to: stubs, or a real cluster.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.expressions import Contexts, condition, interpolate

STEP_SECONDS = 900
# A cancelled step's entry process, and no other, gets SIGINT, after 7.5 seconds SIGTERM, after 2.5 more SIGKILL:
# actions/runner, src/Runner.Sdk/ProcessInvoker.cs; that its children survive: actions/runner#3341.
CANCELLATION = [(signal.SIGINT, 7.5), (signal.SIGTERM, 2.5), (signal.SIGKILL, 5)]
# What an action comes to: its outputs, or None where it fails.
StandIn = Callable[[dict], Mapping[str, str] | None]


@dataclass
class Cancel:
    """When a run is cancelled: once a step has printed a phrase."""

    step: str
    phrase: str


@dataclass
class Job:
    """How a job went: success, failure, cancelled or skipped; by step its outcome, its output and how long it took.

    `cancelled_at` is the monotonic time of the first signal of a cancellation.
    """

    result: str = "success"
    outcomes: dict[str, str] = field(default_factory=dict)
    printed: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    cancelled_at: float = 0

    def log(self) -> str:
        return "\n".join(f"--- {name}: {self.outcomes[name]}\n{text}" for name, text in self.printed.items())


def load(project: Path, workflow: str) -> dict:
    """Return an emitted workflow."""
    return yaml.safe_load((project / ".github/workflows" / workflow).read_text())


def base_environment(folder: Path, path: str, github: Mapping[str, object]) -> dict[str, str]:
    """Return the clean environment that each step starts with: nothing of this machine's but the way to its tools."""
    (folder / "home").mkdir(parents=True, exist_ok=True)
    tools = ("UV_", "GO", "DOCKER_", "SSL_CERT", "PIP_", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
    kept = {name: value for name, value in os.environ.items() if name.upper().startswith(tools)}
    # Caches are those of this machine, as actions restore them on GitHub's.
    home = Path.home()
    caches = {
        "NPM_CONFIG_CACHE": os.environ.get("NPM_CONFIG_CACHE", f"{home}/.npm"),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", f"{home}/.cache/uv"),
        "GOCACHE": os.environ.get("GOCACHE", f"{home}/.cache/go-build"),
        "GOMODCACHE": os.environ.get("GOMODCACHE", f"{home}/go/pkg/mod"),
        "GOLANGCI_LINT_CACHE": os.environ.get("GOLANGCI_LINT_CACHE", f"{home}/.cache/golangci-lint"),
    }
    return {
        **caches,
        **kept,
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "HOME": str(folder / "home"),
        "LANG": "C.UTF-8",
        "PATH": path,
        "RUNNER_TEMP": str(folder),
        **{f"GITHUB_{name.upper()}": value for name, value in github.items() if isinstance(value, str)},
    }


def assignments(file: Path) -> dict[str, str]:
    """Return what a file of NAME=value lines assigns."""
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def run_job(
    project: Path,
    job: dict,
    contexts: Contexts,
    folder: Path,
    *,
    path: str | None = None,
    environment: Mapping[str, str] | None = None,
    stand_ins: Mapping[str, StandIn] | None = None,
    cancel: Cancel | None = None,
) -> Job:
    """Run the steps of one job in the project's folder; what they write beside goes to `folder`.

    Args:
        project: the emitted repository, as checked out.
        job: the job from the workflow.
        contexts: github, vars, secrets, needs, matrix, inputs: what the job's expressions read.
        folder: for HOME, RUNNER_TEMP and GitHub's files.
        path: PATH, this machine's unless given.
        environment: variables that every step has beside, such as KUBECONFIG.
        stand_ins: what actions come to, by their name without the version; those not named succeed without outputs.
        cancel: when the run is cancelled, if it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = Job()
    steps: dict[str, dict] = {}
    contexts = {**contexts, "steps": steps}
    base = base_environment(folder, path or os.environ["PATH"], contexts["github"]) | dict(environment or {})
    base |= {key: interpolate(value, contexts) for key, value in job.get("env", {}).items()}
    summary, shared = folder / "summary.md", folder / "environment"
    summary.touch()
    shared.touch()
    for number, step in enumerate(job["steps"]):
        name = step["name"]
        began = time.monotonic()
        if not condition(step.get("if"), contexts, done.result):
            outcome, printed, outputs = "skipped", "", {}
        elif "uses" in step:
            given = {key: interpolate(value, contexts, done.result) for key, value in step.get("with", {}).items()}
            came_to = (stand_ins or {}).get(step["uses"].split("@")[0], lambda _: {})(given)
            outcome, printed, outputs = ("failure" if came_to is None else "success"), "", dict(came_to or {})
        else:
            output = folder / f"output-{number}"
            output.touch()
            variables = {key: interpolate(value, contexts, done.result) for key, value in step.get("env", {}).items()}
            files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_ENV": str(shared)}
            log = folder / f"printed-{number}"
            process = start(step, contexts, project, {**base, **assignments(shared), **files, **variables}, log)
            if cancel and cancel.step == name:
                await_phrase(process, log, cancel.phrase)
                done.cancelled_at = time.monotonic()
                cancel_process(process)
                outcome = "cancelled"
            else:
                outcome = "success" if wait(process) == 0 else "failure"
            printed, outputs = log.read_text(), assignments(output)
        done.outcomes[name], done.printed[name] = outcome, printed
        done.seconds[name] = time.monotonic() - began
        if "id" in step:
            steps[step["id"]] = {"outcome": outcome, "conclusion": outcome, "outputs": outputs}
        if done.result == "success" and outcome in ("failure", "cancelled"):
            done.result = outcome
    done.summary = summary.read_text()
    done.outputs = {name: interpolate(value, contexts) for name, value in job.get("outputs", {}).items()}
    return done


def start(
    step: dict, contexts: Contexts, folder: Path, environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start a step's script, which prints to a file, so that a child that survives it holds nothing up."""
    with log.open("w") as printed:
        return subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", interpolate(step["run"], contexts)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )


def wait(process: subprocess.Popen[bytes]) -> int:
    """Return a step's exit code."""
    try:
        return process.wait(STEP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def await_phrase(process: subprocess.Popen[bytes], log: Path, phrase: str) -> None:
    """Return when a step has printed a phrase."""
    deadline = time.monotonic() + STEP_SECONDS
    while phrase not in log.read_text():
        assert process.poll() is None, f"the step ended without {phrase!r}:\n{log.read_text()}"
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def cancel_process(process: subprocess.Popen[bytes]) -> None:
    """Cancel a step as the runner does."""
    for number, seconds in CANCELLATION:
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


def run_workflow(
    project: Path,
    workflow: str,
    contexts: Contexts,
    folder: Path,
    *,
    secrets: Mapping[str, Mapping[str, str]] | None = None,
    variables: Mapping[str, Mapping[str, str]] | None = None,
    **options: object,
) -> dict[str, Job]:
    """Run a workflow's jobs, in the order of `needs`; return them by name, those of a matrix as `job (value)`.

    Secrets and variables are those of each environment; a job without an environment gets none.
    """
    jobs = load(project, workflow)["jobs"]
    results: dict[str, Job] = {}
    ran: dict[str, Job] = {}
    while waiting := [name for name in jobs if name not in results]:
        name = next(name for name in waiting if set(_needs(jobs[name])) <= set(results))
        job = jobs[name]
        needs = {need: {"result": results[need].result, "outputs": results[need].outputs} for need in _needs(job)}
        environment = job.get("environment", {}).get("name", "")
        given = {
            **contexts,
            "needs": needs,
            "vars": {**contexts.get("vars", {}), **(variables or {}).get(environment, {})},
            "secrets": (secrets or {}).get(environment, {}),
        }
        # A job that is skipped skips those that need it, unless they say otherwise.
        came_to = {need["result"] for need in needs.values()}
        status = next((result for result in ("failure", "cancelled", "skipped") if result in came_to), "success")
        if not condition(job.get("if"), given, status):
            results[name] = ran[name] = Job(result="skipped")
            continue
        parts = {}
        for matrix in _matrix(job):
            label = f"{name} ({', '.join(map(str, matrix.values()))})" if matrix else name
            parts[label] = run_job(
                project, job, {**given, "matrix": matrix}, folder / label.replace(" ", "-"), **options
            )
        ran |= parts
        failed = any(part.result != "success" for part in parts.values())
        results[name] = (
            next(iter(parts.values())) if len(parts) == 1 else Job(result="failure" if failed else "success")
        )
    return ran


def _needs(job: dict) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else needs


def _matrix(job: dict) -> list[dict[str, object]]:
    matrix = job.get("strategy", {}).get("matrix")
    if not matrix:
        return [{}]
    [(name, values)] = matrix.items()
    return values if name == "include" else [{name: value} for value in values]
