"""Promise: a repository of any origin gets a report: what holds, fails, does not apply or cannot be judged."""

import pytest
from readiness.checklist import read_checklist
from readiness.findings import Outcome
from readiness.results import check_items
from readiness.workflows import jobs

DOCKERFILE = """ARG GO_VERSION=1.27
FROM golang:${GO_VERSION} AS build
RUN go build -o /server .
FROM debian:13-slim AS base
USER 1000
FROM base
COPY --from=build /server /server
ENTRYPOINT ["/server"]
"""
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: orders}
spec:
  replicas: 2
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec:
      containers:
        - name: orders
          image: orders:1
          readinessProbe: {httpGet: {path: /readyz, port: 80}}
          livenessProbe: {httpGet: {path: /livez, port: 80}}
"""
WORKFLOW = """on: [pull_request]
permissions: {}
jobs:
  test:
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions: {contents: read}
    steps:
      - uses: ./.github/actions/check-out
      - run: golangci-lint run
      - run: go test ./...
      - run: go test -tags=integration ./...
"""
ACTION = """runs:
  using: composite
  steps:
    - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
      with: {persist-credentials: false}
"""


def outcomes(repository):
    return {result.item.name: result.outcome for result in check_items(repository)}


def test_facts_hold_wherever_they_stand(create):
    repository = create(
        {
            "go.mod": "module example.com/orders\n",
            "build/package/Dockerfile": DOCKERFILE,
            "ops/cluster/orders.yaml": DEPLOYMENT,
            ".github/workflows/ci.yaml": WORKFLOW,
            ".github/actions/check-out/action.yml": ACTION,
            "internal/health.go": 'const live, ready = "/livez", "/readyz"\n',
        }
    )
    found = outcomes(repository)
    for item in (
        "multi-stage",
        "base-images-tagged",
        "numeric-user",
        "exec-form",
        "pods-enough",
        "readiness-probe",
        "liveness-probe",
        "checks-on-every-change",
        "actions-pinned",
        "credentials-not-kept",
        "permissions-empty",
        "jobs-time-out",
        "runners-pinned",
        "health-endpoints",
    ):
        assert found[item] is Outcome.PASS, item
    for item in ("own-healthcheck", "startup-probe", "resources-bounded", "pods-not-root", "dependencies-updated"):
        assert found[item] is Outcome.FAIL, item
    for item in ("fail-fast", "time-to-drain", "metrics-closed"):
        assert found[item] is Outcome.UNKNOWN, item
    for item in ("autoscaler-alone", "compose-stays-local", "deploys-never-cancelled"):
        assert found[item] is Outcome.NOT_APPLICABLE, item
    assert found["on-call"] is Outcome.MANUAL


def test_a_failure_names_the_file_where_the_fact_stands(create):
    repository = create({"services/api/Dockerfile": "FROM debian:latest\nUSER root\nCMD server\n"})
    results = {result.item.name: result for result in check_items(repository)}
    assert results["base-images-tagged"].evidence[0].place == ("services/api/Dockerfile", 1)
    assert results["numeric-user"].evidence[0].place == ("services/api/Dockerfile", 2)
    assert results["exec-form"].evidence[0].place == ("services/api/Dockerfile", 3)


def test_an_empty_repository_has_nothing_to_check(create):
    found = outcomes(create({"README.md": "# Empty\n"}))
    assert found["numeric-user"] is Outcome.NOT_APPLICABLE
    assert found["actions-pinned"] is Outcome.NOT_APPLICABLE
    assert found["updates-settled"] is Outcome.PASS
    assert "readiness-probe" not in found


def test_items_of_the_template_are_left_out(create):
    names = {item.name for item in read_checklist(create({"go.mod": "module a\n"}))}
    assert "lock-matches-manifest" in names
    assert not names & {"updates-possible", "improvements-arrive", "readiness-in-pipeline", "sign-offs-name-items"}


def test_helm_templates_cannot_be_judged(create):
    repository = create(
        {
            "charts/orders/Chart.yaml": "name: orders\n",
            "charts/orders/templates/deployment.yaml": "kind: Deployment\nspec:\n  {{- toYaml .Values.spec }}\n",
        }
    )
    results = {result.item.name: result for result in check_items(repository)}
    assert results["readiness-probe"].outcome is Outcome.UNKNOWN
    assert "Helm templates: charts/orders" in results["readiness-probe"].evidence[0].text


@pytest.mark.parametrize("folder", ["examples", "test/e2e", "vendor/github.com/other"])
def test_examples_tests_and_vendored_files_are_not_the_services_own(create, folder):
    repository = create({f"{folder}/Dockerfile": "FROM debian:latest\n", f"{folder}/orders.yaml": DEPLOYMENT})
    found = outcomes(repository)
    assert found["base-images-tagged"] is Outcome.NOT_APPLICABLE
    assert "readiness-probe" not in found


def test_no_program_of_another_repository_is_run(create, tmp_path):
    repository = create({"scripts/release": f"#!/bin/sh\n# -h | --help)\n  -h | --help)\ntouch {tmp_path}/ran\n"})
    (repository.root / "scripts/release").chmod(0o755)
    outcomes(repository)
    assert not (tmp_path / "ran").exists()


def test_values_of_an_action_of_the_repository_are_inserted(create):
    workflow = WORKFLOW.replace("./.github/actions/check-out\n", "./.github/actions/run\n        with: {check: lint}\n")
    action = "inputs: {check: {default: test}}\nruns:\n  steps:\n    - run: make ${{ inputs.check }}\n"
    repository = create(
        {"go.mod": "module a\n", ".github/workflows/ci.yaml": workflow, ".github/actions/run/action.yml": action}
    )
    assert jobs(repository)[0].runs("make lint")
    assert jobs(repository)[0].place("steps", 0)[1] == 9


@pytest.mark.parametrize(
    ("base", "outcome"),
    [
        ("node:24-alpine", Outcome.PASS),
        ("gcr.io/distroless/static-debian13:nonroot", Outcome.PASS),
        ("registry.example.com:5000/base@sha256:" + "0" * 64, Outcome.PASS),
        ("node:alpine", Outcome.FAIL),
        ("node", Outcome.FAIL),
        ("$BASE", Outcome.UNKNOWN),
    ],
)
def test_a_base_image_has_a_version(create, base, outcome):
    repository = create({"Dockerfile": f"ARG BASE\nFROM {base}\n"})
    assert outcomes(repository)["base-images-tagged"] is outcome


def test_another_pipeline_cannot_be_judged(create):
    found = outcomes(create({".gitlab-ci.yml": "test: {script: make test}\n"}))
    assert found["checks-on-every-change"] is Outcome.UNKNOWN


def test_a_permission_that_an_unknown_action_may_use_cannot_be_judged(create):
    workflow = WORKFLOW.replace("{contents: read}", "{issues: write}")
    known = create({".github/workflows/ci.yaml": workflow})
    assert outcomes(known)["permissions-least"] is Outcome.FAIL
    other = create({".github/workflows/ci.yaml": workflow.replace("./.github/actions/check-out", "actions/stale@v10")})
    assert outcomes(other)["permissions-least"] is Outcome.UNKNOWN
