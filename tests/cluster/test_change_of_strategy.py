"""Promise: `copier update --data strategy=…` leads from one strategy to another on a real cluster without an outage."""

import re

import copier
import pytest

from tests.cluster.releases import fit_to_one_machine, no_request_lost, versions
from tests.cluster.stage import Stage
from tests.combinations import variables
from tests.updates import WORKING_TREE, commit_all, git, tagged_template

pytestmark = pytest.mark.needs("docker", "cluster")


def test_the_strategy_is_changed_without_an_outage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("change")
    project = folder / "change"
    answers = {"language": "go", "strategy": "rolling", "project_name": project.name}
    template = str(tagged_template(folder))
    copier.run_copy(template, project, data=answers, vcs_ref=WORKING_TREE, defaults=True, quiet=True)
    commit_all(project, "Start")
    stage = Stage(project, folder, "staging")
    try:
        stage.set_up([variable["name"] for variable in variables("go", []) if variable.get("secret")])
        fit_to_one_machine(project)
        done = stage.deploy(stage.image("1.0.0"))
        git(project, "checkout", "--quiet", ".")
        assert done.returncode == 0, done.stdout
        stage.open_way_in()
        stage.require_way_in()
        for number, strategy in enumerate(["blue-green", "canary", "rolling", "canary", "blue-green", "rolling"], 2):
            change(stage, strategy, f"{number - 1}.0.0", f"{number}.0.0")
    finally:
        stage.tear_down()


def change(stage: Stage, strategy: str, old: str, new: str) -> None:
    """Change the strategy as DEPLOYMENT.md describes and release a version, under load."""
    copier.run_update(stage.project, data={"strategy": strategy}, defaults=True, overwrite=True, quiet=True)
    assert "<<<<<<<" not in git(stage.project, "diff")
    commit_all(stage.project, f"Release {strategy}")
    stage.kubectl("apply", "--filename", str(stage.project / "deploy/deployer.yaml"))
    image = stage.image(new)
    fit_to_one_machine(stage.project)
    with no_request_lost(stage, f"change to {strategy}") as load:
        done = stage.deploy(image)
    git(stage.project, "checkout", "--quiet", ".")
    assert done.returncode == 0, done.stdout
    assert re.search(r"Replacing the (Deployment|Rollout) with|Changing the strategy of the Rollout", done.stdout)
    assert versions(load) == {old, new}
    assert stage.smoke(new).returncode == 0
    expected = "deployment" if strategy == "rolling" else "rollout"
    found = stage.kubectl("get", "deployments,rollouts", "--output", "name").split()
    assert [name.split(".")[0] for name in found] == [expected], found
