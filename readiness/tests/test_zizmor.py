"""Promise: zizmor judges workflows without the network, once for each content."""

import subprocess
from unittest import mock

import pytest
from readiness.findings import Outcome, ReadinessError
from readiness.results import check_items
from readiness.zizmor import AUDITS, audit

from readiness import zizmor

WORKFLOW = """on: [pull_request]
permissions: {}
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
      - run: |
          make test
          echo ${{ github.event.pull_request.title }}
"""
FILE = ".github/workflows/ci.yaml"


def result(repository, item):
    return next(result for result in check_items(repository) if result.item.name == item)


def test_a_finding_has_the_text_and_the_line(create):
    found = audit(create({FILE: WORKFLOW}), "template-injection")
    assert [(entry.text, entry.place, entry.is_severe) for entry in found] == [
        ("github.event.pull_request.title", (FILE, 10), True)
    ]


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [
        ("github.event.pull_request.title", Outcome.FAIL),
        ("github.head_ref", Outcome.FAIL),
        ("github.sha", Outcome.PASS),
        ("matrix.version", Outcome.PASS),
    ],
)
def test_elsewhere_only_expressions_that_an_attacker_controls_fail(create, expression, outcome):
    repository = create({FILE: WORKFLOW.replace("github.event.pull_request.title", expression)})
    assert result(repository, "values-not-in-commands").outcome is outcome


def test_an_expression_in_an_action_of_the_repository_is_found(create):
    action = WORKFLOW.partition("    steps:\n")[2].replace("      - run", "      - shell: sh\n        run")
    files = {FILE: WORKFLOW.replace("${{ github.event.pull_request.title }}", "done")}
    files[".github/actions/run/action.yml"] = f"runs:\n  using: composite\n  steps:\n{action}"
    found = result(create(files), "values-not-in-commands")
    assert found.outcome is Outcome.FAIL
    assert found.evidence[0].place[0] == ".github/actions/run/action.yml"


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        ("{persist-credentials: false}", Outcome.PASS),
        ("{persist-credentials: true}", Outcome.FAIL),
        ("{}", Outcome.FAIL),
    ],
)
def test_a_checkout_keeps_no_credentials(create, options, outcome):
    workflow = WORKFLOW.replace(" # v5.0.0\n", f"\n        with: {options}\n")
    found = result(create({FILE: workflow}), "credentials-not-kept")
    assert found.outcome is outcome
    assert found.evidence[0].place[0] == FILE


def test_without_workflows_nothing_is_run(create):
    with mock.patch.object(zizmor, "run") as run:
        assert audit(create({}), "artipacked") == []
    run.assert_not_called()


def test_equal_workflows_are_audited_once(create):
    AUDITS.clear()
    with mock.patch.object(zizmor, "run", wraps=zizmor.run) as run:
        for _ in range(2):
            audit(create({FILE: WORKFLOW}), "artipacked")
    assert run.call_count == 1


def test_a_failure_of_zizmor_is_an_error(create):
    broken = subprocess.CompletedProcess([], 1, "", "fatal: no audit was performed\n")
    with (
        mock.patch.object(zizmor, "run", return_value=broken),
        pytest.raises(ReadinessError, match="zizmor failed: fatal: no audit was performed"),
    ):
        audit(create({FILE: WORKFLOW + "# another\n"}), "artipacked")
