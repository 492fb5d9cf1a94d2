"""Promise: the steps of the emitted pipeline really work, and whatever fails stops it at its own stage."""

import functools
import http.server
import json
import os
import shlex
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.combinations import LANGUAGES
from tests.expressions import condition, evaluate, interpolate
from tests.runner import Cancel, Job, load, run_job, run_workflow
from tests.test_project_checks import TOOLCHAINS
from tests.updates import commit_all, git

NOT_RELEASED_YET = "http://127.0.0.1:1"  # nothing listens there
DIGEST = "sha256:" + "d" * 64
IMAGE = f"ghcr.io/example/my-service@{DIGEST}"
PUSH = "docker/build-push-action"
SCAN = "anchore/scan-action"
TOKEN = "t" * 20
KUBECONFIG = "apiVersion: v1\nkind: Config"

by_language = pytest.mark.parametrize(
    "language", [pytest.param(language, marks=pytest.mark.needs(TOOLCHAINS[language])) for language in LANGUAGES]
)


def executable(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)


class Service(http.server.BaseHTTPRequestHandler):
    """What a released service answers: its version, and whether it is healthy."""

    version = ""
    well = True

    def do_GET(self) -> None:
        if self.path == "/health/detailed" and self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.answer(401, {})
        return self.answer(
            200 if self.well else 503, {"status": "ok" if self.well else "degraded", "version": self.version}
        )

    def answer(self, status: int, body: dict) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


class Scene:
    """A repository on GitHub with its environments, where only the platform, gh and docker are stand-ins."""

    def __init__(
        self, project: Path, folder: Path, addresses: dict[str, str], services: dict[str, type[Service]]
    ) -> None:
        self.project = project
        self.folder = folder
        self.services = services
        self.calls = folder / "calls"
        self.calls.touch()
        self.bin = folder / "bin"
        self.path = f"{self.bin}:{os.environ['PATH']}"
        self.variables = {name: {"URL": address} for name, address in addresses.items()}
        secrets = {"KUBECONFIG": KUBECONFIG, "HEALTH_TOKEN": TOKEN}
        self.secrets = dict.fromkeys(addresses, secrets)
        commit_all(project, "Start")
        self.commit = self.head()
        self.replace("bin/make", "exit 0")
        for script in ("deploy", "rollback"):
            self.replace(f"scripts/{script}", f'echo "{script} $*" >>{shlex.quote(str(self.calls))}')

    def head(self) -> str:
        return git(self.project, "rev-parse", "HEAD").strip()

    def replace(self, name: str, script: str) -> None:
        """Put a stand-in in the place of one of the project's scripts, or of a command."""
        folder = self.folder if name.startswith("bin/") else self.project
        executable(folder / name, f"#!/bin/sh\n{script}\n")

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines()

    def push(self, cancel: Cancel | None = None, **stand_ins: object) -> dict[str, Job]:
        """Run the pipeline for a push of the present commit to main."""
        github = {"event_name": "push", "sha": self.commit, "repository": "example/my-service", "actor": "somebody"}
        event = {"before": "0" * 40}
        actions = {PUSH: lambda _: {"digest": DIGEST}, **stand_ins}
        return run_workflow(
            self.project,
            "pipeline.yml",
            {"github": {**github, "token": "token", "event": event}},
            self.folder / "run",
            secrets=self.secrets,
            variables=self.variables,
            path=self.path,
            environment={"SMOKE_SECONDS": "1"},
            stand_ins=actions,
            cancel=cancel,
        )


@pytest.fixture
def scene(emit: Callable[..., Path], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Return a project, public by default, with a running service for each environment."""
    repository = getattr(request, "param", "public")
    servers, services = {}, {}
    for environment in ("staging", "production"):
        services[environment] = type(environment, (Service,), {})
        servers[environment] = http.server.ThreadingHTTPServer(("127.0.0.1", 0), services[environment])
        threading.Thread(target=servers[environment].serve_forever, daemon=True).start()
    addresses = {name: f"http://127.0.0.1:{server.server_port}" for name, server in servers.items()}
    scene = Scene(emit(language="go", repository=repository), tmp_path, addresses, services)
    for environment in services:
        services[environment].version = scene.commit
    scene.replace("bin/gh", f'echo "gh $*" >>{shlex.quote(str(scene.calls))}')
    scene.replace("bin/docker", "true")
    yield scene
    for server in servers.values():
        server.shutdown()
        server.server_close()


def results(jobs: dict[str, Job]) -> dict[str, str]:
    return {name: job.result for name, job in jobs.items()}


# The checks, run for real on an emitted repository of each language

# Each check in one language: what the pipeline does with a failure does not depend on the language.
BROKEN = {
    ("node", "lint"): ("test/broken.ts", "export const   x =  1;\n"),
    ("node", "typecheck"): ("src/broken.ts", 'export const port: number = "none";\n'),
    ("go", "test"): (
        "internal/health/broken_test.go",
        'package health\n\nimport "testing"\n\nfunc TestBreaks(t *testing.T) {\n\tt.Fatal("broken")\n}\n',
    ),
    ("python", "integration"): ("tests/integration/test_broken.py", "def test_breaks() -> None:\n    assert not 1\n"),
}
AFTER_THE_CHECKS = ("image", "scan", "staging", "approval", "production")


CHECKS = ("lint", "typecheck", "test", "integration")


@pytest.fixture(scope="module")
def repository(render: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that emits a language's repository, once: what a test adds to it, the test takes away."""

    @functools.cache
    def emit(language: str) -> Path:
        project = tmp_path_factory.mktemp(language) / "my-service"
        shutil.copytree(render(language=language), project, symlinks=True)
        for script in ("verify", "deploy", "smoke", "check-readiness"):
            executable(project / "scripts" / script, "#!/bin/sh\n")
        commit_all(project, "Start")
        return project

    return emit


def run_checks(project: Path, folder: Path, checks: tuple[str, ...] = CHECKS) -> dict[str, Job]:
    """Run the pipeline of a push to main: some checks for real, the others and everything after them as stand-ins.

    The dependencies, which the same lock file names for every job, are installed by the first one.
    """
    make, installed = shutil.which("make"), project.parent / "installed"
    executable(
        folder / "bin/make",
        "#!/bin/sh -e\n"
        f'case "$1" in\nsetup) [ -e {installed} ] || {{ {make} setup; touch {installed}; }} ;;\n'
        f'{"|".join(checks)}) exec {make} "$@" ;;\nesac\n',
    )
    secrets = {name: {"KUBECONFIG": KUBECONFIG} for name in ("staging", "production")}
    variables = {name: {"URL": NOT_RELEASED_YET} for name in secrets}
    github = {
        "event_name": "push",
        "sha": git(project, "rev-parse", "HEAD").strip(),
        "token": "token",
        "actor": "somebody",
    }
    return run_workflow(
        project,
        "pipeline.yml",
        {"github": {**github, "event": {"before": "0" * 40}}},
        folder / "run",
        secrets=secrets,
        variables=variables,
        path=f"{folder / 'bin'}:{os.environ['PATH']}",
        stand_ins={PUSH: lambda _: {"digest": DIGEST}},
    )


@by_language
def test_an_unedited_repository_goes_all_the_way(repository, tmp_path, language):
    jobs = run_checks(repository(language), tmp_path)
    failed = {name: job.log() for name, job in jobs.items() if job.result == "failure"}
    assert not failed, "\n".join(failed.values())
    assert jobs["production"].result == "success"
    assert "cover" in jobs["integration"].summary.lower()
    for name in ("check (lint)", "check (typecheck)", "check (test)", "integration"):
        print(f"{language} {name}: " + ", ".join(f"{step} {time:.1f} s" for step, time in jobs[name].seconds.items()))


@pytest.mark.parametrize(
    ("language", "check"),
    [pytest.param(language, check, marks=pytest.mark.needs(TOOLCHAINS[language])) for language, check in BROKEN],
)
def test_a_failing_check_stops_the_pipeline_at_its_stage(repository, tmp_path, language, check):
    project = repository(language)
    name, content = BROKEN[language, check]
    (project / name).write_text(content)
    try:
        jobs = run_checks(project, tmp_path, (check,))
    finally:
        (project / name).unlink()
    if check == "integration":
        assert jobs["integration"].outcomes["All tests"] == "failure"
        assert "broken" in jobs["integration"].log().lower(), jobs["integration"].log()
    else:
        assert jobs[f"check ({check})"].outcomes["Check"] == "failure"
        assert "broken" in jobs[f"check ({check})"].log().lower(), jobs[f"check ({check})"].log()
        assert jobs["integration"].result == "skipped"
    assert {jobs[name].result for name in AFTER_THE_CHECKS} == {"skipped"}


def test_readiness_is_in_the_summary_and_fails_where_an_item_does(emit, tmp_path):
    project = emit(language="go", strategy="rolling")
    with (project / ".copier-answers.yml").open("a") as answers:
        answers.write("_commit: v1.0.0\n")
    # In the place of the release: the package of this working tree.
    executable(tmp_path / "bin/uvx", f'#!/bin/sh\nshift 4\nexec {sys.executable} -m readiness "$@"\n')
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    commit_all(project, "Start")
    job = load(project, "pipeline.yml")["jobs"]["readiness"]
    done = run_job(project, job, {"github": {}}, tmp_path / "good", path=path)
    assert done.result == "success", done.log()
    assert done.summary.startswith("### Production readiness\n")
    assert " 0 fail, " in done.summary
    (project / "Dockerfile").write_text((project / "Dockerfile").read_text().replace("USER 65532:65532", "USER root"))
    done = run_job(project, job, {"github": {}}, tmp_path / "broken", path=path)
    assert done.result == "failure"
    assert "| **fail** | `numeric-user` |" in done.summary


def test_what_is_not_ready_does_not_hold_up_the_checks_but_the_merge(scene):
    scene.replace("bin/make", '[ "$1" != readiness ]')
    scene.replace("bin/kubectl", "exit 0")
    change(scene, "internal/new.go")
    jobs = pull_request(scene)
    assert jobs["readiness"].result == jobs["mergeable"].result == "failure"
    assert jobs["integration"].result == jobs["preview"].result == "success"


# Release, smoke test and rollback


def test_a_release_reaches_staging_and_then_production_by_the_same_digest(scene):
    jobs = scene.push()
    assert set(results(jobs).values()) == {"success", "skipped"}, [job.log() for job in jobs.values()]
    assert [call for call in scene.called() if not call.startswith("gh ")] == [
        f"deploy staging {IMAGE}",
        f"deploy production {IMAGE}",
    ]
    assert f"production runs {scene.commit[:12]}" in jobs["production"].summary
    pull_request_only = {"image-check", "dependencies", "mergeable", "preview"}
    assert {name for name, job in jobs.items() if job.result == "skipped"} == pull_request_only


def test_what_the_attestation_has_to_say(scene):
    scene.push()
    statements = [call for call in scene.called() if call.startswith("gh ")]
    assert len(statements) == 4
    for call in statements:
        assert f"attestation verify oci://{IMAGE} --repo example/my-service" in call
        for option in (
            "--signer-workflow example/my-service/.github/workflows/pipeline.yml",
            "--source-ref refs/heads/main",
            f"--source-digest {scene.commit}",
            "--deny-self-hosted-runners",
        ):
            assert option in call
    kinds = [call.rsplit(" ", 1)[1] for call in statements]
    assert kinds == ["https://slsa.dev/provenance/v1", "https://spdx.dev/Document/v2.3"] * 2


@pytest.mark.parametrize("statement", ["provenance", "spdx"])
def test_a_missing_attestation_stops_the_release_before_anything_is_changed(scene, statement):
    scene.replace("bin/gh", f'case "$*" in *{statement}*) exit 1 ;; esac')
    jobs = scene.push()
    assert jobs["staging"].outcomes["Verify the image"] == "failure"
    assert jobs["staging"].outcomes["Deploy"] == jobs["staging"].outcomes["Roll back"] == "skipped"
    assert "nothing was changed" in jobs["staging"].summary
    assert jobs["production"].result == "skipped"
    assert scene.called() == []


def provenance(commit: str, source: str = "https://github.com/example/my-service", place: str = "slsa02") -> str:
    vcs = {"revision": commit, "source": source}
    if place == "slsa02":
        provenance = {"SLSA": {"metadata": {"https://mobyproject.org/buildkit@v1#metadata": {"vcs": vcs}}}}
    else:
        arguments = {f"vcs:{name}": value for name, value in vcs.items()}
        provenance = {
            "SLSA": {"buildDefinition": {"externalParameters": {"request": {"root": {"request": {"args": arguments}}}}}}
        }
    return json.dumps(provenance)


CONTENTS = json.dumps({"SPDX": {"SPDXID": "SPDXRef-DOCUMENT", "packages": [{"name": "my-service"}]}})


def inspected(scene: Scene, provenance: str, contents: str) -> None:
    """Let the stand-in of docker return the provenance and the SBOM of an image."""
    (scene.folder / "provenance.json").write_text(provenance)
    (scene.folder / "contents.json").write_text(contents)
    inspect = f"buildx imagetools inspect {IMAGE} --format"
    scene.replace(
        "bin/docker",
        f'case "$*" in\n'
        f'"{inspect} {{{{json .Provenance}}}}") cat {scene.folder}/provenance.json ;;\n'
        f'"{inspect} {{{{json .SBOM}}}}") cat {scene.folder}/contents.json ;;\n'
        "*) exit 1 ;;\nesac",
    )


needs_jq = pytest.mark.skipif(not shutil.which("jq"), reason="there is no jq")


@needs_jq
@pytest.mark.parametrize("scene", ["private"], indirect=True)
@pytest.mark.parametrize("place", ["slsa02", "arguments"])
def test_a_private_image_is_verified_by_what_it_carries(scene, place):
    inspected(scene, provenance(scene.commit, place=place), CONTENTS)
    jobs = scene.push()
    assert jobs["production"].result == "success", jobs["staging"].log()
    assert "attest" not in jobs


@needs_jq
@pytest.mark.parametrize("scene", ["private"], indirect=True)
@pytest.mark.parametrize(
    ("provenance", "contents"),
    [
        (provenance("0" * 40), CONTENTS),
        (provenance("COMMIT", source="https://github.com/somebody/else"), CONTENTS),
        ("{}", CONTENTS),
        ("null", CONTENTS),
        (provenance("COMMIT"), "null"),
        (provenance("COMMIT"), '{"SPDX": {"packages": []}}'),
    ],
    ids=["another commit", "another repository", "empty", "no provenance", "no contents", "empty contents"],
)
def test_a_private_image_with_another_provenance_is_not_released(scene, provenance, contents):
    inspected(scene, provenance.replace("COMMIT", scene.commit), contents)
    jobs = scene.push()
    assert jobs["staging"].outcomes["Verify the image"] == "failure"
    assert jobs["production"].result == "skipped"
    assert scene.called() == []


def test_a_vulnerability_stops_the_release(scene):
    jobs = scene.push(**{SCAN: lambda _: None})
    assert jobs["scan (amd64)"].result == jobs["scan (arm64)"].result == "failure"
    assert {jobs[name].result for name in ("attest", "staging", "production")} == {"skipped"}


def test_the_scan_is_of_what_was_built_and_fails_on_high_severity_that_can_be_mended(scene):
    requested = []
    scene.push(**{SCAN: lambda given: requested.append(given) or {}})
    given = {"image": IMAGE, "severity-cutoff": "high", "only-fixed": "true", "output-format": "table"}
    assert requested == [given, given]  # for each architecture


@pytest.mark.parametrize(("version", "found"), [("COMMIT", {}), ("COMMIT", None), ("1.2.3", {}), ("", {})])
def test_what_production_runs_is_scanned_each_week(scene, version, found):
    scene.services["production"].version = version.replace("COMMIT", scene.commit)
    requested = []
    jobs = run_workflow(
        scene.project,
        "image-scan.yml",
        {"github": {"actor": "somebody", "token": "token"}},
        scene.folder / "run",
        secrets=scene.secrets,
        variables=scene.variables,
        path=scene.path,
        stand_ins={SCAN: lambda given: requested.append(given["image"]) or found},
    )
    assert TOKEN not in jobs["live"].log()
    if version == "COMMIT":
        assert set(requested) == {f"ghcr.io/example/my-service:{scene.commit}"}
        assert jobs["scan (arm64)"].result == ("failure" if found is None else "success")
    else:
        assert "reports no commit" in jobs["live"].log()
        assert results(jobs) == {"live": "failure", "scan": "skipped"}


def test_a_deploy_that_fails_has_undone_itself_and_is_not_rolled_back_further(scene):
    scene.replace("scripts/deploy", "echo 'error: it does not come up' >&2; exit 1")
    jobs = scene.push()
    assert jobs["staging"].result == "failure"
    assert jobs["staging"].outcomes["Roll back"] == "skipped"
    assert "was not released to staging" in jobs["staging"].summary
    assert jobs["production"].result == "skipped"


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_release_that_is_not_well_is_rolled_back_and_the_job_is_red(scene, environment):
    scene.services[environment].well = False
    jobs = scene.push()
    assert jobs[environment].result == "failure"
    assert jobs[environment].outcomes["Roll back"] == "success"
    assert scene.called()[-1] == f"rollback {environment}"
    assert "was rolled back" in jobs[environment].summary
    if environment == "staging":
        assert jobs["production"].result == "skipped"


def test_a_cancelled_release_is_undone(scene):
    scene.replace("scripts/deploy", 'trap "" INT TERM\necho releasing\nsleep 60')
    jobs = scene.push(cancel=Cancel("Deploy", "releasing"))
    assert jobs["staging"].result == "cancelled"
    assert scene.called()[-1] == "rollback --unfinished staging"
    assert "was cancelled. List the releases" in jobs["staging"].summary
    assert jobs["production"].result == "skipped"


def test_a_cancelled_release_that_cannot_be_undone_asks_for_somebody(scene):
    scene.replace("scripts/deploy", "echo releasing\nexec sleep 60")
    scene.replace("scripts/rollback", "exit 1")
    jobs = scene.push(cancel=Cancel("Deploy", "releasing"))
    assert "could not be undone: run `scripts/rollback --unfinished staging`" in jobs["staging"].summary


def test_a_rollback_that_fails_asks_for_somebody(scene):
    scene.services["staging"].well = False
    scene.replace("scripts/rollback", "exit 1")
    jobs = scene.push()
    assert "could not be rolled back" in jobs["staging"].summary
    assert jobs["staging"].result == "failure"


def test_an_environment_that_was_never_set_up_says_so(scene):
    scene.secrets = {}
    jobs = scene.push()
    assert "the secret KUBECONFIG of this environment is missing" in jobs["staging"].log()
    scene.variables = {}
    assert "set the variable URL" in scene.push()["staging"].log()


# Order


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_an_older_commit_is_not_released_over_a_newer_one_and_the_run_is_not_red(scene, environment):
    older = scene.commit
    git(scene.project, "commit", "--quiet", "--allow-empty", "--message", "Newer")
    newer = scene.services[environment].version = scene.head()
    git(scene.project, "checkout", "--quiet", older)
    jobs = scene.push()
    job = jobs[environment]
    assert job.result == "success", job.log()
    changing = ("Verify the image", "Deploy", "Undo an unfinished release", "Smoke test", "Roll back")
    assert {job.outcomes[step] for step in changing} == {"skipped"}
    assert f"{environment} already runs the newer commit {newer[:12]}" in job.summary
    assert "run the workflow rollback" in job.summary
    released = {"staging": set(), "production": {f"deploy staging {IMAGE}"}}[environment]
    assert {call for call in scene.called() if not call.startswith("gh ")} == released
    if environment == "staging":
        assert jobs["approval"].result == jobs["production"].result == "skipped"


@pytest.mark.parametrize("runs", ["older", "the same", "unknown", "nothing"])
def test_nothing_else_is_refused(scene, runs):
    older = scene.commit
    commit_all(scene.project, "Newer")
    scene.commit = scene.head()
    running = {"older": older, "the same": scene.commit, "unknown": "1.2.3", "nothing": ""}[runs]
    scene.services["staging"].version = running
    jobs = scene.push()
    assert jobs["staging"].outcomes["Deploy"] == "success", jobs["staging"].log()
    assert TOKEN not in jobs["staging"].log()


def test_an_unreachable_service_does_not_stop_its_first_release(scene):
    scene.variables["staging"]["URL"] = "http://127.0.0.1:9"
    scene.push()
    assert f"deploy staging {IMAGE}" in scene.called()


# Pull requests


def pull_request(scene: Scene, stand_ins: dict | None = None, **changes: object) -> dict[str, Job]:
    """Run the pipeline for a pull request from a branch of the same repository, checked out as its merge with main."""
    request = {"number": 12, "head": {"repo": {"full_name": "example/my-service"}}, "user": {"login": "somebody"}}
    github = {
        "event_name": "pull_request",
        "sha": scene.head(),
        "repository": "example/my-service",
        "actor": "somebody",
    }
    event = {"pull_request": request | changes}
    address = scene.variables["staging"]["URL"]
    scene.services["staging"].version = scene.head()
    return run_workflow(
        scene.project,
        "pipeline.yml",
        {"github": {**github, "token": "token", "event": event}, "vars": {"PREVIEW_URL": address}},
        scene.folder / "run",
        secrets={"preview": {"KUBECONFIG": KUBECONFIG, "HEALTH_TOKEN": TOKEN}},
        path=scene.path,
        environment={"SMOKE_SECONDS": "1"},
        stand_ins={PUSH: lambda _: {"digest": DIGEST}, **(stand_ins or {})},
    )


def change(scene: Scene, name: str) -> None:
    """Commit a change of one file."""
    (scene.project / name).parent.mkdir(parents=True, exist_ok=True)
    with (scene.project / name).open("a") as file:
        file.write("\n")
    git(scene.project, "add", name)
    git(scene.project, "commit", "--quiet", "--message", "Change")


def test_a_pull_request_is_shown_but_nothing_is_released(scene):
    scene.replace("bin/kubectl", f'echo "kubectl $*" >>{scene.calls}')
    change(scene, "internal/new.go")
    jobs = pull_request(scene)
    skipped = {name for name, job in jobs.items() if job.result == "skipped"}
    assert skipped == {"image", "scan", "attest", "staging", "approval", "production"}
    assert set(results(jobs).values()) == {"success", "skipped"}, jobs["preview"].log()
    assert scene.called()[0] == f"deploy preview {IMAGE}"
    assert "annotate deployment my-service pull-request=12 --overwrite" in scene.called()[1]
    assert scene.variables["staging"]["URL"] in jobs["preview"].summary


@pytest.mark.parametrize(
    "changes",
    [{"head": {"repo": {"full_name": "somebody/fork"}}}, {"user": {"login": "dependabot[bot]"}}],
    ids=["fork", "dependabot"],
)
def test_without_secrets_there_is_every_check_but_no_preview(scene, changes):
    change(scene, "internal/new.go")
    jobs = pull_request(scene, **changes)
    assert jobs["preview"].result == "skipped"
    assert jobs["mergeable"].result == jobs["image-check"].result == jobs["integration"].result == "success"


def fork(scene: Scene) -> dict[str, Job]:
    """Run the pipeline for a pull request from a fork."""
    return pull_request(scene, head={"repo": {"full_name": "somebody/fork"}})


def merge_queue(scene: Scene) -> dict[str, Job]:
    """Run the pipeline for a group of the merge queue: what main becomes, compared with main."""
    change(scene, "docs/of-another-pull-request.md")
    group = {"base_sha": scene.commit, "head_sha": scene.head()}
    return run_workflow(
        scene.project,
        "pipeline.yml",
        {"github": {"event_name": "merge_group", "sha": scene.head(), "event": {"merge_group": group}}},
        scene.folder / "run",
        path=scene.path,
    )


# A page that the program embeds is code.
CHANGES = [
    ("docs/new.md", False, fork),
    ("README.md", False, merge_queue),
    ("internal/new.go", True, merge_queue),
    ("internal/page.md", True, fork),
]


@pytest.mark.parametrize(("name", "code", "run"), CHANGES)
def test_a_change_of_documentation_skips_what_it_can_and_is_ready_to_merge(scene, name, code, run):
    change(scene, name)
    jobs = run(scene)
    assert {jobs[name].result for name in ("preview", *AFTER_THE_CHECKS)} == {"skipped"}
    assert jobs["changes"].outputs == {"code": str(code).lower()}
    assert jobs["mergeable"].result == jobs["check (lint)"].result == jobs["dependencies"].result == "success"
    assert jobs["integration"].result == jobs["image-check"].result == ("success" if code else "skipped")


def test_a_failing_check_is_not_ready_to_merge(scene):
    change(scene, "internal/new.go")
    scene.replace("bin/make", 'test "$1" != test')
    jobs = pull_request(scene)
    assert jobs["check (test)"].result == jobs["mergeable"].result == "failure"
    assert jobs["preview"].result == "skipped"


def test_a_vulnerable_dependency_is_not_ready_to_merge(scene):
    jobs = pull_request(scene, stand_ins={"actions/dependency-review-action": lambda _: None})
    assert jobs["dependencies"].result == jobs["mergeable"].result == "failure"


def test_a_push_that_only_documents_releases_nothing(scene):
    before = scene.commit
    change(scene, "docs/new.md")
    jobs = run_workflow(
        scene.project,
        "pipeline.yml",
        {"github": {"event_name": "push", "sha": scene.head(), "event": {"before": before}}},
        scene.folder / "run",
        path=scene.path,
    )
    assert {jobs[name].result for name in ("integration", *AFTER_THE_CHECKS)} == {"skipped"}
    assert jobs["check (test)"].result == "success"


@pytest.mark.parametrize(("shown", "stops"), [("12", True), ("13", False), ("", False)])
def test_a_closed_pull_request_stops_its_own_preview_only(scene, shown, stops):
    scene.replace(
        "bin/kubectl", f'echo "kubectl $*" >>{scene.calls}\ncase "$*" in *" get "*) printf %s "{shown}" ;; esac'
    )
    workflow = load(scene.project, "remove-preview.yml")
    request = {"number": 12, "head": {"repo": {"full_name": "example/my-service"}}, "user": {"login": "somebody"}}
    contexts = {
        "github": {"repository": "example/my-service", "event": {"pull_request": request}},
        "vars": {"PREVIEW_URL": "https://preview.example.com"},
        "secrets": {"KUBECONFIG": KUBECONFIG},
    }
    job = workflow["jobs"]["remove"]
    assert condition(job["if"], contexts, "success")
    done = run_job(scene.project, job, contexts, scene.folder / "run", path=scene.path)
    assert done.result == "success", done.log()
    assert any('"replicas": 0' in call for call in scene.called()) is stops


# Rollback by hand


@pytest.mark.parametrize(("release", "requested"), [("", "rollback production"), ("7", "rollback production 7")])
def test_a_rollback_by_hand(scene, release, requested):
    scene.replace("scripts/rollback", f'echo "rollback $*" | tee -a {scene.calls}')
    done = run_job(
        scene.project,
        load(scene.project, "rollback.yml")["jobs"]["rollback"],
        {
            "github": {"actor": "somebody"},
            "inputs": {"environment": "production", "release": release},
            "vars": scene.variables["production"],
            "secrets": scene.secrets["production"],
        },
        scene.folder / "run",
        path=scene.path,
    )
    assert done.result == "success", done.log()
    assert scene.called() == [requested]
    assert requested in done.summary
    assert "requested by somebody" in done.summary


# The variables of an environment by the login to its cluster, and what the action that logs in to the cloud is given.
CLOUDS = {
    "eks": (
        {"AWS_REGION": "eu-central-1", "AWS_ROLE": "arn:aws:iam::1:role/deployer", "EKS_CLUSTER": "cluster"},
        "aws-actions/configure-aws-credentials",
        {"aws-region": "eu-central-1", "role-to-assume": "arn:aws:iam::1:role/deployer"},
    ),
    "gke": (
        {"GCP_IDENTITY_PROVIDER": "provider", "GCP_SERVICE_ACCOUNT": "a@b.example", "GKE_CLUSTER": "projects/cluster"},
        "google-github-actions/auth",
        {"workload_identity_provider": "provider", "service_account": "a@b.example"},
    ),
    "aks": (
        {
            "AZURE_CLIENT_ID": "client",
            "AZURE_TENANT_ID": "tenant",
            "AZURE_SUBSCRIPTION_ID": "subscription",
            "AKS_RESOURCE_GROUP": "group",
            "AKS_CLUSTER": "cluster",
        },
        "azure/login",
        {"client-id": "client", "tenant-id": "tenant", "subscription-id": "subscription"},
    ),
}


def kubeconfig(**user: object) -> str:
    """Return a kubeconfig of a cluster with one user."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": {"server": "https://cluster.example.com"}}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": "user"}}],
        "current-context": "context",
    }
    return json.dumps(config)


@pytest.mark.parametrize("login", CLOUDS)
def test_a_login_gives_the_scripts_the_credentials_of_the_cluster(emit, tmp_path, login):
    """The command lines of AWS and Azure write what their documentation describes; kubectl is the real one."""
    variables, action, expected = CLOUDS[login]
    project, folder = emit(language="go", cluster_login=login), tmp_path / "run"
    exec_plugin = kubeconfig(exec={"apiVersion": "client.authentication.k8s.io/v1", "command": "cloud"})
    write = f"mkdir -p ~/.kube && printf %s {shlex.quote(exec_plugin)} >~/.kube/config"
    executable(
        tmp_path / "bin/aws",
        f'#!/bin/sh\nset -eu\ntest "$*" = "eks update-kubeconfig --name cluster"\n: "$AWS_SESSION_TOKEN"\n{write}\n',
    )
    executable(
        tmp_path / "bin/az",
        '#!/bin/sh\nset -eu\ncase "$*" in\n'
        f'  "aks get-credentials --resource-group group --name cluster "*) {write} ;;\n'
        '  "account get-access-token --resource "*" --query accessToken --output tsv") echo access-token ;;\n'
        "  *) exit 1 ;;\nesac\n",
    )
    view = 'kubectl config view --minify --raw --output "jsonpath={.clusters[0].cluster.server} {.users[0].user}"'
    executable(project / "scripts/rollback", f"#!/bin/sh\n{view}\n")
    executable(project / "scripts/smoke", "#!/bin/sh\n")
    given = []

    def log_in(inputs: dict) -> dict:
        given.append(inputs)
        with (folder / "environment").open("a") as file:
            file.write("AWS_SESSION_TOKEN=session\n")
        return {}

    def get_gke_credentials(inputs: dict) -> dict:
        assert inputs == {"cluster_name": "projects/cluster"}
        (folder / "gke").write_text(kubeconfig(token="access-token"))
        with (folder / "environment").open("a") as file:
            file.write(f"KUBECONFIG={folder / 'gke'}\n")
        return {}

    def roll_back(values: dict[str, str]) -> Job:
        return run_job(
            project,
            load(project, "rollback.yml")["jobs"]["rollback"],
            {
                "github": {"actor": "a"},
                "inputs": {"environment": "staging", "release": ""},
                "vars": values,
                "secrets": {},
            },
            folder,
            path=f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            stand_ins={action: log_in, "google-github-actions/get-gke-credentials": get_gke_credentials},
        )

    for name in variables:
        done = roll_back(variables | {name: ""})
        assert done.outcomes["Roll back"] == "skipped"
        assert f"the variable {name} of this environment is missing" in done.log()
    assert not given
    done = roll_back(variables)
    assert done.result == "success", done.log()
    assert given == [expected]
    server, _, user = done.printed["Roll back"].partition(" ")
    assert server == "https://cluster.example.com"
    assert json.loads(user).keys() == ({"exec"} if login == "eks" else {"token"})


@pytest.mark.parametrize(("environment", "approval"), [("staging", "skipped"), ("production", "success")])
def test_a_rollback_of_production_is_approved_before_it_takes_the_lock(scene, environment, approval):
    ran = run_workflow(
        scene.project,
        "rollback.yml",
        {"github": {"actor": "somebody"}, "inputs": {"environment": environment, "release": ""}},
        scene.folder / "run",
        path=scene.path,
    )
    assert ran["approval"].result == approval
    assert ran["rollback"].outcomes["Set the cluster credentials"] == "failure"  # it ran, without secrets
    assert not condition(load(scene.project, "rollback.yml")["jobs"]["rollback"]["if"], {}, "failure")


def test_secrets_reach_no_output(scene):
    jobs = scene.push()
    for job in jobs.values():
        assert TOKEN not in job.log() + job.summary
        assert "kind: Config" not in job.log() + job.summary


def test_the_credentials_can_be_read_by_nobody_else(scene):
    scene.push()
    config = scene.folder / "run/staging/home/.kube/config"
    assert config.read_text() == f"{KUBECONFIG}\n"
    assert config.stat().st_mode & 0o077 == 0


# The expressions that the runner evaluates


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("github.event_name == 'PUSH'", True),
        ("github.event.before || 'nothing'", "nothing"),
        ("github.event_name == 'push' && 'HEAD^1' || github.sha", "HEAD^1"),
        ("contains(needs.*.result, 'failure') || contains(needs.*.result, 'cancelled')", True),
        ("join(needs.*.result, ' ')", "success failure"),
        ("!success() && steps.deploy.outcome == 'success'", False),
        ("(true || false) && false", False),
        ("'it''s'", "it's"),
    ],
)
def test_expressions(expression, value):
    contexts = {
        "github": {"event_name": "push", "event": {}, "sha": "abc"},
        "needs": {"check": {"result": "success"}, "image": {"result": "failure"}},
        "steps": {"deploy": {"outcome": "success"}},
    }
    assert evaluate(expression, contexts) == value


def test_what_is_not_known_is_an_error():
    for expression in ("hashFiles('x')", "runner.os", "github.sha ==", "github.sha github.sha"):
        with pytest.raises(ValueError, match=r"known|given|read"):
            evaluate(expression, {"github": {"sha": "abc"}})
    assert interpolate("a ${{ github.sha }} b ${{ true }}", {"github": {"sha": "abc"}}) == "a abc b true"
    assert not condition("${{ github.sha == 'abc' }}", {"github": {"sha": "abc"}}, "failure")
    assert condition("${{ always() }}", {}, "failure")
