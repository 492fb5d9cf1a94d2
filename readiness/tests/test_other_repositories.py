"""Promise: a repository of any origin gets a report: what holds, fails, does not apply or cannot be judged."""

import pytest
from readiness.checklist import read_checklist
from readiness.cli import main
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
    for item in ("startup-probe", "resources-bounded", "pods-not-root", "dependencies-updated"):
        assert found[item] is Outcome.FAIL, item
    for item in ("fail-fast", "time-to-drain", "metrics-closed"):
        assert found[item] is Outcome.UNKNOWN, item
    for item in ("autoscaler-alone", "compose-stays-local", "deploys-never-cancelled", "own-healthcheck"):
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


POSTGRES = (
    DEPLOYMENT.replace("orders:1", "registry.example.com/library/postgres:18")
    .replace("name: orders", "name: db")
    .replace("replicas: 2", "replicas: 1")
    .replace("          readinessProbe: {httpGet: {path: /readyz, port: 80}}\n", "")
)


def test_a_database_is_not_judged_as_the_service(create):
    found = outcomes(create({"k8s/orders.yaml": DEPLOYMENT, "k8s/db.yaml": POSTGRES}))
    assert found["readiness-probe"] is Outcome.PASS
    assert found["pods-enough"] is Outcome.PASS
    assert found["resources-bounded"] is Outcome.FAIL
    only_database = create({"k8s/orders.yaml": POSTGRES})
    assert outcomes(only_database)["readiness-probe"] is Outcome.NOT_APPLICABLE


def test_ports_of_every_container_of_a_pod_count(create):
    sidecar = "        - {name: metrics, image: metrics:1, ports: [{name: metrics, containerPort: 9090}]}\n"
    service = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: orders}\n"
        "spec: {selector: {app: orders}, ports: [{port: 80, targetPort: metrics}]}\n"
    )
    files = {"k8s/orders.yaml": DEPLOYMENT, "k8s/service.yaml": service}
    assert outcomes(create(files))["services-find-pods"] is Outcome.FAIL
    files["k8s/orders.yaml"] += sidecar
    assert outcomes(create(files))["services-find-pods"] is Outcome.PASS


def test_a_policy_without_a_selector_covers_every_pod(create):
    policy = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: closed}\n"
        "spec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n"
    )
    found = outcomes(create({"k8s/orders.yaml": DEPLOYMENT, "k8s/policy.yaml": policy}))
    assert found["network-closed"] is Outcome.PASS


def test_the_rights_of_pods_are_not_those_of_a_deployer(create):
    account = DEPLOYMENT.replace("    spec:\n", "    spec:\n      serviceAccountName: reader\n")
    rights = """apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reader}
roleRef: {kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: reader}]
"""
    files = {"k8s/orders.yaml": account, "k8s/rights.yaml": rights}
    assert outcomes(create(files))["deployer-least-rights"] is Outcome.NOT_APPLICABLE
    files["k8s/rights.yaml"] = rights.replace("subjects: [{kind: ServiceAccount, name: reader}]", "subjects: []")
    assert outcomes(create(files))["deployer-least-rights"] is Outcome.FAIL


def test_only_deployments_replace_several_pods_at_once(create):
    stateful = create({"k8s/orders.yaml": DEPLOYMENT.replace("kind: Deployment", "kind: StatefulSet")})
    assert outcomes(stateful).get("rollout-loses-no-pod") is None
    recreated = DEPLOYMENT.replace("  replicas: 2\n", "  replicas: 2\n  strategy: {type: Recreate}\n")
    results = check_items(create({"k8s/orders.yaml": recreated}))
    found = next(result for result in results if result.item.name == "rollout-loses-no-pod")
    assert "strategy Recreate" in str(found.evidence[0])


def test_manifests_that_a_kustomization_refers_to_are_read_once(create):
    files = {
        "deploy/base/kustomization.yaml": "resources: [../service/orders.yaml]\n",
        "deploy/service/orders.yaml": DEPLOYMENT,
    }
    results = check_items(create(files))
    found = next(result for result in results if result.item.name == "readiness-probe")
    assert not [finding for finding in found.findings if finding.text.startswith("deploy/service:")]


def test_a_test_in_a_cluster_of_its_own_is_not_a_release(create):
    workflow = WORKFLOW.replace("go test ./...", "kubectl apply -f k8s")
    assert outcomes(create({".github/workflows/ci.yaml": workflow}))["bad-release-undone"] is Outcome.FAIL
    workflow = workflow.replace("golangci-lint run", "kind create cluster")
    assert outcomes(create({".github/workflows/ci.yaml": workflow}))["bad-release-undone"] is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ("- run: ./gradlew build checkstyleMain", Outcome.UNKNOWN),
        ("- {run: ./mvnw -B verify}\n      - uses: example/lint-action@v1", Outcome.UNKNOWN),
        ("- run: npm test", Outcome.FAIL),
        ("- run: npm test; helm lint charts/orders", Outcome.FAIL),
        ("- run: npm install --tag latest; npm run lint", Outcome.FAIL),
    ],
)
def test_checks_of_other_build_tools_are_known(create, steps, outcome):
    workflow = f"on: [pull_request]\njobs:\n  build:\n    runs-on: ubuntu-24.04\n    steps:\n      {steps}\n"
    assert outcomes(create({".github/workflows/ci.yaml": workflow}))["checks-on-every-change"] is outcome


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ("[pull_request]", Outcome.PASS),
        ("[push]", Outcome.PASS),
        ("{push: {branches: [main]}}", Outcome.FAIL),
        ("{push: {branches: [main]}, pull_request: {}}", Outcome.PASS),
    ],
)
def test_a_workflow_on_every_push_runs_on_changes(create, events, outcome):
    workflow = WORKFLOW.replace("[pull_request]", events)
    assert outcomes(create({".github/workflows/ci.yaml": workflow}))["checks-on-every-change"] is outcome


def test_hooks_of_pre_commit_are_checks(create):
    steps = "- run: pre-commit run --all\n      - run: pytest\n      - run: pytest tests/integration\n"
    workflow = f"on: [push]\njobs:\n  build:\n    runs-on: ubuntu-24.04\n    steps:\n      {steps}"
    files = {".github/workflows/ci.yaml": workflow, "pyproject.toml": ""}
    assert outcomes(create(files))["checks-on-every-change"] is Outcome.FAIL
    files[".pre-commit-config.yaml"] = "repos: [{hooks: [{id: mypy}]}]\n"
    assert outcomes(create(files))["checks-on-every-change"] is Outcome.PASS


def test_a_called_workflow_may_run_the_checks(create):
    workflow = "on: [pull_request]\njobs:\n  build: {uses: example/.github/.github/workflows/build.yml@main}\n"
    assert outcomes(create({".github/workflows/ci.yaml": workflow}))["checks-on-every-change"] is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("permissions", "outcome"),
    [
        ("permissions: {}", Outcome.PASS),
        ("permissions: {contents: read}", Outcome.PASS),
        ("permissions: {contents: write}", Outcome.FAIL),
        ("permissions: read-all", Outcome.PASS),
        ("env: {}", Outcome.PASS),
    ],
)
def test_permissions_of_a_workflow_grant_nothing_but_reading(create, permissions, outcome):
    workflow = WORKFLOW.replace("permissions: {}", permissions, 1)
    assert outcomes(create({".github/workflows/ci.yaml": workflow}))["permissions-empty"] is outcome


def test_a_job_without_permissions_has_those_of_the_workflow(create):
    workflow = WORKFLOW.replace("    permissions: {contents: read}\n", "")
    assert outcomes(create({".github/workflows/ci.yaml": workflow}))["permissions-least"] is Outcome.PASS
    workflow = workflow.replace("permissions: {}\n", "")
    found = outcomes(create({".github/workflows/ci.yaml": workflow}))
    assert (found["permissions-least"], found["permissions-empty"]) == (Outcome.FAIL, Outcome.FAIL)


def test_names_of_dockerfiles_differ(create):
    for name in ("zarf/docker/dockerfile.sales", "build/api.Dockerfile", "Containerfile"):
        found = outcomes(create({name: "FROM debian:latest\n"}))
        assert found["base-images-tagged"] is Outcome.FAIL, name
        (create({}).root / name).unlink()
    for name in ("Dockerfile.playwright", "web/Dockerfile.dev", ".devcontainer/Dockerfile", "cypress/Dockerfile"):
        assert outcomes(create({name: "FROM debian:latest\n"}))["base-images-tagged"] is Outcome.NOT_APPLICABLE, name


def test_a_compose_file_that_deploys_publishes_ports(create):
    services = "services: {web: {image: orders, ports: ['80:80']}}\n"
    assert outcomes(create({"compose.deploy.yml": services}))["compose-stays-local"] is Outcome.NOT_APPLICABLE
    assert outcomes(create({"compose.yml": services}))["compose-stays-local"] is Outcome.FAIL


KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n"


@pytest.mark.parametrize(
    ("name", "text", "outcome"),
    [
        ("keys/server.pem", KEY, Outcome.FAIL),
        ("orders/tests/conftest.py", KEY, Outcome.UNKNOWN),
        ("auth/auth_test.go", KEY, Outcome.UNKNOWN),
        ("vendor/tls/key.pem", KEY, Outcome.PASS),
        ("docker/.env.example", "A=1\n", Outcome.PASS),
        ("docker/.env", "A=1\n", Outcome.FAIL),
    ],
)
def test_a_key_of_a_test_is_not_known_to_be_a_secret(create, name, text, outcome):
    assert outcomes(create({name: text}))["no-secrets-in-git"] is outcome


def test_an_image_that_copies_named_files_requires_no_dockerignore(create):
    files = {".gitignore": ".env\n", "Dockerfile": "FROM debian:13\nCOPY src /src\n"}
    assert outcomes(create(files))["env-ignored"] is Outcome.PASS
    files["Dockerfile"] = "FROM debian:13\nCOPY . /src\n"
    assert outcomes(create(files))["env-ignored"] is Outcome.FAIL
    assert outcomes(create({**files, ".dockerignore": "*\n!src\n"}))["env-ignored"] is Outcome.PASS


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("[b](#ünd-1)\n\n## Ünd 1\n", Outcome.PASS),
        ("[b](#b-1)\n\n## b\n\n## b\n", Outcome.PASS),
        ('[b](#here)\n\n<a name="here"></a>\n', Outcome.PASS),
        ("[b](#list)\n\n## List all {: #list .rule }\n", Outcome.PASS),
        ("[b](#a-link)\n\n## A [link](https://example.com)\n", Outcome.PASS),
        ("[b](../../actions/workflows/ci.yml)\n[b](#c)\n\n# c\n", Outcome.PASS),
        ("`list[a](b)`\n[b](#c)\n\n# c\n", Outcome.PASS),
        ("[b](#missing)\n", Outcome.FAIL),
    ],
)
def test_anchors_are_those_of_github(create, text, outcome):
    assert outcomes(create({"README.md": text}))["links-lead-somewhere"] is outcome


@pytest.mark.parametrize(
    ("block", "outcome"),
    [
        ("git checkout -b <BRANCH>\n", Outcome.PASS),
        ("$ orders list\nIt's (one) line of output\n", Outcome.PASS),
        ("echo (\n", Outcome.FAIL),
    ],
)
def test_placeholders_and_output_are_no_commands(create, block, outcome):
    assert outcomes(create({"README.md": f"```sh\n{block}```\n"}))["commands-work"] is outcome


@pytest.mark.parametrize(
    ("file", "text", "outcome"),
    [
        ("main.go", 'import "google.golang.org/grpc/health"\n', Outcome.UNKNOWN),
        ("main.go", 'mux.HandleFunc("GET /healthz", live)\nmux.HandleFunc("GET /readyz", ready)\n', Outcome.PASS),
        ("pom.xml", "<artifactId>spring-boot-starter-actuator</artifactId>\n", Outcome.PASS),
        ("urls.py", 'path("health/", live), path("ready/", ready)\n', Outcome.PASS),
        ("health_test.go", 'get("/healthz")\nget("/readyz")\n', Outcome.UNKNOWN),
    ],
)
def test_health_endpoints_are_routes(create, file, text, outcome):
    assert outcomes(create({file: text}))["health-endpoints"] is outcome


@pytest.mark.parametrize(
    ("file", "item", "name"),
    [("vercel.json", "built-once", "Vercel"), ("railway.toml", "health-gate", "Railway")],
)
def test_other_platforms_are_detected_and_not_judged(create, file, item, name):
    results = {result.item.name: result for result in check_items(create({file: ""}))}
    assert results[item].outcome is Outcome.UNKNOWN
    assert name in results[item].evidence[0].text


def test_the_output_names_each_reason_once(create, capsys):
    repository = create({"Chart.yaml": "name: orders\n", "Dockerfile": "FROM debian\n"})
    assert main([], repository.root) == 1
    output = capsys.readouterr().out
    assert output.count("the manifests are Helm templates") == 1
    assert "READINESS.md" not in output
    assert "readiness.yml" not in output


def test_the_help_is_about_the_repository_at_hand(create, capsys):
    with pytest.raises(SystemExit):
        main(["--help"], create({}).root)
    output = capsys.readouterr().out
    assert "not applicable" in output
    assert "READINESS.md" not in output
    assert "sign" not in output


def test_manual_items_explain_how_to_check_them(create):
    results = {result.item.name: result for result in check_items(create({}))}
    assert "readiness.yml" not in results["on-call"].evidence[0].text
    assert results["on-call"].item.how in results["on-call"].evidence[0].text


def test_a_middleware_sets_some_headers(create):
    text = "MIDDLEWARE = ['django.middleware.security.SecurityMiddleware']\n"
    results = {result.item.name: result for result in check_items(create({"settings.py": text}))}
    seen = [finding.text for finding in results["security-headers"].findings if finding.outcome is Outcome.PASS]
    assert seen == ["X-Content-Type-Options"]


def test_probes_take_the_place_of_a_health_check_in_the_image(create):
    files = {"Dockerfile": 'FROM debian:13\nCMD ["/orders"]\n'}
    assert outcomes(create(files))["own-healthcheck"] is Outcome.FAIL
    assert outcomes(create({**files, "k8s/orders.yaml": DEPLOYMENT}))["own-healthcheck"] is Outcome.NOT_APPLICABLE


def test_charts_beside_other_manifests_are_named_once(create, capsys):
    repository = create({"charts/orders/Chart.yaml": "name: orders\n", "k8s/orders.yaml": DEPLOYMENT})
    main([], repository.root)
    assert capsys.readouterr().out.count("Helm templates of charts/orders") == 1
    main(["--format", "json"], repository.root)
    assert "Not checked" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "outcome"),
    [
        ("server.ts", 'import helmet from "helmet";\n', Outcome.PASS),
        ("server.ts", "import helmet from '@fastify/helmet';\n", Outcome.PASS),
        ("words.js", 'const words = "glove,helmet,scarf";\n', Outcome.UNKNOWN),
        ("static/js/words.min.js", 'helmet("glove")\n', Outcome.UNKNOWN),
    ],
)
def test_helmet_sets_the_headers_where_it_is_imported(create, name, text, outcome):
    assert outcomes(create({name: text}))["security-headers"] is outcome
