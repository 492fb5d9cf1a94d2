"""Promise: the emitted pipeline releases, tests, undoes and previews on Vercel and Railway as it does on Kubernetes."""

import http.server
import shlex
import threading

import pytest

from tests.runner import Job, load, run_job, run_workflow
from tests.test_pipeline_runs import DIGEST, IMAGE, PUSH, TOKEN, Scene, Service, change, condition

VALUE = "value-that-is-never-shown"
SECRETS = {
    "vercel": ["VERCEL_TOKEN", "VERCEL_ORG_ID", "VERCEL_PROJECT_ID"],
    "railway": ["RAILWAY_TOKEN"],
}
REQUEST = {
    "number": 12,
    "head": {"repo": {"full_name": "example/my-service"}, "sha": "4f2a91c"},
    "user": {"login": "ada"},
}


@pytest.fixture(params=SECRETS)
def scene(emit, tmp_path, request):
    """Return a project for a platform; its scripts are stand-ins that want its secrets and note how they are called."""
    platform = request.param
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("OnPlatform", (Service,), {}))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    project = emit(language="go", platform=platform, repository="public")
    scene = Scene(project, tmp_path, dict.fromkeys(("staging", "production"), address), {})
    scene.platform, scene.address, scene.service = platform, address, server.RequestHandlerClass
    scene.service.version = scene.commit
    scene.given = {"HEALTH_TOKEN": TOKEN, **dict.fromkeys(SECRETS[platform], VALUE)}
    scene.secrets = dict.fromkeys(("staging", "production", "preview"), scene.given)
    calls = shlex.quote(str(scene.calls))
    given = "".join(f'test "${name}" = {VALUE}\n' for name in SECRETS[platform])
    for script in ("deploy", "rollback", "preview"):
        output = f'[ -z "${{GITHUB_OUTPUT:-}}" ] || echo "url={address}" >>"$GITHUB_OUTPUT"'
        build = f'[ "$1" != build ] || {{ env >{calls}.build; exit; }}\n'  # code that nobody has reviewed
        scene.replace(f"scripts/{script}", f'set -eu\n{build}{given}echo "{script} $*" >>{calls}\n{output}')
    for program in ("gh", "docker"):
        scene.replace(f"bin/{program}", f'echo "{program} $*" >>{calls}')
    yield scene
    server.shutdown()
    server.server_close()


def released(scene: Scene) -> list[str]:
    return [call for call in scene.called() if not call.startswith(("gh ", "docker "))]


def named(scene: Scene, *words: str) -> str:
    """Return a call as it is where an image is released, which is what the call then names."""
    return " ".join([*words, *([IMAGE] if scene.platform == "railway" else [])])


def assert_nothing_is_shown(jobs: dict[str, Job]) -> None:
    for job in jobs.values():
        assert VALUE not in job.log() + job.summary


def test_a_release_reaches_staging_and_then_production(scene):
    jobs = scene.push()
    assert {job.result for job in jobs.values()} == {"success", "skipped"}, [job.log() for job in jobs.values()]
    assert released(scene) == [named(scene, "deploy", "staging"), named(scene, "deploy", "production")]
    assert f"production runs {scene.commit[:12]}" in jobs["production"].summary
    assert ("image" in jobs) == (scene.platform == "railway")
    assert_nothing_is_shown(jobs)


def test_a_release_that_is_not_well_is_rolled_back(scene):
    scene.service.well = False
    jobs = scene.push()
    assert (jobs["staging"].result, jobs["production"].result) == ("failure", "skipped")
    assert released(scene)[-1] == "rollback staging"
    assert "was rolled back" in jobs["staging"].summary


def test_a_missing_secret_is_named(scene):
    for name in SECRETS[scene.platform]:
        scene.secrets = dict.fromkeys(scene.secrets, scene.given | {name: ""})
        log = scene.push()["staging"].log()
        assert f"the secret {name} of this environment is missing. See docs/pipeline.md" in log
    assert released(scene) == []


def test_a_pull_request_is_shown_and_its_preview_removed(scene):
    change(scene, "internal/new.go")
    scene.service.version = scene.head()
    event = {"pull_request": REQUEST}
    github = {"event_name": "pull_request", "sha": scene.head(), "repository": "example/my-service", "actor": "ada"}
    contexts = {"github": {**github, "token": "token", "event": event}, "vars": {"PREVIEW_URL": scene.address}}
    jobs = run_workflow(
        scene.project,
        "pipeline.yml",
        contexts,
        scene.folder / "run",
        secrets=scene.secrets,
        path=scene.path,
        environment={"SMOKE_SECONDS": "1"},
        stand_ins={PUSH: lambda _: {"digest": DIGEST}},
    )
    assert jobs["preview"].result == "success", jobs["preview"].log()
    if scene.platform == "vercel":
        assert released(scene) == [f"preview up 12 preview.tar.gz {scene.head()}"]
        printed = (scene.folder / "calls.build").read_text()
        assert "GITHUB_ACTIONS=true" in printed
        assert not [secret for secret in scene.given.values() if secret in printed]
    else:
        assert released(scene) == [named(scene, "preview", "up", "12")]
    assert f"The preview of this pull request is at {scene.address}" in jobs["preview"].summary
    comment = f"gh pr comment 12 --edit-last --create-if-none --body The preview of 4f2a91c is at {scene.address}"
    assert (comment in scene.called()) == (scene.platform == "vercel")
    assert_nothing_is_shown(jobs)
    job = load(scene.project, "remove-preview.yml")["jobs"]["remove"]
    assert condition(job["if"], contexts, "success")
    done = run_job(scene.project, job, contexts | {"secrets": scene.given}, scene.folder / "closed", path=scene.path)
    assert done.result == "success", done.log()
    assert released(scene)[-1] == "preview down 12"


def test_a_rollback_by_hand(scene):
    contexts = {
        "github": {"actor": "ada"},
        "inputs": {"environment": "production", "release": "dpl_7"},
        "vars": scene.variables["production"],
        "secrets": scene.given,
    }
    job = load(scene.project, "rollback.yml")["jobs"]["rollback"]
    done = run_job(scene.project, job, contexts, scene.folder / "run", path=scene.path)
    assert done.result == "success", done.log()
    assert released(scene) == ["rollback production dpl_7"]
