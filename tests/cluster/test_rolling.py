"""Promise: on a real cluster releases, rollbacks and evictions lose no request, and bad releases undo themselves."""

import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.stage import Stage
from tests.combinations import variables
from tests.load import Load

pytestmark = pytest.mark.needs("docker", "cluster")

LANGUAGES = ["node", "go", "python"]
REQUESTS_A_SECOND = 200


@pytest.fixture(scope="module")
def stages(render, tmp_path_factory) -> Iterator[Callable[..., Stage]]:
    """Return a function that gives a language's stage, with version 1.0.0 released to it for the first time."""
    ready: dict[tuple, Stage] = {}

    def stage(language: str, environment: str = "staging", services: tuple[str, ...] = ("postgres",)) -> Stage:
        if (language, environment) not in ready:
            answers = {"language": language, "services": list(services), "project_name": f"rolling-{language}"}
            folder = tmp_path_factory.mktemp(language)
            project = Path(shutil.copytree(render(**answers), folder / answers["project_name"], symlinks=True))
            new = ready[language, environment] = Stage(project, folder, environment)
            new.set_up([variable["name"] for variable in variables(language, list(services)) if variable.get("secret")])
            if language == "python":
                new.change_setting("ALLOWED_HOSTS", "127.0.0.1")
            done = new.deploy(new.image("1.0.0"))
            assert done.returncode == 0, done.stdout
            assert ("The database is migrated." in done.stdout) == ("postgres" in services)
            new.require_way_in()
        return ready[language, environment]

    yield stage
    for used in ready.values():
        used.tear_down()


@contextmanager
def no_request_lost(stage: Stage) -> Iterator[Load]:
    """Keep a constant load on the stage and assert that each of its thousands of requests is answered."""
    began = time.monotonic()
    with Load(f"{stage.url}/", rate=REQUESTS_A_SECOND) as load:
        load.wait_for(REQUESTS_A_SECOND)
        yield load
        load.wait_for(REQUESTS_A_SECOND)
    seconds = time.monotonic() - began
    print(
        f"{load.total} requests in {seconds:.0f} seconds, failed: {dict(load.failures)}, answers: {dict(load.answers)}"
    )
    assert not load.failures
    assert load.total >= 2000


def versions(load: Load) -> set[str]:
    return {json.loads(body)["version"] for body in load.answers}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_release_and_a_rollback_lose_no_request(stages, language):
    stage = stages(language)
    first = stage.images()
    done = stage.smoke("1.0.0")
    assert done.returncode == 0, done.stdout

    image = stage.image("2.0.0")
    with no_request_lost(stage) as load:
        done = stage.deploy(image)
        assert done.returncode == 0, done.stdout
    assert versions(load) == {"1.0.0", "2.0.0"}
    assert stage.images() == {image}
    assert stage.smoke("2.0.0").returncode == 0
    assert stage.smoke("1.0.0").returncode == 1

    with no_request_lost(stage) as load:
        done = stage.rollback()
        assert done.returncode == 0, done.stdout
    assert versions(load) == {"1.0.0", "2.0.0"}
    assert stage.images() == first
    assert stage.smoke("1.0.0").returncode == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_evictions_pass_the_budget_and_lose_no_request(stages, language):
    stage = stages(language)
    stage.wait_for_budget()
    pods = [pod["metadata"]["name"] for pod in stage.pods()]
    assert len(pods) == 2
    with no_request_lost(stage):
        assert stage.evict(pods[0])
        assert not stage.evict(pods[1]), "both pods were taken at once"
        stage.wait_for_budget()
        assert stage.evict(pods[1])
        stage.wait_for_budget()
    assert not {pod["metadata"]["name"] for pod in stage.pods()} & set(pods)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_namespace_refuses_what_is_not_restricted(stages, language):
    stage = stages(language)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "unrestricted"},
        "spec": {"containers": [{"name": "unrestricted", "image": "example.com/unrestricted:1"}]},
    }
    answer = stage.kubectl("create", "--dry-run=server", "--filename", "-", given=json.dumps(pod), check=False)
    assert 'violates PodSecurity "restricted:latest"' in answer


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_release_with_a_wrong_setting_is_undone(stages, language):
    stage = stages(language)
    before = stage.images()
    stage.change_setting("LOG_LEVEL", "loud")
    image = stage.image("3.0.0")
    with no_request_lost(stage) as load:
        done = stage.deploy(image)
    stage.change_setting("LOG_LEVEL", "info")
    assert done.returncode == 1
    assert "LOG_LEVEL" in done.stdout
    assert "expects one of debug, info, warn, error" in done.stdout
    assert versions(load) == {"1.0.0"}
    assert stage.images() == before


def test_a_release_whose_pods_crash_is_undone(stages):
    """Where the migration is content but the server is not."""
    stage = stages("go")
    before = stage.images()
    deployment = stage.project / "deploy/base/deployment.yaml"
    text = deployment.read_text()
    container = "        - name: server\n"
    deployment.write_text(text.replace(container, f"{container}          args: [no-such-command]\n"))
    with no_request_lost(stage) as load:
        done = stage.deploy(stage.image("3.0.0"))
    deployment.write_text(text)
    assert done.returncode == 1
    assert "ends as soon as it starts; its last log lines:" in done.stdout
    assert "no-such-command" in done.stdout
    assert "The release before is back." in done.stdout
    assert versions(load) == {"1.0.0"}
    assert stage.images() == before


def test_a_release_that_is_never_ready_is_undone(stages):
    stage = stages("go")
    before = stage.images()
    deployment = stage.project / "deploy/base/deployment.yaml"
    text = deployment.read_text()
    hasty = text.replace("progressDeadlineSeconds: 300", "progressDeadlineSeconds: 25")
    deployment.write_text(hasty.replace("path: /health/ready", "path: /no-such-path"))
    with no_request_lost(stage) as load:
        done = stage.deploy(stage.image("3.0.0"))
    deployment.write_text(text)
    assert done.returncode == 1
    assert "the new pods did not become ready in time" in done.stdout
    assert "Readiness probe failed: HTTP probe failed with statuscode: 404" in done.stdout
    assert versions(load) == {"1.0.0"}
    assert stage.images() == before


def test_a_release_of_a_missing_image_changes_nothing(stages):
    stage = stages("go")
    before = stage.images()
    done = stage.deploy(f"{next(iter(before)).split('@')[0]}@sha256:{'0' * 64}")
    assert done.returncode == 1
    assert "ImagePullBackOff" in done.stdout
    assert stage.images() == before


def test_a_release_whose_migration_fails_changes_nothing(stages):
    stage = stages("go")
    before = stage.images()
    migration = stage.project / "deploy/base/migration.yaml"
    text = migration.read_text()
    migration.write_text(text.replace("            - migrate\n", "            - no-such-command\n"))
    done = stage.deploy(stage.image("3.0.0"))
    migration.write_text(text)
    assert done.returncode == 1
    assert "the migration failed, so nothing was rolled out" in done.stdout
    assert "no-such-command" in done.stdout
    assert stage.images() == before


def test_an_interrupted_release_is_undone_and_can_be_run_again(stages):
    stage = stages("go")
    before = stage.images()
    image = stage.image("4.0.0")
    with no_request_lost(stage) as load:
        process = stage.start("deploy", stage.environment, image)
        assert any("new replicas have been updated" in line for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 130, output
        assert stage.images() == before
        done = stage.deploy(image)
        assert done.returncode == 0, done.stdout
    assert versions(load) <= {"1.0.0", "4.0.0"}
    assert stage.images() == {image}
    assert stage.rollback().returncode == 0
    assert stage.images() == before


def test_a_rollback_needs_somewhere_to_go(stages):
    stage = stages("go")
    done = stage.rollback("999")
    assert done.returncode == 1
    assert "there is no revision 999" in done.stdout


def test_a_release_is_what_git_says_after_a_rollback_too(stages):
    """A rollback brings fields back that the release had before; the next release must not keep them."""
    stage = stages("go")
    deployment = stage.project / "deploy/base/deployment.yaml"
    text = deployment.read_text()
    container = "        - name: server\n"
    query = ("get", "deployment", stage.name, "--output", "jsonpath={.spec.template.spec.containers[0].env[*].name}")
    old, new = stage.image("5.0.0"), stage.image("6.0.0")

    deployment.write_text(text.replace(container, f'{container}          env: [{{name: OLD, value: "1"}}]\n'))
    assert stage.deploy(old).returncode == 0
    deployment.write_text(text)
    assert stage.deploy(new).returncode == 0
    assert stage.kubectl(*query) == ""
    assert stage.rollback().returncode == 0
    assert stage.kubectl(*query) == "OLD"
    assert stage.deploy(new).returncode == 0
    assert stage.kubectl(*query) == ""
    assert stage.images() == {new}


def test_a_release_leaves_the_number_of_pods_to_the_autoscaler(stages):
    stage = stages("go", "production", services=())
    deadline = time.monotonic() + 120
    while len(stage.pods()) < 3:
        assert time.monotonic() < deadline, "the autoscaler did not start its three pods"
        time.sleep(1)
    process = stage.start("deploy", stage.environment, stage.image("2.0.0"))
    wanted = set()
    while process.poll() is None:
        wanted.add(stage.kubectl("get", "deployment", stage.name, "--output", "jsonpath={.spec.replicas}"))
        time.sleep(0.5)
    assert process.returncode == 0, process.stdout.read()
    assert wanted == {"3"}
