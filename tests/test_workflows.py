"""Promise: every emitted workflow is safe by the field's linters, and by the rules that none of them checks."""

import functools
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.combinations import LANGUAGES, LOGINS, ROOT, covering_rows, label, platforms
from tests.tools import tool
from tests.updates import git

BIN = Path(sys.executable).parent
PINS = yaml.safe_load((ROOT / "facts/actions.yml").read_text())
# The actions that exchange GitHub's token for credentials of a cloud.
CLOUDS = {
    login["steps"][0]["uses"]
    for login in yaml.safe_load((ROOT / "facts/logins.yml").read_text()).values()
    if login["permissions"]
}
TOOLS = yaml.safe_load((ROOT / "facts/tools.yml").read_text())
BUILDS = "docker/build-push-action"
OWN = sorted((ROOT / ".github/workflows").iterdir())
# actionlint 1.7.12 does not know this syntax yet; docs/pipeline.md of an emitted repository documents it.
SILENCED = ['unexpected key "queue" for "concurrency" section']

Workflow = dict
Rule = Callable[[str], Iterator[str]]


@pytest.fixture(scope="module")
def workflows(render) -> list[Path]:
    """Return one file for each distinct workflow among those of all combinations, and the template's own."""
    found: dict[str, Path] = {}
    for answers in covering_rows():
        emitted = sorted((render(**answers) / ".github/workflows").iterdir())
        names = {"pipeline.yml", "remove-preview.yml", "rollback.yml", "template-update.yml"}
        names |= {"codeql.yml"} if answers["repository"] == "public" else set()
        names |= {"image-scan.yml"} if platforms()[answers["platform"]]["ships"] == "image" else set()
        assert {path.name for path in emitted} == names, label(answers)
        for path in emitted:
            found.setdefault(path.read_text(), path)
    return [*found.values(), *OWN]


@pytest.fixture(scope="module")
def fullest(render) -> Path:
    """Return a project that uses everything a workflow can contain."""
    return render(
        language="node", services=["postgres", "redis", "external-api"], repository="public", cluster_login="eks"
    )


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "PATH": f"{BIN}:{os.environ['PATH']}"}
    return subprocess.run([*command], capture_output=True, text=True, timeout=300, env=environment)


def actionlint(*files: Path) -> subprocess.CompletedProcess[str]:
    silenced = [part for pattern in SILENCED for part in ("-ignore", pattern)]
    return run(tool("actionlint"), "-shellcheck", BIN / "shellcheck", *silenced, *files)


def zizmor(*files: Path) -> subprocess.CompletedProcess[str]:
    return run(BIN / "zizmor", "--offline", "--no-progress", "--persona=auditor", *files)


def schema(*files: Path) -> subprocess.CompletedProcess[str]:
    return run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)


LINTERS = [actionlint, zizmor, schema]


def test_every_workflow_that_differs_is_under_test(workflows):
    pipelines = {
        (
            answers["language"],
            answers["platform"],
            frozenset(answers["services"]) - {"external-api"},
            answers["repository"],
            answers.get("cluster_login"),
        )
        for answers in covering_rows()
    }
    assert Counter(path.name for path in workflows) == {
        "pipeline.yml": len(pipelines),
        "codeql.yml": len(LANGUAGES),
        "image-scan.yml": sum(platform["ships"] == "image" for platform in platforms().values()),
        "remove-preview.yml": len(platforms()) + len(LOGINS) - 1,
        "rollback.yml": len(platforms()) + len(LOGINS) - 1,
        "template-update.yml": 1,
        "tests.yml": 1,
        "release.yml": 1,
    }


@pytest.mark.parametrize("linter", LINTERS)
def test_linters_find_nothing(linter, workflows):
    done = linter(*workflows)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_documented_actionlint_command_passes(emit):
    project = emit(language="go", repository="public")
    git(project, "init", "--quiet")
    command = re.search(r"`actionlint (-ignore [^`]+)`", (project / "docs/pipeline.md").read_text())[1]
    done = subprocess.run(
        [tool("actionlint"), *shlex.split(command)], cwd=project, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout


def test_every_ignored_finding_has_its_reason(fullest):
    """One of actionlint's, because it does not know the syntax yet; two of zizmor's, each with its reason."""
    for path in (fullest / ".github/workflows").iterdir():
        for line in path.read_text().splitlines():
            if "zizmor: ignore" in line:
                assert re.search(r"# zizmor: ignore\[unpinned-images\] \w+", line), line


def test_the_pins_have_one_owner(fullest):
    """Updates of the template change them: if Dependabot changed the same lines, each release would conflict.

    Dependabot names an action owner/repository, without its path: `build_github_dependency` in dependabot-core,
    github_actions/lib/dependabot/github_actions/file_parser.rb.
    """
    updates = yaml.safe_load((fullest / ".github/dependabot.yml").read_text())["updates"]
    [entry] = [update for update in updates if update["package-ecosystem"] == "github-actions"]
    used = {
        "/".join(step["uses"].split("@")[0].split("/")[:2])
        for path in (fullest / ".github/workflows").iterdir()
        for _, step in steps(path.read_text())
        if "uses" in step
    }
    ignored = {rule["dependency-name"] for rule in entry["ignore"]}
    assert used <= ignored <= {"/".join(name.split("/")[:2]) for name in PINS}
    assert entry["ignore"] == [{"dependency-name": name} for name in sorted(ignored)], "all versions are ignored"


def test_dependabot_is_as_careful(render):
    files = {(path := render(**answers) / ".github/dependabot.yml").read_text(): path for answers in covering_rows()}
    assert len(files) == 2 * len(LANGUAGES)  # with and without the packages of Railway's configuration
    done = zizmor(*files.values(), ROOT / ".github/dependabot.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lines_for_renovate_are_valid(fullest, tmp_path):
    config = tmp_path / "renovate.json"
    config.write_text(re.search(r"```json\n(.*?)```", (fullest / "docs/pipeline.md").read_text(), re.DOTALL)[1])
    done = run(BIN / "check-jsonschema", "--builtin-schema", "vendor.renovate", config)
    assert done.returncode == 0, done.stdout


# The rules that no linter checks: each yields what is wrong with a workflow's text


@functools.cache
def jobs(text: str) -> dict[str, dict]:
    return yaml.safe_load(text)["jobs"]


def steps(text: str) -> Iterator[tuple[str, dict]]:
    for name, job in jobs(text).items():
        for step in job["steps"]:
            yield name, step


def environments(text: str) -> dict[str, dict]:
    return {name: job for name, job in jobs(text).items() if "environment" in job}


def releases(text: str) -> dict[str, dict]:
    """Return the jobs that release to an environment: all that name one but those that only take its secrets."""
    return {name: job for name, job in environments(text).items() if name in ("staging", "production")}


def triggers(text: str) -> dict:
    return yaml.safe_load(text)[True]  # YAML 1.1 reads `on` as a truth value


def every_job_ends(text: str) -> Iterator[str]:
    for name, job in jobs(text).items():
        if not 0 < job.get("timeout-minutes", 0) <= 60:
            yield f"{name} has no timeout of an hour or less"


def runners_are_pinned(text: str) -> Iterator[str]:
    for name, job in jobs(text).items():
        if not re.fullmatch(r"[a-z]+-\d+\.\d+", job["runs-on"]):
            yield f"{name} runs on {job['runs-on']}"


def nothing_runs_with_more_rights_than_its_code(text: str) -> Iterator[str]:
    known = {"pull_request", "merge_group", "push", "schedule", "workflow_dispatch"}
    for event in set(triggers(text)) - known:
        yield f"it is started by {event}"


def changes_its_environment(job: dict) -> bool:
    """Tell whether a job deploys to its environment; others only wait for its reviewers or read its secrets."""
    return any(re.search(r"scripts/(deploy|rollback|preview)\b", step.get("run", "")) for step in job["steps"])


def deploys_are_never_cancelled(text: str) -> Iterator[str]:
    for name, job in environments(text).items():
        environment = job["environment"]["name"]
        if not changes_its_environment(job):
            continue
        lock = {"group": f"deploy-{environment}", "cancel-in-progress": False, "queue": "max"}
        if job.get("concurrency") != lock:
            yield f"{name} can overlap with another deploy, be cancelled by it or lose its place in the queue"
    cancels = yaml.safe_load(text).get("concurrency", {}).get("cancel-in-progress", False)
    if cancels not in (False, "${{ github.event_name == 'pull_request' }}"):
        yield "a run on main can be cancelled"


def approval_precedes_the_lock(text: str) -> Iterator[str]:
    """Find a lock that a job holds while it waits for its reviewers.

    GitHub does not connect the two (docs.github.com, "Deploying with GitHub Actions") and counts the waiting job as in
    progress: hypothesis/lms#4533, dotnet/docs#28144, vstorm-co/agenticos#1832.
    """
    for name, job in environments(text).items():
        is_production = job["environment"]["name"] in ("production", "${{ inputs.environment }}")
        if not (is_production and changes_its_environment(job)):
            continue
        needs = [job.get("needs", [])] if isinstance(job.get("needs"), str) else job.get("needs", [])
        gates = [jobs(text)[need] for need in needs if need == "approval"]
        if [gate.get("environment") for gate in gates] != [{"name": "production-approval"}]:
            yield f"{name} waits for no approval in an environment of its own"
        if any("concurrency" in gate for gate in gates):
            yield f"the approval of {name} holds a lock while it waits"


def superseded_pull_requests_are_cancelled(text: str) -> Iterator[str]:
    if "pull_request" not in triggers(text) or "types" in triggers(text)["pull_request"]:
        return
    lock = yaml.safe_load(text).get("concurrency", {})
    if not lock.get("group", "").endswith("-${{ github.event.pull_request.number || github.sha }}"):
        yield "its runs for one pull request are not one group"
    if lock.get("cancel-in-progress") != "${{ github.event_name == 'pull_request' }}":
        yield "it goes on when there is a newer push"


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
            known = PINS.get(step["uses"].split("@")[0], {"inputs": []})["inputs"]
            for unknown in set(step.get("with", {})) - set(known):
                yield f"{name}: {step['uses']} has no input {unknown}"


# Without these inputs, actions install the newest release or a tag that moves. anchore/scan-action brings its Grype.
INSTALLED = {
    "astral-sh/setup-uv": {"version": TOOLS["uv"]},
    "docker/setup-buildx-action": {"driver-opts": f"image=moby/buildkit:{TOOLS['buildkit']}"},
}


def tools_are_those_of_the_pins_file(text: str) -> Iterator[str]:
    for name, step in steps(text):
        installed = INSTALLED.get(step.get("uses", "").split("@")[0], {})
        if not installed.items() <= step.get("with", {}).items():
            yield f"{name}: {step['uses']} installs {step.get('with')}, which differs from facts/tools.yml"


# What a job may write, and why: everything else only reads.
WRITES = {
    # Pushes the image of a pull request, or comments with its address; and logs in to the cluster.
    "preview": {"packages", "pull-requests", "id-token"},
    **{name: {"id-token"} for name in ("staging", "production", "rollback", "remove")},  # log in to the cluster
    "image": {"packages"},  # pushes the image of main
    "attest": {"packages", "id-token", "attestations", "artifact-metadata"},
    "analyze": {"security-events"},  # reports what CodeQL finds
    "release": {"contents"},  # the template's own releases
}


def permissions_are_the_least(text: str) -> Iterator[str]:
    if yaml.safe_load(text)["permissions"] != {}:
        yield "every job has permissions"
    for name, job in jobs(text).items():
        written = {scope for scope, level in job.get("permissions", {"all": "write"}).items() if level != "read"}
        for scope in written - WRITES.get(name, set()):
            yield f"{name} can write {scope}"
    for line in re.findall(r"^      [a-z-]+: (?:read|write)\b.*$", text, re.MULTILINE):
        if " # " not in line:
            yield f"{line.strip()} has no reason"


def cloud_steps(job: dict) -> list[dict]:
    return [step for step in job["steps"] if step.get("uses", "").split("@")[0] in CLOUDS]


def tokens_of_github_are_for_logins(text: str) -> Iterator[str]:
    for name, job in jobs(text).items():
        logins = cloud_steps(job)
        has_token = job.get("permissions", {}).get("id-token") == "write"
        if has_token and not logins and name != "attest":
            yield f"{name} can get tokens of GitHub that it does not use"
        if logins and not has_token:
            yield f"{name} logs in without the permission"
        if logins and "environment" not in job:
            yield f"{name} logs in without an environment, which the subject of its token has to name"
        if any("secrets." in str(step["with"]) for step in logins):
            yield f"{name} logs in with stored credentials"
        named = [step["name"] for step in job["steps"]]
        for step in logins:
            place = named.index(step["name"])
            around = (named[place - 1], named[place + 1])
            if around != ("Check the variables of the cluster", "Set the cluster credentials"):
                yield f"{name} logs in between {around}"


def what_can_sign_runs_no_code_of_the_repository(text: str) -> Iterator[str]:
    """Find code of the repository that could sign an image and store the signature, as what scripts/verify accepts.

    A job that logs in to the cluster can sign, but not store. The signature of a pull request is not that of main.
    """
    for name, job in jobs(text).items():
        permissions = job.get("permissions", {})
        stores = "write" in (permissions.get("packages"), permissions.get("attestations"))
        is_of_pull_request = "github.event_name == 'pull_request'" in job.get("if", "")
        if cloud_steps(job) and (is_of_pull_request or not stores):
            continue
        if "id-token" in permissions:
            for step in job["steps"]:
                if step.get("uses", "").startswith(("actions/checkout", BUILDS)):
                    yield f"{name} checks out or builds with the right to sign"


def credentials_do_not_persist(text: str) -> Iterator[str]:
    for name, step in steps(text):
        if (
            step.get("uses", "").startswith("actions/checkout@")
            and step["with"].get("persist-credentials") is not False
        ):
            yield f"{name} leaves its token on the disk"


def commands_take_values_from_the_environment_only(text: str) -> Iterator[str]:
    for name, step in steps(text):
        if "${{" in step.get("run", ""):
            yield f"{name} puts an expression into a command"


def secrets_are_in_jobs_with_an_environment(text: str) -> Iterator[str]:
    for name, job in jobs(text).items():
        if "secrets." in yaml.safe_dump(job) and name not in environments(text):
            yield f"{name} reads secrets without an environment"


PUSHED = "${{ github.event_name == 'push'"


def pull_requests_that_reach_secrets_are_from_this_repository(text: str) -> Iterator[str]:
    for name, job in environments(text).items():
        condition = job.get("if", "")
        if "pull_request" not in triggers(text) or condition.startswith((f"{PUSHED} }}}}", f"{PUSHED} &&")):
            continue
        if "github.event.pull_request.head.repo.full_name == github.repository" not in condition:
            yield f"{name} asks for secrets in pull requests of forks"


GENERAL: list[Rule] = [
    every_job_ends,
    runners_are_pinned,
    nothing_runs_with_more_rights_than_its_code,
    deploys_are_never_cancelled,
    approval_precedes_the_lock,
    superseded_pull_requests_are_cancelled,
    actions_are_those_of_the_pins_file,
    inputs_exist,
    tools_are_those_of_the_pins_file,
    permissions_are_the_least,
    tokens_of_github_are_for_logins,
    what_can_sign_runs_no_code_of_the_repository,
    credentials_do_not_persist,
    commands_take_values_from_the_environment_only,
    secrets_are_in_jobs_with_an_environment,
    pull_requests_that_reach_secrets_are_from_this_repository,
]


@pytest.mark.parametrize("rule", GENERAL)
def test_rules_hold(rule, workflows):
    assert not [f"{path}: {problem}" for path in workflows for problem in rule(path.read_text())]


# The rules of pipeline.yml


def ships_image(text: str) -> bool:
    """Tell whether a release names an image; else the platform builds the commit."""
    return "image" in jobs(text)


def image_is_named_by_digest_once_it_is_built(text: str) -> Iterator[str]:
    pushed = [name for name, step in steps(text) if step.get("with", {}).get("push")]
    if pushed != (["preview", "image"] if ships_image(text) else []):
        yield f"images are pushed by {pushed}"
    for name, step in steps(text):
        command = step.get("run", "")
        if re.search(r"ghcr\.io/[\w./-]+(?!@\$DIGEST)[\w:@$]*[:]", command):
            yield f"{name} names the image by a tag"
        if re.match(r"scripts/(deploy|verify|preview up) ", command) and ('@$DIGEST"' in command) != ships_image(text):
            yield f"{name} does not take the image by its digest"
        expected = "${{ steps.push.outputs.digest }}" if name == "preview" else "${{ needs.image.outputs.digest }}"
        if step.get("env", {}).get("DIGEST", expected) != expected:
            yield f"{name} takes another digest than the one that was built"
        subject = step.get("with", {}).get("subject-digest", expected)
        if subject != expected:
            yield f"{name} attests another digest than the one that was built"
    scanned = [
        step["with"]["image"] for name, step in steps(text) if name == "scan" and "image" in step.get("with", {})
    ]
    if ships_image(text) and (len(scanned) != 1 or not scanned[0].endswith("@${{ needs.image.outputs.digest }}")):
        yield f"what is scanned is {scanned}"
    if set(releases(text)) != {"staging", "production"}:
        yield "nothing is deployed"


def vulnerabilities_stop_it(text: str) -> Iterator[str]:
    scans = {
        name: step["with"] for name, step in steps(text) if step.get("uses", "").startswith("anchore/scan-action@")
    }
    if set(scans) != ({"image-check", "scan"} if ships_image(text) else {"image-check"}):
        yield f"images are scanned by {set(scans)}"
    for name, given in scans.items():
        if given.get("severity-cutoff") != "high" or not given.get("fail-build", True) or not given.get("only-fixed"):
            yield f"{name} scans with {given}"
        if "write" in jobs(text)[name]["permissions"].values():
            yield f"{name} gives the scanner a right to write"
        if "secrets." in yaml.safe_dump(jobs(text)[name]):
            yield f"{name} gives the scanner a secret"
        # Without an ignored vulnerability's entry, main would refuse what the pull request passed.
        checkouts = [step["with"] for step in jobs(text)[name]["steps"] if "actions/checkout@" in step.get("uses", "")]
        if not any(given.get("sparse-checkout", ".grype.yaml") == ".grype.yaml" for given in checkouts):
            yield f"{name} scans without .grype.yaml"


def stages_are_in_order(text: str) -> Iterator[str]:
    def before(name: str) -> set[str]:
        needs = jobs(text)[name].get("needs", [])
        direct = {needs} if isinstance(needs, str) else set(needs)
        return direct | {earlier for job in direct for earlier in before(job)}

    attested = ["attest"] if "attest" in jobs(text) else []
    image = ["image", "scan", *attested] if ships_image(text) else []
    order = ["check", "integration", *image, "staging", "approval", "production"]
    for number, name in enumerate(order):
        if not set(order[:number]) <= before(name):
            yield f"{name} does not wait for {set(order[:number]) - before(name)}"
    if not {"check", "integration", "image-check"} <= before("preview"):
        yield "the preview does not wait for every check"
    reviewed = ["dependencies"] if "dependencies" in jobs(text) else []
    if jobs(text)["mergeable"]["needs"] != ["check", "readiness", "changes", "integration", "image-check", *reviewed]:
        yield "a pull request is ready to merge before every check has ended"
    if jobs(text)["mergeable"]["if"] != "${{ always() && github.event_name != 'push' }}":
        yield "the required check can be skipped"
    if jobs(text)["check"]["strategy"]["matrix"] != {"check": ["lint", "typecheck", "test"]} or before("check"):
        yield "the fast checks are not the first, side by side"
    verbs = [step["run"].split()[1] for name, step in steps(text) if step.get("run", "").startswith("make ")]
    if verbs != ["setup", '"$CHECK"', "readiness", "setup", "integration"]:
        yield f"the checks are {verbs}"
    for name in (*image[:1], "staging", "production"):
        if jobs(text)[name].get("if") != "${{ github.event_name == 'push' }}":
            yield f"{name} runs for pull requests"
    if jobs(text)["approval"]["if"] != f"{PUSHED} && !needs.staging.outputs.newer }}}}":
        yield "an approval is requested for a commit that staging skipped"


def every_architecture_is_built_scanned_and_attested(text: str) -> Iterator[str]:
    if not ships_image(text):
        return
    pushed = {name: step["with"].get("platforms", "") for name, step in steps(text) if step.get("with", {}).get("push")}
    if len(set(pushed.values())) > 1:
        yield f"the preview and the released image differ: {pushed}"
    built = [platform.removeprefix("linux/") for platform in pushed["image"].split(",") if platform]
    scan = jobs(text)["scan"]
    scanned = scan.get("strategy", {}).get("matrix", {}).get("architecture", [])
    platform = scan["steps"][-1].get("env", {}).get("GRYPE_PLATFORM", "")
    if scanned != built or platform != ("linux/${{ matrix.architecture }}" if built else ""):
        yield f"built for {built}, scanned for {scanned} as {platform!r}"
    attested = [step["with"]["sbom-path"] for _, step in steps(text) if "sbom-path" in step.get("with", {})]
    expected = [f"sbom-{architecture}.spdx.json" for architecture in built] or ["sbom.spdx.json"]
    if "attest" in jobs(text) and attested != expected:
        yield f"built for {built}, attested with {attested}"


CHANGING = ("deploy", "rollback")
IN_ORDER = "${{ !steps.order.outputs.newer }}"
UNFINISHED = (
    "${{ (cancelled() || failure()) && (steps.deploy.outcome == 'cancelled' || steps.deploy.outcome == 'failure') }}"
)


def releases_are_verified_tested_and_undone(text: str) -> Iterator[str]:
    verified = ["verify"] if ships_image(text) else []
    undone = ["rollback"] if "Set the cluster credentials" in text else []
    expected = [*verified, "deploy", *undone, "smoke", "rollback"]
    for name, job in releases(text).items():
        if job["environment"]["name"] != name or job["env"] != {"ENVIRONMENT": name}:
            yield f"{name} releases to {job['environment']['name']} with {job['env']}"
        ran = [step for step in job["steps"] if step.get("run", "").removeprefix("exec ").startswith("scripts/")]
        commands = [step["run"].removeprefix("exec ").split() for step in ran]
        if [command[0] for command in commands] != [f"scripts/{script}" for script in expected]:
            yield f"{name} runs {commands}"
            continue
        conditions = [step.get("if") for step in ran if "--unfinished" not in step["run"]]
        failed = "${{ !success() && steps.deploy.outcome == 'success' }}"
        if conditions != [*[IN_ORDER] * (len(expected) - 1 - len(undone)), failed]:
            yield f"{name} runs its steps under {conditions}"
        named = [command[2 if "--unfinished" in command else 1] for command in commands]
        if any(named[place] != '"$ENVIRONMENT"' for place, script in enumerate(expected) if script in CHANGING):
            yield f"{name} deploys one environment and rolls back another"
        # A cancelled run signals only the first process of the step.
        if not ran[expected.index("deploy")]["run"].startswith("exec "):
            yield f"{name} runs scripts/deploy in a shell that a cancelled run kills alone"
        if undone and ran[len(verified) + 1].get("if") != UNFINISHED:
            yield f"{name} undoes an unfinished release under {ran[len(verified) + 1].get('if')}"
        if '"$GITHUB_SHA"' not in ran[-2]["run"]:
            yield f"{name} tests a release without its version"
        named = [step["name"] for step in job["steps"]]
        if job["steps"][1].get("id") != "order" or '"newer=$live"' not in job["steps"][1]["run"]:
            yield f"{name} can replace a newer commit"
        if (named[-1], job["steps"][-1].get("if")) != ("Summary", "${{ always() }}"):
            yield f"{name} does not summarize every release"


def caches_of_main_are_written_by_main_only(text: str) -> Iterator[str]:
    for name, step in steps(text):
        if "cache-to" in step.get("with", {}) and jobs(text)[name].get("if") != "${{ github.event_name == 'push' }}":
            yield f"{name} writes a cache in pull requests"


@pytest.mark.parametrize("strategy", ["rolling", "blue-green", "canary"])
def test_a_release_on_kubernetes_ends_before_its_job(render, strategy):
    """With time to revert: GitHub cancels a job at its timeout, and what is left is undone within five minutes."""
    project = render(language="go", services=["postgres"], strategy=strategy)
    deploy = (project / "scripts/deploy").read_text()
    rollout = re.search(r"^rollout_seconds=(\d+)$", (project / "scripts/lib/workload.sh").read_text(), re.MULTILINE)[1]
    jobs_seconds = re.findall(r"^await_job \S+ (\d+) ", deploy, re.MULTILINE)
    assert len(jobs_seconds) == (2 if strategy == "rolling" else 1)
    longest = sum(map(int, [rollout, *jobs_seconds]))
    for name, job in releases((project / ".github/workflows/pipeline.yml").read_text()).items():
        assert longest + 600 <= 60 * job["timeout-minutes"], name


PIPELINE: list[Rule] = [
    image_is_named_by_digest_once_it_is_built,
    vulnerabilities_stop_it,
    every_architecture_is_built_scanned_and_attested,
    stages_are_in_order,
    releases_are_verified_tested_and_undone,
    caches_of_main_are_written_by_main_only,
]


@pytest.mark.parametrize("rule", PIPELINE)
def test_rules_of_the_pipeline_hold(rule, workflows):
    pipelines = [path for path in workflows if path.name == "pipeline.yml"]
    assert pipelines
    assert not [f"{path}: {problem}" for path in pipelines for problem in rule(path.read_text())]


PUSH_ONLY = "    if: ${{ github.event_name == 'push' }}\n"
ALWAYS = "    if: ${{ always() && github.event_name != 'push' }}\n"
MUTATIONS = [
    (every_job_ends, "    timeout-minutes: 60 # scripts/deploy ends earlier\n", ""),
    (every_job_ends, "timeout-minutes: 30", "timeout-minutes: 360"),
    (runners_are_pinned, "ubuntu-24.04", "ubuntu-latest"),
    (nothing_runs_with_more_rights_than_its_code, "  pull_request:\n", "  pull_request_target:\n"),
    (deploys_are_never_cancelled, "cancel-in-progress: false", "cancel-in-progress: true"),
    (deploys_are_never_cancelled, "      queue: max\n", ""),
    (deploys_are_never_cancelled, "group: deploy-production", "group: deploy-staging"),
    (deploys_are_never_cancelled, "group: deploy-preview", "group: preview"),
    (deploys_are_never_cancelled, "${{ github.event_name == 'pull_request' }}\n\ndefaults", "true\n\ndefaults"),
    (approval_precedes_the_lock, "    needs: [image, attest, approval]\n", "    needs: [image, attest, staging]\n"),
    (approval_precedes_the_lock, "      name: production-approval\n", "      name: production\n"),
    (
        approval_precedes_the_lock,
        "      name: production-approval\n",
        "      name: production-approval\n    concurrency: deploy-production\n",
    ),
    (
        superseded_pull_requests_are_cancelled,
        "${{ github.event_name == 'pull_request' }}\n\ndefaults",
        "false\n\ndefaults",
    ),
    (superseded_pull_requests_are_cancelled, "github.event.pull_request.number || github.sha", "github.sha"),
    (actions_are_those_of_the_pins_file, PINS["actions/checkout"]["version"], "v1.0.0"),
    (actions_are_those_of_the_pins_file, PINS[BUILDS]["commit"], "a" * 40),
    (actions_are_those_of_the_pins_file, "docker/login-action", "acme/login-action"),
    (inputs_exist, "persist-credentials", "persist-credential"),
    (inputs_exist, "build-args", "build-arguments"),
    (inputs_exist, "severity-cutoff", "severity"),
    (tools_are_those_of_the_pins_file, f"          version: {TOOLS['uv']}\n", ""),
    (tools_are_those_of_the_pins_file, f"buildkit:{TOOLS['buildkit']}", "buildkit:latest"),
    (permissions_are_the_least, "permissions: {}\n\n", "permissions: {contents: read}\n\n"),
    (permissions_are_the_least, "contents: read # check out", "contents: write # check out"),
    (permissions_are_the_least, "packages: read # pull the image", "packages: write # pull the image"),
    (permissions_are_the_least, "contents: read # check out", "contents: read"),
    (permissions_are_the_least, "    permissions:\n      contents: read # check out\n    strategy", "    strategy"),
    (
        what_can_sign_runs_no_code_of_the_repository,
        "      packages: write # push the image to ghcr.io\n    outputs",
        "      id-token: write # sign\n    outputs",
    ),
    (what_can_sign_runs_no_code_of_the_repository, "attestations: read # verify", "attestations: write # verify"),
    (
        tokens_of_github_are_for_logins,
        "      contents: read # check out\n    strategy",
        "      contents: read # check out\n      id-token: write # log in\n    strategy",
    ),
    (tokens_of_github_are_for_logins, "      id-token: write # log in to the cluster as this environment\n", ""),
    (
        tokens_of_github_are_for_logins,
        "    environment:\n      name: staging\n      url: ${{ vars.URL }}\n",
        "",
    ),
    (
        tokens_of_github_are_for_logins,
        "role-to-assume: ${{ vars.AWS_ROLE }}",
        "aws-secret-access-key: ${{ secrets.KEY }}",
    ),
    (tokens_of_github_are_for_logins, "      - *variables\n", ""),
    (
        actions_are_those_of_the_pins_file,
        "uses: aws-actions/configure-aws-credentials@",
        "uses: aws-actions/configure-aws-credentials@v6 #",
    ),
    (credentials_do_not_persist, "persist-credentials: false", "persist-credentials: true"),
    (commands_take_values_from_the_environment_only, '"$URL" "$GITHUB_SHA"', '"$URL" "${{ github.sha }}"'),
    (secrets_are_in_jobs_with_an_environment, "${{ github.token }}", "${{ secrets.TOKEN }}"),
    (
        pull_requests_that_reach_secrets_are_from_this_repository,
        "      && github.event.pull_request.head.repo.full_name == github.repository\n",
        "",
    ),
    (image_is_named_by_digest_once_it_is_built, '@$DIGEST"', ':$GITHUB_SHA"'),
    (
        image_is_named_by_digest_once_it_is_built,
        "DIGEST: ${{ needs.image.outputs.digest }}",
        "DIGEST: ${{ github.sha }}",
    ),
    (image_is_named_by_digest_once_it_is_built, "subject-digest: ${{ needs.image", "subject-digest: ${{ needs.scan"),
    (image_is_named_by_digest_once_it_is_built, "@${{ needs.image.outputs.digest }}", ":${{ github.sha }}"),
    (image_is_named_by_digest_once_it_is_built, "          load: true\n", "          push: true\n"),
    (vulnerabilities_stop_it, "severity-cutoff: high", "severity-cutoff: critical"),
    (vulnerabilities_stop_it, "severity-cutoff: high", "severity-cutoff: high\n          fail-build: false"),
    (vulnerabilities_stop_it, "sparse-checkout: .grype.yaml", "sparse-checkout: docs"),
    (vulnerabilities_stop_it, "packages: read # pull the image", "packages: write # pull the image"),
    (every_architecture_is_built_scanned_and_attested, "architecture: [amd64, arm64]", "architecture: [amd64]"),
    (every_architecture_is_built_scanned_and_attested, "          GRYPE_PLATFORM:", "          PLATFORM:"),
    (every_architecture_is_built_scanned_and_attested, "sbom-path: sbom-arm64", "sbom-path: sbom-amd64"),
    (
        every_architecture_is_built_scanned_and_attested,
        "platforms: linux/amd64,linux/arm64\n          tags: ghcr.io/example/my-service:pull",
        "tags: ghcr.io/example/my-service:pull",
    ),
    (stages_are_in_order, "    needs: [check, changes]\n", "    needs: changes\n"),
    (stages_are_in_order, "    needs: [image, scan]\n", "    needs: image\n"),
    (stages_are_in_order, "    needs: [image, attest]\n", "    needs: image\n"),
    (stages_are_in_order, "    needs: staging\n", "    needs: [image, attest]\n"),
    (stages_are_in_order, "    needs: [integration, image-check]\n", "    needs: integration\n"),
    (
        stages_are_in_order,
        "[check, readiness, changes, integration, image-check, dependencies]",
        "[check, readiness, changes, integration, image-check]",
    ),
    (stages_are_in_order, ALWAYS, "    if: ${{ github.event_name != 'push' }}\n"),
    (stages_are_in_order, "check: [lint, typecheck, test]", "check: [lint, test]"),
    (stages_are_in_order, "make integration", "make build"),
    (stages_are_in_order, f"{PUSH_ONLY}    needs: integration", "    needs: integration"),
    (releases_are_verified_tested_and_undone, "steps.deploy.outcome == 'success'", "true"),
    (releases_are_verified_tested_and_undone, 'run: scripts/rollback "$ENVIRONMENT"', "run: scripts/rollback staging"),
    (releases_are_verified_tested_and_undone, "run: exec scripts/deploy", "run: scripts/deploy"),
    (releases_are_verified_tested_and_undone, "(cancelled() || failure())", "failure()"),
    (releases_are_verified_tested_and_undone, 'scripts/rollback --unfinished "$ENVIRONMENT"', "echo"),
    (releases_are_verified_tested_and_undone, "ENVIRONMENT: production", "ENVIRONMENT: staging"),
    (releases_are_verified_tested_and_undone, "scripts/smoke", "true scripts/smoke"),
    (releases_are_verified_tested_and_undone, "scripts/verify", "true scripts/verify"),
    (releases_are_verified_tested_and_undone, '"newer=$live"', '"live=$live"'),
    (releases_are_verified_tested_and_undone, "        if: ${{ !steps.order.outputs.newer }}\n", ""),
    (stages_are_in_order, " && !needs.staging.outputs.newer", ""),
    (releases_are_verified_tested_and_undone, 'scripts/smoke "$URL" "$GITHUB_SHA"', 'scripts/smoke "$URL"'),
    (releases_are_verified_tested_and_undone, "if: ${{ always() }}", "if: ${{ success() }}"),
    (
        caches_of_main_are_written_by_main_only,
        "cache-from: type=gha\n",
        "cache-from: type=gha\n          cache-to: type=gha\n",
    ),
    (actionlint, "needs: integration\n", "needs: integrations\n"),
    (actionlint, 'tail -n 60 "$RUNNER_TEMP/tests.log"', "tail -n 60 $RUNNER_TEMP/tests.log"),
    (zizmor, "persist-credentials: false", "persist-credentials: true"),
    # In the steps that production repeats by an alias.
    (zizmor, 'scripts/rollback "$ENVIRONMENT"', "scripts/rollback ${{ github.head_ref }}"),
    (actionlint, "steps.deploy.outcome", "steps.deployed.outcome"),
    (zizmor, "packages: write # push the image to ghcr.io", "packages: write"),
    (schema, "runs-on:", "runs-at:"),
]


@pytest.mark.parametrize(("checker", "was", "becomes"), MUTATIONS)
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


def test_every_rule_has_its_mutation():
    assert {checker for checker, _, _ in MUTATIONS} == {*GENERAL, *PIPELINE, *LINTERS}


# What the workflows call


def test_what_the_steps_call_exists(render):
    for answers in covering_rows():
        project = render(**answers)
        makefile = (project / "Makefile").read_text()
        for path in (project / ".github/workflows").iterdir():
            for _, step in steps(path.read_text()):
                for verb in re.findall(r"^make (\w+)", step.get("run", "")):
                    assert f"\n{verb}:" in makefile
                for script in re.findall(r"\bscripts/[\w-]+", step.get("run", "")):
                    assert os.access(project / script, os.X_OK), script
                for name, value in step.get("with", {}).items():
                    if name.endswith("-file") or name == "cache-dependency-path":
                        assert list(project.glob(value)), f"{label(answers)}: {name}: {value}"


def test_the_environments_are_those_that_can_be_rolled_back(fullest):
    rollback = yaml.safe_load((fullest / ".github/workflows/rollback.yml").read_text())
    choices = rollback[True]["workflow_dispatch"]["inputs"]["environment"]["options"]
    assert choices == list(releases((fullest / ".github/workflows/pipeline.yml").read_text()))


def test_the_rules_of_main_ask_for_the_job_that_waits_for_all_others(fullest):
    name = jobs((fullest / ".github/workflows/pipeline.yml").read_text())["mergeable"]["name"]
    assert f'"context": "{name}"' in (fullest / "scripts/setup-github").read_text()


def test_integration_tests_run_against_the_servers_of_compose(fullest):
    services = yaml.safe_load((fullest / "compose.integration.yaml").read_text())["services"]
    containers = jobs((fullest / ".github/workflows/pipeline.yml").read_text())["integration"]["services"]
    assert {name: service["image"] for name, service in containers.items()} == {
        name: service["image"] for name, service in services.items()
    }


def test_every_pinned_action_is_used(workflows):
    used = {step["uses"].split("@")[0] for path in workflows for _, step in steps(path.read_text()) if "uses" in step}
    assert used == set(PINS)
