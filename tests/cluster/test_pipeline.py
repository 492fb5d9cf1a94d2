"""Promise: the emitted pipeline's own steps release to a real cluster, revert unhealthy releases, and fail."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.releases import CONTAINER, fit_to_one_machine, no_request_lost, under_load, versions
from tests.cluster.stage import Stage
from tests.combinations import variables
from tests.machine import REGISTRY
from tests.runner import Job, load, run_job
from tests.updates import commit_all, git

pytestmark = pytest.mark.needs("docker", "cluster")

LANGUAGE = "go"
NAME = "pipeline"


class Repository:
    """An emitted repository with its environments staging and preview on the cluster.

    GitHub's side is made up: the contexts, and a `gh` that finds each image well attested. A local registry stands in
    for ghcr.io.
    """

    def __init__(self, project: Path, folder: Path) -> None:
        self.project = project
        self.folder = folder
        for path in (project / ".github/workflows").glob("*.yml"):
            path.write_text(path.read_text().replace("ghcr.io/example", f"{REGISTRY}/deployment-patterns-test"))
        self.gh = folder / "bin/gh"
        self.gh.parent.mkdir()
        self.gh.write_text("#!/bin/sh\n")
        self.gh.chmod(0o755)
        self.stages: dict[str, Stage] = {}
        self.runs = 0

    def commit(self, message: str) -> str:
        commit_all(self.project, message)
        return git(self.project, "rev-parse", "HEAD").strip()

    def set_up(self, environment: str, version: str) -> None:
        """Set an environment up by hand and release to it for the first time."""
        (self.folder / environment).mkdir()
        stage = Stage(self.project, self.folder / environment, environment)
        self.stages[environment] = stage
        stage.set_up([variable["name"] for variable in variables(LANGUAGE, []) if variable.get("secret")])
        done = stage.deploy(self.stages["staging"].image(version))
        assert done.returncode == 0, done.stdout
        stage.open_way_in()
        stage.require_way_in()

    def run(self, workflow: str, job: str, environment: str, commit: str, image: str = "", **event: object) -> Job:
        """Run a job of a workflow for a commit, with the secrets and variables of its environment."""
        stage = self.stages[environment]
        self.runs += 1
        digest = image.partition("@")[2]
        contexts = {
            "github": {
                "sha": commit,
                "repository": f"example/{NAME}",
                "actor": "somebody",
                "token": "none",
                "event": event,
            },
            "inputs": {"environment": environment, "release": ""},
            "needs": {"image": {"result": "success", "outputs": {"digest": digest}}},
            "vars": {"URL": stage.url, "PREVIEW_URL": stage.url},
            "secrets": {"KUBECONFIG": stage.kubeconfig.read_text(), "HEALTH_TOKEN": stage.health_token},
        }
        done = run_job(
            self.project,
            load(self.project, workflow)["jobs"][job],
            contexts,
            self.folder / f"run-{self.runs}",
            path=f"{self.gh.parent}:{os.environ['PATH']}",
            environment={"SMOKE_SECONDS": "20"},
            stand_ins={"docker/build-push-action": lambda _: {"digest": digest}},
        )
        for name, seconds in done.seconds.items():
            if done.outcomes[name] != "skipped" and seconds > 1:
                print(f"measured: {workflow}: {job}: {name}: {seconds:.0f} seconds")
        assert stage.health_token not in done.log() + done.summary
        return done


@pytest.fixture(scope="module")
def repository(render, tmp_path_factory) -> Iterator[Repository]:
    folder = tmp_path_factory.mktemp("pipeline")
    project = render(language=LANGUAGE, strategy="rolling", repository="public", project_name=NAME)
    repository = Repository(Path(shutil.copytree(project, folder / NAME, symlinks=True)), folder)
    fit_to_one_machine(repository.project)
    first = repository.commit("First")
    repository.set_up("staging", first)
    repository.set_up("preview", first)
    yield repository
    for stage in repository.stages.values():
        stage.tear_down()


def test_a_good_commit_is_released_an_older_one_skipped_and_a_rollback_by_hand_reverts_it(repository):
    stage = repository.stages["staging"]
    before = stage.images()
    older = repository.commit("Second")
    newer = repository.commit("Third")
    with no_request_lost(stage, "pipeline releases") as load:
        done = repository.run("pipeline.yml", "staging", "staging", newer, stage.image(newer))
    assert done.result == "success", done.log()
    assert newer in versions(load)
    assert f"staging runs {newer[:12]}" in done.summary

    done = repository.run("pipeline.yml", "staging", "staging", older, stage.image(older))
    assert done.result == "success", done.log()
    assert done.outcomes["Deploy"] == "skipped"
    assert f"staging already runs the newer commit {newer[:12]}" in done.summary
    assert stage.smoke(newer).returncode == 0

    with no_request_lost(stage, "rollback by hand"):
        done = repository.run("rollback.yml", "rollback", "staging", newer)
    assert done.result == "success", done.log()
    assert "Rolled back: " in done.summary
    assert stage.images() == before


def test_a_release_that_does_not_come_up_is_undone_and_red(repository):
    stage = repository.stages["staging"]
    before = stage.images()
    with (
        stage.edited("deploy/base/deployment.yaml", CONTAINER, f"{CONTAINER}          command: [no-such-command]\n"),
        no_request_lost(stage, "pipeline: does not come up"),
    ):
        bad = repository.commit("Bad command")
        done = repository.run("pipeline.yml", "staging", "staging", bad, stage.image(bad))
    repository.commit("Good command")
    assert done.result == "failure"
    assert done.outcomes["Deploy"] == "failure", done.log()
    assert done.outcomes["Roll back"] == "skipped", done.log()
    assert f"{bad[:12]} was not released to staging" in done.summary
    assert stage.images() == before


def test_a_release_that_fails_its_smoke_test_is_rolled_back_and_red(repository):
    """It starts, but runs another commit."""
    stage = repository.stages["staging"]
    before = stage.images()
    other = repository.commit("Fourth")
    with under_load(stage, "pipeline: smoke test fails") as load:
        done = repository.run("pipeline.yml", "staging", "staging", other, stage.image("something-else"))
    assert not load.failures
    assert done.result == "failure"
    assert [done.outcomes[name] for name in ("Deploy", "Smoke test", "Roll back")] == ["success", "failure", "success"]
    assert f"{other[:12]} was released to staging, failed its smoke test and was rolled back" in done.summary
    assert stage.images() == before


def test_a_pull_request_is_shown_until_it_is_closed(repository):
    stage = repository.stages["preview"]
    commit = repository.commit("Pull request")
    event = {"pull_request": {"number": 7}, "repository": {"default_branch": "main"}}
    done = repository.run(
        "pipeline.yml", "preview", "preview", commit, repository.stages["staging"].image(commit), **event
    )
    assert done.result == "success", done.log()
    assert stage.smoke(commit).returncode == 0

    event["pull_request"] = {"number": 8}
    done = repository.run("remove-preview.yml", "remove", "preview", commit, **event)
    assert done.result == "success", done.log()
    assert stage.smoke(commit).returncode == 0, "the preview of another pull request was stopped"

    event["pull_request"] = {"number": 7}
    done = repository.run("remove-preview.yml", "remove", "preview", commit, **event)
    assert done.result == "success", done.log()
    assert not stage.pods()
