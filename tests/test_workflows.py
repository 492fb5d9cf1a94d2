"""Promise: every emitted workflow is safe by the field's linters, and by the rules that none of them checks."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.combinations import ROOT, every_combination, label
from tests.tools import tool

BIN = Path(sys.executable).parent
PINS = yaml.safe_load((ROOT / "facts/actions.yml").read_text())
BUILDS = "docker/build-push-action"

Workflow = dict
Rule = Callable[[str], Iterator[str]]


@pytest.fixture(scope="module")
def workflows(render) -> list[Path]:
    """Return one file for each distinct workflow among those of all combinations."""
    found: dict[str, Path] = {}
    for answers in every_combination():
        emitted = sorted((render(**answers) / ".github/workflows").iterdir())
        assert [path.name for path in emitted] == ["pipeline.yml"], label(answers)
        for path in emitted:
            found.setdefault(path.read_text(), path)
    return list(found.values())


@pytest.fixture(scope="module")
def fullest(render) -> Path:
    """Return a project that uses everything a workflow can contain."""
    return render(language="node", services=["postgres", "redis", "external-api"], repository="public")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "PATH": f"{BIN}:{os.environ['PATH']}"}
    return subprocess.run([*command], capture_output=True, text=True, timeout=300, env=environment)


def actionlint(*files: Path) -> subprocess.CompletedProcess[str]:
    return run(tool("actionlint"), "-shellcheck", BIN / "shellcheck", *files)


def zizmor(*files: Path) -> subprocess.CompletedProcess[str]:
    return run(BIN / "zizmor", "--offline", "--no-progress", "--persona=auditor", *files)


def schema(*files: Path) -> subprocess.CompletedProcess[str]:
    return run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)


LINTERS = [actionlint, zizmor, schema]


def test_every_combination_that_differs_is_under_test(workflows):
    # 3 languages, 4 choices of data stores, 2 kinds of repository.
    assert len(workflows) == 24


@pytest.mark.parametrize("linter", LINTERS)
def test_linters_find_nothing(linter, workflows):
    done = linter(*workflows)
    assert done.returncode == 0, done.stdout + done.stderr


def test_dependabot_is_as_careful(render):
    files = {
        (path := render(**answers) / ".github/dependabot.yml").read_text(): path for answers in every_combination()
    }
    assert len(files) == 3
    done = zizmor(*files.values())
    assert done.returncode == 0, done.stdout + done.stderr


# The rules that no linter checks: each yields what is wrong with a workflow's text


def jobs(text: str) -> dict[str, dict]:
    return yaml.safe_load(text)["jobs"]


def steps(text: str) -> Iterator[tuple[str, dict]]:
    for name, job in jobs(text).items():
        for step in job["steps"]:
            yield name, step


def environments(text: str) -> dict[str, dict]:
    return {name: job for name, job in jobs(text).items() if "environment" in job}


def every_job_ends(text: str) -> Iterator[str]:
    for name, job in jobs(text).items():
        if not 0 < job.get("timeout-minutes", 0) <= 60:
            yield f"{name} has no timeout of an hour or less"


def runners_are_pinned(text: str) -> Iterator[str]:
    for name, job in jobs(text).items():
        if not re.fullmatch(r"[a-z]+-\d+\.\d+", job["runs-on"]):
            yield f"{name} runs on {job['runs-on']}"


def deploys_are_never_cancelled(text: str) -> Iterator[str]:
    for name, job in environments(text).items():
        lock = job.get("concurrency", {})
        if lock.get("group") != f"deploy-{job['environment']['name']}" or lock.get("cancel-in-progress") is not False:
            yield f"{name} can overlap with another deploy or be cancelled by it"
    cancels = yaml.safe_load(text)["concurrency"]["cancel-in-progress"]
    if cancels != "${{ github.event_name == 'pull_request' }}":
        yield "a run on main can be cancelled"


def image_is_named_by_digest_once_it_is_built(text: str) -> Iterator[str]:
    built = [name for name, step in steps(text) if step.get("with", {}).get("push")]
    if len(built) != 1:
        yield f"the image is pushed {len(built)} times"
    for name, step in steps(text):
        command = step.get("run", "")
        if name not in built and re.search(r"ghcr\.io/[\w./-]+(?!@\$DIGEST)[\w:@$]*[:]", command):
            yield f"{name} names the image by a tag"
        if "scripts/deploy " in command:
            if not re.fullmatch(r'scripts/deploy [a-z]+ "[\w./-]+@\$DIGEST"', command):
                yield f"{name} does not deploy the image by its digest"
            if step["env"]["DIGEST"] != "${{ needs.image.outputs.digest }}":
                yield f"{name} deploys another digest than the one that was built"
    if not environments(text):
        yield "nothing is deployed"


def actions_are_those_of_the_pins_file(text: str) -> Iterator[str]:
    lines = re.findall(r"^.*\buses:.*$", text, re.MULTILINE)
    if not lines:
        yield "no action is used"
    for line in lines:
        name = re.search(r"uses: ([^@ ]+)", line)[1]
        pin = PINS.get(name, {"commit": None, "version": None})
        if line.split("uses: ")[1] != f"{name}@{pin['commit']} # {pin['version']}":
            yield f"{line.strip()} differs from facts/actions.yml"


def inputs_exist(text: str) -> Iterator[str]:
    for name, step in steps(text):
        if "uses" in step:
            known = PINS[step["uses"].split("@")[0]]["inputs"]
            for unknown in set(step.get("with", {})) - set(known):
                yield f"{name}: {step['uses']} has no input {unknown}"


def permissions_are_the_least(text: str) -> Iterator[str]:
    if yaml.safe_load(text)["permissions"] != {}:
        yield "every job has permissions"
    for name, job in jobs(text).items():
        written = {scope for scope, level in job.get("permissions", {"all": "write"}).items() if level != "read"}
        if name != "image" and written:
            yield f"{name} can write {written}"
        if written - {"packages", "id-token", "attestations", "artifact-metadata"}:
            yield f"{name} can write {written}"


def commands_take_values_from_the_environment_only(text: str) -> Iterator[str]:
    for name, step in steps(text):
        if "${{" in step.get("run", ""):
            yield f"{name} puts an expression into a command"


def secrets_are_in_jobs_with_an_environment(text: str) -> Iterator[str]:
    for name, job in jobs(text).items():
        if "secrets." in yaml.safe_dump(job) and name not in environments(text):
            yield f"{name} reads secrets without an environment"


def stages_are_in_order(text: str) -> Iterator[str]:
    def before(name: str) -> set[str]:
        needs = jobs(text)[name].get("needs", [])
        direct = {needs} if isinstance(needs, str) else set(needs)
        return direct | {earlier for job in direct for earlier in before(job)}

    order = ["check", "integration", "image", "staging", "production"]
    for number, name in enumerate(order):
        if not set(order[:number]) <= before(name):
            yield f"{name} does not wait for {set(order[:number]) - before(name)}"
    verbs = [step["run"].split()[1] for name, step in steps(text) if step.get("run", "").startswith("make ")]
    if verbs != ["setup", "lint", "typecheck", "test", "setup", "integration"]:
        yield f"the checks are {verbs}"
    for name in ("image", "staging", "production"):
        if jobs(text)[name].get("if") != "${{ github.event_name == 'push' }}":
            yield f"{name} runs for pull requests"


def a_release_that_is_not_well_is_rolled_back(text: str) -> Iterator[str]:
    for name, job in environments(text).items():
        scripts = [step["run"].split()[0] for step in job["steps"] if step.get("run", "").startswith("scripts/")]
        if scripts != ["scripts/deploy", "scripts/smoke", "scripts/rollback"]:
            yield f"{name} runs {scripts}"
        if job["steps"][-1].get("if") != "${{ !success() && steps.deploy.outcome == 'success' }}":
            yield f"{name} rolls back at the wrong time"
        if not all(step["run"].split()[1] == job["environment"]["name"] for step in job["steps"][-3::2]):
            yield f"{name} deploys one environment and rolls back another"


RULES: list[Rule] = [
    every_job_ends,
    runners_are_pinned,
    deploys_are_never_cancelled,
    image_is_named_by_digest_once_it_is_built,
    actions_are_those_of_the_pins_file,
    inputs_exist,
    permissions_are_the_least,
    commands_take_values_from_the_environment_only,
    secrets_are_in_jobs_with_an_environment,
    stages_are_in_order,
    a_release_that_is_not_well_is_rolled_back,
]


@pytest.mark.parametrize("rule", RULES)
def test_rules_hold(rule, workflows):
    assert not [f"{path}: {problem}" for path in workflows for problem in rule(path.read_text())]


@pytest.mark.parametrize(
    ("checker", "was", "becomes"),
    [
        (every_job_ends, "    timeout-minutes: 45\n", ""),
        (every_job_ends, "timeout-minutes: 30", "timeout-minutes: 360"),
        (runners_are_pinned, "ubuntu-24.04", "ubuntu-latest"),
        (deploys_are_never_cancelled, "cancel-in-progress: false", "cancel-in-progress: true"),
        (deploys_are_never_cancelled, "group: deploy-production", "group: deploy-staging"),
        (deploys_are_never_cancelled, "${{ github.event_name == 'pull_request' }}\n\ndefaults", "true\n\ndefaults"),
        (image_is_named_by_digest_once_it_is_built, '@$DIGEST"', ':$GITHUB_SHA"'),
        (image_is_named_by_digest_once_it_is_built, "needs.image.outputs.digest", "github.sha"),
        (image_is_named_by_digest_once_it_is_built, "cache-from: type=gha\n\n", "push: true\n\n"),
        (actions_are_those_of_the_pins_file, PINS["actions/checkout"]["version"], "v1.0.0"),
        (actions_are_those_of_the_pins_file, PINS[BUILDS]["commit"], "a" * 40),
        (actions_are_those_of_the_pins_file, "docker/login-action", "acme/login-action"),
        (inputs_exist, "persist-credentials", "persist-credential"),
        (inputs_exist, "build-args", "build-arguments"),
        (permissions_are_the_least, "permissions: {}", "permissions: {contents: read}"),
        (permissions_are_the_least, "contents: read # check out", "contents: write # check out"),
        (
            permissions_are_the_least,
            "    permissions:\n      contents: read # check out\n    environment",
            "    environment",
        ),
        (commands_take_values_from_the_environment_only, '"$URL" "$GITHUB_SHA"', '"$URL" "${{ github.sha }}"'),
        (secrets_are_in_jobs_with_an_environment, "${{ github.token }}", "${{ secrets.TOKEN }}"),
        (stages_are_in_order, "    needs: check\n", ""),
        (stages_are_in_order, "    needs: image\n", "    needs: integration\n"),
        (stages_are_in_order, "make typecheck", "make build"),
        (stages_are_in_order, "    if: ${{ github.event_name == 'push' }}\n    needs: image", "    needs: image"),
        (a_release_that_is_not_well_is_rolled_back, "steps.deploy.outcome == 'success'", "true"),
        (
            a_release_that_is_not_well_is_rolled_back,
            "run: scripts/rollback production",
            "run: scripts/rollback staging",
        ),
        (a_release_that_is_not_well_is_rolled_back, "scripts/smoke", "true scripts/smoke"),
        (actionlint, "needs: image\n", "needs: images\n"),
        (actionlint, 'tail -n 60 "$RUNNER_TEMP/test.log"', "tail -n 60 $RUNNER_TEMP/test.log"),
        (zizmor, "persist-credentials: false", "persist-credentials: true"),
        (zizmor, "packages: write # push the image to ghcr.io", "packages: write"),
        (schema, "runs-on:", "runs-at:"),
    ],
)
def test_defects_are_noticed(checker, was, becomes, fullest, tmp_path):
    text = (fullest / ".github/workflows/pipeline.yml").read_text()
    assert was in text
    broken = text.replace(was, becomes)
    if checker in LINTERS:
        path = tmp_path / ".github" / "workflows" / "pipeline.yml"
        path.parent.mkdir(parents=True)
        path.write_text(broken)
        assert checker(path).returncode != 0
    else:
        assert list(checker(broken))


# What the workflows call


def test_what_the_steps_call_exists(render):
    for answers in every_combination():
        project = render(**answers)
        makefile = (project / "Makefile").read_text()
        for _, step in steps((project / ".github/workflows/pipeline.yml").read_text()):
            for verb in re.findall(r"^make (\w+)", step.get("run", "")):
                assert f"\n{verb}:" in makefile
            for script in re.findall(r"^scripts/\w+", step.get("run", "")):
                assert os.access(project / script, os.X_OK)
            for name, value in step.get("with", {}).items():
                if name.endswith("-file") or name == "cache-dependency-path":
                    assert (project / value).is_file(), f"{label(answers)}: {name}: {value}"


def test_integration_tests_run_against_the_servers_of_compose(fullest):
    services = yaml.safe_load((fullest / "compose.integration.yaml").read_text())["services"]
    containers = jobs((fullest / ".github/workflows/pipeline.yml").read_text())["integration"]["services"]
    assert {name: service["image"] for name, service in containers.items()} == {
        name: service["image"] for name, service in services.items()
    }


def test_every_pinned_action_is_used(workflows):
    used = {step["uses"].split("@")[0] for path in workflows for _, step in steps(path.read_text()) if "uses" in step}
    assert used == set(PINS)
