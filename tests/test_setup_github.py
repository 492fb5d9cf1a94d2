"""Promise: scripts/setup-github sets GitHub up for the pipeline, changes only what differs, and can say so first."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.callers import hostile_variables
from tests.combinations import ROOT
from tests.tools import tool

# Stands in for gh: keeps what is set and writes down every call; --jq is evaluated by the library that gh itself has.
GH = f'#!/bin/sh\nexec {sys.executable} -S -E {ROOT}/tests/github_api.py "$@"\n'


class GitHub:
    """The state of a repository on GitHub, and the calls that were made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state.json"
        self.state.write_text(
            json.dumps(
                {
                    "admin": True,
                    "user": "somebody",
                    "users": {"somebody": 1, "else": 2},
                    "teams": {"acme/platform": 7},
                    "reviewers_allowed": True,
                    "refused": [],
                    "codeowners_errors": [],
                    "repository": {"variables": {}},
                    "workflow": {"default_workflow_permissions": "write", "can_approve_pull_request_reviews": True},
                    "alerts": False,
                    "private_reporting": False,
                    "environments": {},
                    "rulesets": {},
                }
            )
        )
        (folder / "calls.jsonl").touch()
        (folder / "bin").mkdir()
        (folder / "bin/gh").write_text(GH)
        (folder / "bin/gh").chmod(0o755)

    def change(self, **values: object) -> None:
        self.state.write_text(json.dumps(self.now() | values))

    def now(self) -> dict:
        return json.loads(self.state.read_text())

    def calls(self) -> list[dict]:
        return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]

    def writes(self) -> list[dict]:
        return [call for call in self.calls() if call["writes"]]

    def forget(self) -> None:
        (self.folder / "calls.jsonl").write_text("")


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    return GitHub(tmp_path)


@pytest.fixture
def setup(render, github: GitHub, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the script of a project, public by default."""

    def setup(
        *options: str, given: str = "", repository: str = "public", **answers: str
    ) -> subprocess.CompletedProcess[str]:
        project = render(repository=repository, **answers)
        environment = {
            **hostile_variables(project),
            "PATH": f"{github.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "GITHUB_API_FOLDER": str(github.folder),
            "GOJQ": tool("gojq"),
        }
        return subprocess.run(
            [project / "scripts/setup-github", *options],
            input=given,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return setup


@pytest.fixture
def answers(tmp_path: Path) -> str:
    """Return what a person answers to all questions, in their order."""
    kubeconfig = tmp_path / "kubeconfig.yaml"
    kubeconfig.write_text("apiVersion: v1\nkind: Config\n")
    secrets = "".join(f"{kubeconfig}\n{environment}-token\n" for environment in ("staging", "production", "preview"))
    urls = "https://staging.example.com\nhttps://example.com\nhttps://preview.example.com\n"
    return f"{urls}{secrets}update-token\n"


def test_a_new_repository_is_set_up(setup, github, answers):
    done = setup(given=answers)
    assert done.returncode == 0, done.stdout + done.stderr
    state = github.now()
    assert state["workflow"] == {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False}
    assert state["alerts"]
    assert state["private_reporting"]
    assert set(state["environments"]) == {
        "staging",
        "production-approval",
        "production",
        "preview",
        "template-update",
    }
    for name, environment in state["environments"].items():
        assert environment["branches"] == ([] if name == "preview" else ["main"])
        assert environment["reviewers"] == ([{"type": "User", "id": 1}] if name == "production-approval" else [])
    for name, address in (("staging", "https://staging.example.com"), ("production", "https://example.com")):
        assert state["environments"][name]["variables"] == {"URL": address}
    for name in ("staging", "production", "preview"):
        assert state["environments"][name]["secrets"] == {
            "KUBECONFIG": "apiVersion: v1\nkind: Config\n",
            "HEALTH_TOKEN": f"{name}-token",
        }
    assert state["environments"]["template-update"]["secrets"] == {"TEMPLATE_UPDATE_TOKEN": "update-token"}
    assert state["repository"]["variables"] == {"PREVIEW_URL": "https://preview.example.com"}
    [ruleset] = state["rulesets"].values()
    rules = {rule["type"]: rule.get("parameters") for rule in ruleset["rules"]}
    assert set(rules) == {"deletion", "non_fast_forward", "pull_request", "required_status_checks"}
    assert rules["pull_request"]["required_approving_review_count"] == 1
    assert [check["context"] for check in rules["required_status_checks"]["required_status_checks"]] == [
        "Ready to merge"
    ]


def test_a_second_run_changes_and_asks_nothing(setup, github, answers):
    setup(given=answers)
    before = github.now()
    github.forget()
    done = setup()
    assert done.returncode == 0, done.stdout + done.stderr
    assert github.writes() == []
    assert github.now() == before
    labels = {line.split()[0] for line in done.stdout.split("\n\n")[0].splitlines()}
    assert labels == {"ok"}


def test_a_dry_run_says_everything_that_the_run_then_does_and_does_nothing(setup, github, answers):
    announced = setup("--dry-run")
    assert announced.returncode == 0, announced.stderr
    assert github.writes() == []
    done = setup(given=answers)

    def listed(output: str, label: str) -> set[str]:
        lines = (line.split(maxsplit=1) for line in output.splitlines() if line.startswith(f"{label} "))
        return {text.removeprefix("ask for: ") for _, text in lines}

    # Whether there will be a preview, and so its secrets, is known only when its address was given.
    did = {text for text in listed(done.stdout, "did") if not text.endswith("of preview")}
    assert listed(announced.stdout, "would") == did


def test_secrets_are_neither_arguments_nor_printed(setup, github, answers):
    done = setup(given=answers)
    for secret in ("staging-token", "production-token", "update-token", "kind: Config"):
        assert secret not in done.stdout + done.stderr
        assert not [call for call in github.calls() if secret in " ".join(call["arguments"])]


@pytest.mark.parametrize("login", ["eks", "gke", "aks"])
def test_a_login_without_stored_credentials_is_set_up_with_its_variables(setup, github, login):
    names = list(yaml.safe_load((ROOT / "facts/logins.yml").read_text())[login]["variables"])
    values = {
        environment: {name: f"{environment}/{name}" for name in names} for environment in ("staging", "production")
    }
    lines = ["https://staging.example.com", "https://example.com", ""]  # without a preview
    for environment, given in values.items():
        lines += [*given.values(), f"{environment}-token"]
    done = setup(given="\n".join([*lines, "update-token", ""]), cluster_login=login)
    assert done.returncode == 0, done.stdout + done.stderr
    for environment, given in values.items():
        state = github.now()["environments"][environment]
        assert {name: state["variables"][name] for name in names} == given
        assert state["secrets"] == {"HEALTH_TOKEN": f"{environment}-token"}
    assert f"open   variable {names[0]} of preview" not in done.stdout
    github.change(environments={})
    assert f"open   variable {names[0]} of staging" in setup(cluster_login=login).stdout


def test_what_is_not_given_is_left_open_and_can_be_given_later(setup, github, answers):
    done = setup(given="\n\n\n")
    assert done.returncode == 1
    opened = {line.split(maxsplit=1)[1] for line in done.stdout.splitlines() if line.startswith("open")}
    assert opened == {
        "variable URL of staging",
        "variable URL of production",
        "secret KUBECONFIG of staging",
        "secret HEALTH_TOKEN of staging",
        "secret KUBECONFIG of production",
        "secret HEALTH_TOKEN of production",
        "secret TEMPLATE_UPDATE_TOKEN of template-update",
    }
    assert "run this script again" in done.stderr
    assert github.now()["rulesets"], "what does not depend on it is set up all the same"
    assert setup(given=answers).returncode == 0


@pytest.mark.parametrize(("given", "problem"), [("staging.example.com\n", "expected a URL")])
def test_a_wrong_value_is_refused(setup, github, given, problem):
    done = setup(given=given)
    assert done.returncode == 1
    assert problem in done.stdout
    assert github.now()["environments"]["staging"]["variables"] == {}


def test_a_file_that_is_not_there_is_left_open(setup, github):
    done = setup(given="https://a.example.com\nhttps://b.example.com\n\n/nowhere\n")
    assert "open   secret KUBECONFIG of staging: cannot read the file /nowhere" in done.stdout
    assert "KUBECONFIG" not in github.now()["environments"]["staging"]["secrets"]


def reviewers(github: GitHub) -> dict[str, list[dict]]:
    """Return the reviewers of the environments of production."""
    environments = github.now()["environments"]
    names = [name for name in ("production-approval", "production") if name in environments]
    return {name: environments[name]["reviewers"] for name in names}


def test_reviewers_can_be_chosen_and_are_then_kept(setup, github, answers):
    setup("--reviewer", "else", "--reviewer", "acme/platform", given=answers)
    chosen = [{"type": "Team", "id": 7}, {"type": "User", "id": 2}]
    assert reviewers(github) == {"production-approval": chosen, "production": []}
    setup()
    assert reviewers(github) == {"production-approval": chosen, "production": []}
    setup("--reviewer", "somebody")
    assert reviewers(github) == {"production-approval": [{"type": "User", "id": 1}], "production": []}


def test_reviewers_of_production_move_to_the_approval_and_are_never_lost(setup, github, answers):
    """Earlier releases stored them in production, whose job holds the lock while it waits for them."""
    chosen = [{"type": "User", "id": 2}]
    production = {"branches": ["main"], "policy": None, "reviewers": chosen, "variables": {}, "secrets": {}}
    github.change(environments={"production": production}, refused=["production-approval"])
    setup(given=answers)
    assert reviewers(github) == {"production": chosen}
    github.change(refused=[])
    setup(given=answers)
    assert reviewers(github) == {"production-approval": chosen, "production": []}


def test_reviewers_of_other_environments_survive(setup, github, answers):
    environment = {
        "branches": [],
        "policy": None,
        "reviewers": [{"type": "User", "id": 2}],
        "variables": {},
        "secrets": {},
    }
    github.change(environments={"staging": environment})
    setup(given=answers)
    staging = github.now()["environments"]["staging"]
    assert (staging["reviewers"], staging["branches"]) == ([{"type": "User", "id": 2}], ["main"])


def test_an_unknown_reviewer_is_refused_before_an_environment_is_changed(setup, github):
    done = setup("--reviewer", "nobody")
    assert done.returncode == 1
    assert "GitHub has no user or team 'nobody'" in done.stderr
    assert github.now()["environments"] == {}


def test_owners_that_github_does_not_know_are_reported(setup, github, answers):
    """An organization is none; the form is that of docs.github.com/en/rest/repos/repos#list-codeowners-errors."""
    error = {"line": 2, "column": 3, "kind": "Unknown owner", "source": "* @example", "path": ".github/CODEOWNERS"}
    github.change(codeowners_errors=[error])
    done = setup(given=answers)
    assert done.returncode == 1
    assert "open   owners in CODEOWNERS: line 2: Unknown owner. Name users, or teams such as @example/" in done.stdout


def test_approvals_can_be_chosen_and_are_then_kept(setup, github, answers):
    setup("--approvals", "0", given=answers)
    setup()
    [ruleset] = github.now()["rulesets"].values()
    [count] = [rule["parameters"] for rule in ruleset["rules"] if rule["type"] == "pull_request"]
    assert count["required_approving_review_count"] == 0


def test_without_enterprise_a_private_repository_gets_its_environments_without_reviewers(setup, github, answers):
    github.change(reviewers_allowed=False)
    done = setup(given=answers, repository="private")
    assert done.returncode == 1
    assert "open   environment production-approval with reviewers: " in done.stdout
    assert reviewers(github) == {"production-approval": [], "production": []}
    assert github.now()["environments"]["production"]["branches"] == ["main"]


def test_who_does_not_administer_the_repository_is_told_so(setup, github):
    github.change(admin=False)
    done = setup()
    assert done.returncode == 1
    assert "you are not an administrator of example/my-service" in done.stderr
    assert github.writes() == []


@pytest.mark.parametrize(
    "arguments", [["--reviewer"], ["--reviewer", "a b"], ["--approvals", "9"], ["--unknown"], ["production"]]
)
def test_wrong_arguments(setup, github, arguments):
    done = setup(*arguments)
    assert done.returncode == 2
    assert done.stderr
    assert github.calls() == []
