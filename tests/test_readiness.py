"""Promise: readiness passes what is emitted, and catches each change that breaks an item of READINESS.md."""

import contextlib
import functools
import itertools
import re
import subprocess
from pathlib import Path
from unittest import mock

import pytest
from readiness.checklist import read_checklist
from readiness.checks import files
from readiness.checks.pipeline import pipeline_starts
from readiness.cli import main
from readiness.registry import CHECKS, read_items, select_checks, select_parts
from readiness.repository import Repository
from readiness.results import Result, check_items

from readiness import commands, manifests
from tests.combinations import LANGUAGES, ROOT, on, platforms
from tests.updates import commit_all, git

ALL = ["postgres", "redis", "external-api"]
STRATEGIES = ["rolling", "blue-green", "canary"]
LOGINS = {"rolling": "eks", "blue-green": "gke", "canary": "aks"}
# Each language, strategy and kind of repository, with and without services.
SPREAD = [
    {
        "language": language,
        "platform": "kubernetes",
        "strategy": strategy,
        "services": services,
        "repository": repository,
        # The login to the cluster, each once.
        **({"cluster_login": LOGINS[strategy]} if language == "python" else {}),
    }
    for (language, strategy), (services, repository) in zip(
        itertools.product(LANGUAGES, STRATEGIES),
        itertools.cycle([([], "private"), (ALL, "public"), ([], "public"), (ALL, "private")]),
    )
]
GO = {"language": "go", "strategy": "rolling", "services": ALL, "repository": "private"}
CANARY_ON_VERCEL = on("vercel", "go", "canary", ALL, "private")
SWITCH_ON_VERCEL = on("vercel", "node", "blue-green", [], "public")
RAILWAY = on("railway", "go", "rolling", ALL, "private")
SPREAD += [
    CANARY_ON_VERCEL,
    SWITCH_ON_VERCEL,
    on("vercel", "python", "canary", ["postgres"], "public"),
    RAILWAY,
    on("railway", "node", "rolling", ["redis"], "public"),
    on("railway", "python", "rolling", [], "private"),
]
WORKFLOW = ".github/workflows/pipeline.yml"
DEPLOYMENT = "deploy/base/deployment.yaml"
ROLLOUT = "deploy/base/rollout.yaml"
ANALYSIS = "deploy/base/analysis.yaml"
ALERTS = "deploy/components/alerts/alerts.yaml"
PRE_TRAFFIC_CHECK = "deploy/base/trial.yaml"


@pytest.fixture(scope="module", autouse=True)
def nothing_runs_twice():
    """Build each content of deploy/, parse each command and run each script's --help once."""
    run, done = commands.run, {}

    def run_once(*command: str, folder: Path | None = None, text: str = "") -> subprocess.CompletedProcess[str]:
        if command[:2] == ("kubectl", "kustomize"):
            key = (command[:2], *contents(Path(command[2])))
        elif command[0] == "sh":
            key = (command, text)
        elif "--help" in command:
            key = (command, (folder / command[0]).read_text())
        else:
            return run(*command, folder=folder, text=text)
        if key not in done:
            done[key] = run(*command, folder=folder, text=text)
        return done[key]

    with contextlib.ExitStack() as stack:
        for module in (manifests, files):
            stack.enter_context(mock.patch.object(module, "run", run_once))
        yield


def contents(overlay: Path) -> list[tuple[str, str]]:
    """Return the name of an overlay, and the paths and texts of all files of deploy/."""
    deploy = overlay.parent.parent
    texts = [(str(path.relative_to(deploy)), path.read_text()) for path in deploy.rglob("*") if path.is_file()]
    return [(overlay.name, ""), *sorted(texts)]


def check(project: Path) -> list[Result]:
    return check_items(Repository(project))


def failed(project: Path) -> set[str]:
    return {result.item.name for result in check(project) if result.outcome == "fail"}


def described(results: list[Result]) -> list[str]:
    return [
        f"{result.item.name}: {finding}"
        for result in results
        if result.outcome == "fail"
        for finding in result.evidence
    ]


# What is emitted passes


@pytest.mark.parametrize("answers", SPREAD, ids=lambda answers: "-".join(map(str, answers.values())))
def test_an_untouched_project_passes(render, answers):
    results = check(render(**answers))
    assert not described(results)
    assert len(results) >= 40
    assert {result.item.section for result in results} == {
        "Application",
        "Infrastructure",
        "Monitoring",
        "Security",
        "Operations",
    }
    assert all(result.evidence for result in results)
    proven = [result for result in results if result.outcome == "pass"]
    assert all(
        any(finding.place[0] for finding in result.evidence) for result in proven if "updates" not in result.item.name
    )


@pytest.mark.parametrize("answers", SPREAD, ids=lambda answers: "-".join(map(str, answers.values())))
def test_each_item_is_complete_and_leads_to_files_that_exist(render, answers):
    project = render(**answers)
    text = (project / "READINESS.md").read_text()
    items = re.findall(
        r"^- \*\*[A-Z`\w].+?\.\*\* [A-Z].+[.?]\\\n  \*(checked|yours)\* `[a-z-]+`: \S.+$", text, re.MULTILINE
    )
    assert len(items) == text.count("\n- ")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 40
    assert not [link for link in links if not (project / link).exists()]
    checked = re.findall(r"\*checked\* `[a-z-]+`: (.+)", text)
    assert all("](" in how for how in checked)


def test_the_parts_are_those_that_exist():
    parts = [entry["part"] for entry in read_items("parts")]
    assert set(parts) == {path.stem for path in (ROOT / "readiness/src/readiness/items").glob("*.yml")} - {"parts"}


def test_the_parts_apply_to_the_platforms_that_release_an_image():
    required = {entry["part"]: entry["needs"] for entry in read_items("parts")}
    images = {name for name, facts in platforms().items() if facts["ships"] == "image"}
    assert set(required["image-released"][0].split("|")) == images
    assert set(required["image-public"][0].split("|")) == images
    rollouts = {
        strategy
        for strategy, facts in platforms()["kubernetes"]["strategies"].items()
        if facts["workload"]["kind"] == "Rollout"
    }
    assert set(required["kubernetes-rollouts"][1].split("|")) == rollouts


@pytest.mark.parametrize("answers", SPREAD, ids=lambda answers: "-".join(map(str, answers.values())))
def test_every_checked_item_has_a_check_and_every_check_an_item(render, answers):
    repository = Repository(render(**answers))
    listed = read_checklist(repository)
    assert {item.name for item in listed if item.mark == "checked"} == set(select_checks(repository.answers))
    assert len({item.name for item in listed}) == len(listed)


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        ("*yours* `on-call`", "*checked* `on-call`", "have no check: on-call"),
        ("`numeric-user`", "`number-user`", "have no check: number-user"),
        ("`numeric-user`: ", "", "invalid item"),
    ],
)
def test_a_checklist_that_does_not_fit_the_program_is_refused(emit, was, becomes, reason, capsys):
    project = emit(**GO)
    edit(project, "READINESS.md", was, becomes)
    assert main([], project) == 1
    assert reason in capsys.readouterr().err


# What breaks an item is caught, and nothing else is blamed


def edit(project: Path, file: str, was: str, becomes: str) -> None:
    """Replace the first occurrence of a text in a file."""
    path = project / file
    text = path.read_text()
    assert was in text, f"{file} has no {was!r}"
    path.write_text(text.replace(was, becomes, 1))


def append(project: Path, file: str, more: str) -> None:
    """Add a text to the end of a file, which is made where there is none."""
    path = project / file
    path.write_text((path.read_text() if path.exists() else "") + more)


def everywhere(project: Path, files: str, pattern: str, becomes: str) -> None:
    """Replace what a pattern matches in all of these files."""
    for path in project.glob(files):
        path.write_text(re.sub(pattern, becomes, path.read_text()))


PRODUCTION = "deploy/overlays/production"
STAGING = "deploy/overlays/staging"
PATCH = """patches:
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata:
        name: my-service
      spec:
        template:
          spec:
            terminationGracePeriodSeconds: 60
"""

# item, file, what stands there, what is put in its place: in Go with all services
EDITS = [
    ("health-endpoints", "scripts/smoke", "expect /health/ready", "expect /health/steady"),
    ("fail-fast", "cmd/server/main.go", "wrongConfiguration = 78", "wrongConfiguration = 1"),
    ("variables-in-example", ".env.example", "LOG_LEVEL=info\n", ""),
    ("variables-in-example", ".env.example", "LOG_LEVEL=", "NOBODY_READS_IT=1\nLOG_LEVEL="),
    ("variables-in-readme", "README.md", "`LOG_LEVEL`", "the level"),
    ("checks-on-every-change", WORKFLOW, "check: [lint, typecheck, test]", "check: [lint, test]"),
    ("checks-on-every-change", WORKFLOW, "run: make integration", "run: make build"),
    ("coverage-enforced", "Makefile", "; exit $$3 + 0 < 80", ""),
    ("api-described", "openapi.json", '"openapi": "3.1.0"', '"openapi": "4.0.0"'),
    ("api-described", "openapi.json", '"operationId": "read-note"', '"operationID": "read-note"'),
    ("api-described", "openapi.json", '"title": "my-service"', '"title": 1'),
    ("lock-matches-manifest", "go.mod", "jwt/v5 v5.3.1", "jwt/v5 v5.3.0"),
    ("installs-from-lock", "Dockerfile", "-mod=readonly ", ""),
    ("exec-form", "Dockerfile", 'ENTRYPOINT ["/server"]', "ENTRYPOINT /server"),
    ("exec-form", "Dockerfile", 'ENTRYPOINT ["/server"]', 'ENTRYPOINT ["/bin/sh", "-c", "/server"]'),
    ("stops-in-time", ".env.example", "SHUTDOWN_DELAY_SECONDS=0", "SHUTDOWN_DELAY_SECONDS=25"),
    ("stops-in-time", "Dockerfile", "ENTRYPOINT", "STOPSIGNAL SIGKILL\nENTRYPOINT"),
    ("variables-in-settings", f"{PRODUCTION}/settings.env", "EXTERNAL_API_URL=", "# EXTERNAL_API_URL="),
    ("variables-in-settings", "deploy/base/settings.env", "LOG_LEVEL=", "LOGLEVEL="),
    ("time-to-drain", DEPLOYMENT, "terminationGracePeriodSeconds: 35", "terminationGracePeriodSeconds: 30"),
    ("time-to-drain", "deploy/base/settings.env", "SHUTDOWN_TIMEOUT_SECONDS=25", "SHUTDOWN_TIMEOUT_SECONDS=40"),
    ("pre-stop-delay", DEPLOYMENT, "                seconds: 5", "                seconds: 1"),
    ("multi-stage", "Dockerfile", "COPY --from=build /server", "COPY server"),
    ("base-images-tagged", "Dockerfile", "golang:1.27-trixie", "golang:latest"),
    ("base-images-tagged", "Dockerfile", "static-debian13:nonroot", "static-debian13"),
    ("own-healthcheck", "Dockerfile", 'CMD ["/server", "healthcheck"]', "CMD curl --fail http://127.0.0.1:8080/health"),
    ("own-healthcheck", "Dockerfile", 'CMD ["/server", "healthcheck"]', 'CMD ["wget", "http://127.0.0.1:8080/health"]'),
    ("runs-read-only", "compose.yaml", "cap_drop: [ALL]", "cap_drop: []"),
    ("runs-read-only", "compose.yaml", "    develop:\n", "    read_only: false\n    x-develop:\n"),
    ("released-by-digest", WORKFLOW, 'scripts/deploy "$ENVIRONMENT" "ghcr.io/example/my-service@$DIGEST"', 'scripts/deploy "$ENVIRONMENT" "ghcr.io/example/my-service:$GITHUB_SHA"'),
    ("startup-probe", DEPLOYMENT, "path: /health\n", "path: /health/ready\n"),
    ("startup-probe", DEPLOYMENT, "progressDeadlineSeconds: 300", "progressDeadlineSeconds: 120"),
    ("readiness-probe", DEPLOYMENT, "path: /health/ready", "path: /health"),
    ("liveness-probe", DEPLOYMENT, "livenessProbe:\n            httpGet:\n              path: /health", "livenessProbe:\n            httpGet:\n              path: /health/ready"),
    ("resources-bounded", DEPLOYMENT, "              memory: 128Mi\n", ""),
    ("pods-enough", f"{PRODUCTION}/horizontal-pod-autoscaler.yaml", "minReplicas: 3", "minReplicas: 1"),
    ("pods-enough", f"{STAGING}/kustomization.yaml", "count: 2", "count: 1"),
    ("autoscaler-alone", f"{PRODUCTION}/horizontal-pod-autoscaler.yaml", "    name: my-service", "    name: my-servant"),
    ("autoscaler-alone", f"{PRODUCTION}/kustomization.yaml", "configMapGenerator", "replicas:\n  - name: my-service\n    count: 5\nconfigMapGenerator"),
    ("nodes-can-drain", "deploy/base/pod-disruption-budget.yaml", "maxUnavailable: 1", "maxUnavailable: 0"),
    ("nodes-can-drain", "deploy/base/pod-disruption-budget.yaml", "maxUnavailable: 1", "minAvailable: 100%"),
    ("pods-spread", DEPLOYMENT, "topologyKey: kubernetes.io/hostname", "topologyKey: topology.kubernetes.io/region"),
    ("services-find-pods", "deploy/base/service.yaml", "    app.kubernetes.io/component: server\n  ports", "    app.kubernetes.io/component: serve\n  ports"),
    ("services-find-pods", "deploy/base/service.yaml", "targetPort: http", "targetPort: web"),
    ("settings-released", "deploy/base/kustomization.yaml", "configMapGenerator", "generatorOptions:\n  disableNameSuffixHash: true\nconfigMapGenerator"),
    ("environments-alike", f"{STAGING}/kustomization.yaml", "configMapGenerator", f"{PATCH}configMapGenerator"),
    ("rollout-loses-no-pod", DEPLOYMENT, "maxUnavailable: 0", "maxUnavailable: 1"),
    ("rollout-loses-no-pod", DEPLOYMENT, "maxSurge: 1", "maxSurge: 0"),
    ("migration-before-release", "deploy/base/migration.yaml", "  activeDeadlineSeconds: 600\n", ""),
    ("migration-before-release", "scripts/deploy", "run_job migration", "true"),
    ("version-in-image", "Dockerfile", "ENV APP_VERSION=$APP_VERSION\n", ""),
    ("version-in-image", "Makefile", "--build-arg APP_VERSION=$(VERSION) ", ""),
    ("metrics-found", "deploy/base/service.yaml", 'prometheus.io/port: "9090"', 'prometheus.io/port: "9091"'),
    ("alerts-explained", ALERTS, "RUNBOOK.md#notraffic", "RUNBOOK.md#no-traffic"),
    ("alerts-explained", ALERTS, "            severity: critical\n", "            team: orders\n"),
    ("alerts-explained", "RUNBOOK.md", "### HighLatency", "### Slow responses"),
    ("metrics-closed", "deploy/base/network-policy.yaml", "    - from:\n        - namespaceSelector:\n            matchLabels:\n              kubernetes.io/metadata.name: monitoring\n      ports:", "    - ports:"),
    ("last-words-kept", DEPLOYMENT, "terminationMessagePolicy: FallbackToLogsOnError", "terminationMessagePolicy: File"),
    ("log-level-bearable", f"{PRODUCTION}/settings.env", "APP_ENV=", "LOG_LEVEL=debug\nAPP_ENV="),
    ("security-headers", "internal/server/handler.go", '"X-Frame-Options"', '"X-Frames"'),
    ("secrets-required", "internal/config/config.go", '"JWT_SECRET,required"', '"JWT_SECRET" envDefault:"secret"'),
    ("example-secrets-refused", ".env.example", "HEALTH_TOKEN=example-", "HEALTH_TOKEN=our-own-"),
    ("no-secrets-in-git", "internal/api/api.go", "package api\n", f"package api\n\nconst key = \"{'AKIA' + 'J' * 16}\"\n"),
    ("env-ignored", ".gitignore", ".env\n", ""),
    ("env-ignored", ".dockerignore", ".env\n", ""),
    ("permissions-empty", WORKFLOW, "permissions: {}", "permissions: {contents: read}"),
    ("permissions-least", WORKFLOW, "contents: read # check out", "contents: write # check out"),
    ("permissions-least", WORKFLOW, "    permissions:\n      contents: read # check out\n", ""),
    ("credentials-not-kept", WORKFLOW, "persist-credentials: false", "persist-credentials: true"),
    ("values-not-in-commands", WORKFLOW, '"$GITHUB_SHA"', '"${{ github.sha }}"'),
    ("secrets-behind-environments", WORKFLOW, "REDIS_URL: redis", "TOKEN: ${{ secrets.TOKEN }}\n          REDIS_URL: redis"),
    ("secrets-behind-environments", WORKFLOW, "  push:\n", "  pull_request_target:\n  push:\n"),
    ("approval-before-lock", WORKFLOW, "name: production-approval", "name: production"),
    ("approval-before-lock", ".github/workflows/rollback.yml", "    needs: approval\n", ""),
    ("dependencies-updated", ".github/dependabot.yml", "default-days: 7", "default-days: 0"),
    ("dependencies-updated", ".github/dependabot.yml", "package-ecosystem: docker", "package-ecosystem: docker-compose"),
    ("compose-stays-local", "compose.yaml", "127.0.0.1:${PORT", "${PORT"),
    ("numeric-user", "Dockerfile", "USER 65532:65532\nENV APP_ENV", "USER root\nENV APP_ENV"),
    ("numeric-user", "Dockerfile", "USER 65532:65532\nENV APP_ENV", "ENV APP_ENV"),
    ("no-secrets-in-image", "Dockerfile", "ARG TARGETOS", "ARG REGISTRY_TOKEN\nARG TARGETOS"),
    ("no-secrets-in-image", "Dockerfile", "COPY --from=build", "COPY .env /\nCOPY --from=build"),
    ("image-attested", WORKFLOW, "sbom: true", "sbom: false"),
    ("pods-not-root", DEPLOYMENT, "runAsUser: 65532", "runAsUser: 0"),
    ("pods-not-root", DEPLOYMENT, "runAsNonRoot: true", "runAsNonRoot: false"),
    ("pods-read-only", DEPLOYMENT, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
    ("pods-without-capabilities", DEPLOYMENT, "                - ALL", "                - NET_RAW"),
    ("pods-without-capabilities", DEPLOYMENT, "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"),
    ("pods-confined", DEPLOYMENT, "type: RuntimeDefault", "type: Unconfined"),
    ("pods-off-the-host", DEPLOYMENT, "      enableServiceLinks: false", "      hostNetwork: true\n      enableServiceLinks: false"),
    ("no-cluster-token", DEPLOYMENT, "automountServiceAccountToken: false", "automountServiceAccountToken: true"),
    ("no-cluster-token", "deploy/base/service-account.yaml", "automountServiceAccountToken: false\n", ""),
    ("namespaces-restricted", f"{PRODUCTION}/namespace.yaml", "enforce: restricted", "enforce: baseline"),
    ("network-closed", "deploy/base/network-policy.yaml", "    - Egress\n", ""),
    ("network-closed", "deploy/base/network-policy.yaml", "  egress:\n", "  egress:\n    - {}\n"),
    ("secrets-by-reference", DEPLOYMENT, "          envFrom:", "          env:\n            - name: JWT_SECRET\n              value: abc\n          envFrom:"),
    ("deployer-least-rights", "deploy/deployer.yaml", "[serviceaccounts, configmaps]", "[serviceaccounts, configmaps, secrets]"),
    ("deployer-least-rights", "deploy/deployer.yaml", "kind: RoleBinding", "kind: ClusterRoleBinding"),
    ("tried-without-traffic", "deploy/base/kustomization.yaml", "  - trial.yaml\n", ""),
    ("tried-without-traffic", "deploy/base/service.yaml", "    app.kubernetes.io/component: server\n  ports", "  ports"),
    ("tried-without-traffic", PRE_TRAFFIC_CHECK, "  activeDeadlineSeconds: 240\n", ""),
    ("tried-without-traffic", PRE_TRAFFIC_CHECK, "backoffLimit: 0", "backoffLimit: 3"),
    ("tried-without-traffic", PRE_TRAFFIC_CHECK, "8080/health/ready", "8080/health"),
    ("tried-without-traffic", "scripts/deploy", "run_job pre-traffic-check", "true"),
    ("tried-without-traffic", "scripts/deploy", 'await_job "$name-pre-traffic-check" 300 || fail', 'await_job "$name-pre-traffic-check" 300 || say'),
    ("pods-not-root", PRE_TRAFFIC_CHECK, "runAsUser: 65532", "runAsUser: 0"),
    ("one-release-at-a-time", "scripts/deploy", "\ntake_lock\n", "\n"),
    ("one-release-at-a-time", "scripts/rollback", "\ntake_lock\n", "\n"),
    ("cancelled-release-undone", WORKFLOW, "run: exec scripts/deploy", "run: scripts/deploy"),
    ("cancelled-release-undone", WORKFLOW, "(cancelled() || failure())", "failure()"),
    ("cancelled-release-undone", WORKFLOW, "scripts/rollback --unfinished", "true"),
    ("one-release-at-a-time", "deploy/deployer.yaml", "[get, create, patch, delete]", "[get, create, delete]"),
    ("cut-off-release-undone", "scripts/deploy", "trap finish EXIT\n", ""),
    ("cut-off-release-undone", "scripts/deploy", "exit 130' HUP INT TERM", "exit 130' HUP"),
    ("cut-off-release-undone", "scripts/deploy", " || revert_release\n", " || true\n"),
    ("improvements-arrive", ".github/workflows/template-update.yml", "scripts/update-template", "true"),
    ("readiness-in-pipeline", WORKFLOW, "make readiness", "true"),
    ("image-scanned", WORKFLOW, "    needs: [image, scan]\n", "    needs: image\n"),
    ("image-scanned", WORKFLOW, "only-fixed: true # report only vulnerabilities that have a fix\n          output-format: table\n\n  staging", "fail-build: false\n\n  staging"),
    ("image-verified", WORKFLOW, "run: scripts/verify", "run: true"),
    ("staging-before-production", WORKFLOW, "    needs: staging\n", ""),
    ("deploys-never-cancelled", WORKFLOW, "cancel-in-progress: false", "cancel-in-progress: true"),
    ("deploys-never-cancelled", WORKFLOW, "group: deploy-production", "group: deploy-staging"),
    ("deploys-never-cancelled", WORKFLOW, "cancel-in-progress: ${{ github.event_name == 'pull_request' }}", "cancel-in-progress: true"),
    ("bad-release-undone", WORKFLOW, "if: ${{ !success() && steps.deploy.outcome == 'success' }}", "if: ${{ success() }}"),
    ("bad-release-undone", WORKFLOW, 'run: scripts/rollback "$ENVIRONMENT"', "run: echo"),
    ("jobs-time-out", WORKFLOW, "    timeout-minutes: 60 # scripts/deploy ends earlier\n", ""),
    ("jobs-time-out", WORKFLOW, "timeout-minutes: 30", "timeout-minutes: 360"),
    ("runners-pinned", WORKFLOW, "ubuntu-24.04", "ubuntu-latest"),
    ("actions-pinned", WORKFLOW, " # v7.3.0", ""),
    ("commands-work", "RUNBOOK.md", "scripts/status production\n", "scripts/state production\n"),
    ("commands-work", "DEPLOYMENT.md", "kubectl apply -f deploy", "kubectl apply -f 'deploy"),
    ("commands-work", "DEPLOYMENT.md", "deploy/overlays/staging/namespace.yaml\n", "deploy/overlays/stage/namespace.yaml\n"),
    ("commands-work", "README.md", "make dev ", "make develop "),
    ("links-lead-somewhere", "DEPLOYMENT.md", "(deploy/base)", "(deploy/bases)"),
    ("scripts-explain-themselves", "scripts/smoke", "-h | --help)", "-h)"),
    ("updates-possible", ".copier-answers.yml", "_src_path:", "_source:"),
]  # fmt: skip

# the same with a login to EKS
EKS_EDITS = [
    ("permissions-least", WORKFLOW, "      contents: read # check out\n    strategy", "      contents: read # check out\n      id-token: write # sign\n    strategy"),
    ("actions-pinned", WORKFLOW, "uses: aws-actions/configure-aws-credentials@", "uses: aws-actions/configure-aws-credentials@v6 #"),
    ("commands-work", "DEPLOYMENT.md", """"Version": "2012-10-17",\n     "Statement": [{\n""", """'Version": "2012-10-17",\n     "Statement": [{\n"""),
]  # fmt: skip

# the same in another strategy, for public repositories
STRATEGY_EDITS = [
    ("blue-green", "slow-start-undone", ROLLOUT, "progressDeadlineAbort: true", "progressDeadlineAbort: false"),
    ("canary", "slow-start-undone", ROLLOUT, "  progressDeadlineAbort: true\n", ""),
    ("blue-green", "analysis-asks-new-pods", ANALYSIS, "- http://my-service-preview/\n", "- http://my-service/\n"),
    ("blue-green", "analysis-asks-new-pods", ROLLOUT, "previewService: my-service-preview", "previewService: my-service"),
    ("canary", "analysis-asks-new-pods", ANALYSIS, "http://my-service-canary/health", "http://my-service-stable/health"),
    ("canary", "analysis-asks-new-pods", ROLLOUT, "canaryService: my-service-canary", "canaryService: my-service-canaries"),
    ("canary", "analysis-ends-release", ANALYSIS, "failureLimit: 1", "failureLimit: 3"),
    ("canary", "analysis-ends-release", ANALYSIS, "failureLimit: 1", "failureLimit: -1"),
    ("canary", "analysis-ends-release", ROLLOUT, "        startingStep: 1", "        dryRun:\n          - metricName: probe\n        startingStep: 1"),
    ("blue-green", "analysis-ends-release", ANALYSIS, "failureLimit: 0", "failureLimit: 2"),
    ("blue-green", "analysis-ends-release", ANALYSIS, "            activeDeadlineSeconds: 60\n", ""),
    ("blue-green", "analysis-ends-release", ANALYSIS, "backoffLimit: 0", "backoffLimit: 3"),
    ("blue-green", "analysed-before-switch", ROLLOUT, "templateName: my-service", "templateName: my-servant"),
    ("blue-green", "analysed-before-switch", ROLLOUT, "prePromotionAnalysis", "postPromotionAnalysis"),
    ("blue-green", "analysed-before-switch", ANALYSIS, "      count: 2\n", ""),
    ("blue-green", "new-version-whole", ROLLOUT, "autoPromotionEnabled: true", "previewReplicaCount: 1"),
    ("blue-green", "previous-version-kept", ROLLOUT, "scaleDownDelaySeconds: 1800", "scaleDownDelaySeconds: 60"),
    ("blue-green", "previous-version-kept", ROLLOUT, "      scaleDownDelaySeconds: 1800\n", ""),
    ("blue-green", "previous-version-kept", ROLLOUT, "scaleDownDelayRevisionLimit: 1", "scaleDownDelayRevisionLimit: 0"),
    ("canary", "rollout-loses-no-pod", ROLLOUT, "maxUnavailable: 0", "maxUnavailable: 1"),
    ("canary", "canary-analysed", ROLLOUT, "templateName: my-service", "templateName: my-servant"),
    ("canary", "canary-analysed", ROLLOUT, "startingStep: 1", "startingStep: 3"),
    ("canary", "canary-analysed", ROLLOUT, "setWeight: 20", "setWeight: 40"),
    ("canary", "shares-fit-pods", ROLLOUT, "setWeight: 60", "setWeight: 50"),
    ("canary", "shares-fit-pods", f"{STAGING}/kustomization.yaml", "count: 5", "count: 4"),
    ("canary", "shares-last-long-enough", ROLLOUT, "pause: {duration: 2m}", "pause: {duration: 30s}"),
    ("canary", "shares-last-long-enough", ROLLOUT, "        - setWeight: 60\n        - pause: {duration: 2m}\n", "        - setWeight: 60\n"),
    ("canary", "shares-last-long-enough", ANALYSIS, "interval: 15s", "interval: 1m"),
    ("canary", "readiness-probe", ROLLOUT, "path: /health/ready", "path: /health"),
    ("canary", "pods-read-only", ANALYSIS, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
    ("blue-green", "no-cluster-token", ANALYSIS, "automountServiceAccountToken: false", "automountServiceAccountToken: true"),
    ("blue-green", "resources-bounded", ANALYSIS, "memory: 128Mi", "hugepages-2Mi: 2Mi"),
    ("blue-green", "autoscaler-alone", f"{PRODUCTION}/horizontal-pod-autoscaler.yaml", "kind: Rollout", "kind: Deployment"),
    ("canary", "image-signed", WORKFLOW, "needs: [image, attest]", "needs: [image, scan]"),
    ("canary", "code-scanned", ".github/workflows/codeql.yml", "  schedule:\n    - cron: \"41 5 * * 3\" # new rules also apply to old code\n", ""),
]  # fmt: skip

# item, and a function that breaks it
OTHER_CHANGES = [
    ("actions-pinned", lambda project: edit(project, WORKFLOW, re.search(r"checkout@(\w{40})", (project / WORKFLOW).read_text())[1], "v7")),
    ("no-secrets-in-git", lambda project: append(project, ".env.production", "X=1\n")),
    ("no-secrets-in-git", lambda project: append(project, "deploy.pem", "-----BEGIN " + "PRIVATE KEY-----\nMIIE\n")),
    ("secrets-by-reference", lambda project: append(project, "deploy/secret.yaml", "apiVersion: v1\nkind: Secret\n")),
    ("detailed-health-closed", lambda project: everywhere(project, "**/*_test.go", r"StatusUnauthorized|401", "StatusOK")),
    ("image-built-once", lambda project: everywhere(project, WORKFLOW, r"( {6}- name: Build and push\n {8}id: push\n(?:.+\n)*? {10}cache-to: type=gha,mode=max\n)", r"\1\1")),
    ("rollback-by-hand", lambda project: everywhere(project, "*.md", r"scripts/rollback ", "scripts/deploy ")),
    ("links-lead-somewhere", lambda project: append(project, "README.md", "\n[gone](DEPLOYMENT.md#gone)\n")),
    ("scripts-explain-themselves", lambda project: append(project, "scripts/own", "#!/bin/sh\n")),
    ("updates-settled", lambda project: append(project, "DEPLOYMENT.md", "<" * 7 + " before updating\n")),
    ("updates-settled", lambda project: append(project, "Makefile.rej", "rejected\n")),
    ("sign-offs-name-items", lambda project: append(project, "readiness.yml", "nobody-knows: {name: A, date: 2026-01-01, expires: 2099-01-01}\n")),
    ("sign-offs-name-items", lambda project: append(project, "readiness.yml", "numeric-user: {name: A, date: 2026-01-01, expires: 2099-01-01}\n")),
]  # fmt: skip

# the same in another language
OTHER_LANGUAGES = [
    ("node", "fail-fast", "src/config.ts", "EXIT_CONFIG = 78", "EXIT_CONFIG = 1"),
    ("node", "variables-in-example", ".env.example", "LOG_LEVEL=info\n", ""),
    ("node", "variables-in-readme", "README.md", "`NODE_ENV`", "the mode"),
    ("node", "secrets-required", "src/config.ts", "secret(32)", 'secret(32).prefault("secret")'),
    ("node", "secrets-required", "src/config.ts", "secret(32)", "secret(32).optional()"),
    ("node", "lock-matches-manifest", "package.json", '"fastify": "^5', '"fastify": "^4'),
    ("node", "installs-from-lock", "Dockerfile", "npm ci", "npm install"),
    ("node", "coverage-enforced", "vitest.config.ts", "thresholds", "limits"),
    ("node", "exec-form", "Dockerfile", 'CMD ["/nodejs/bin/node", "dist/main.js"]', 'CMD ["npm", "start"]'),
    ("node", "security-headers", "src/server.ts", "x-frame-options", "x-frames"),
    ("python", "fail-fast", "config/environment.py", "os.EX_CONFIG", "1"),
    ("python", "variables-in-example", ".env.example", "ALLOWED_HOSTS=localhost,127.0.0.1\n", ""),
    ("python", "secrets-required", "config/environment.py", "Field(min_length=32,", 'Field("secret", min_length=32,'),
    ("python", "secrets-required", "config/environment.py", "Field(min_length=32,", 'Field(default="secret", min_length=32,'),
    ("python", "lock-matches-manifest", "pyproject.toml", "django>=5.2.19", "django>=5.2.18"),
    ("python", "installs-from-lock", "Dockerfile", "uv sync --locked", "uv sync"),
    ("python", "coverage-enforced", "pyproject.toml", "fail_under = 90\n", ""),
]  # fmt: skip


# item, file, what stands there, what is put in its place: canary on Vercel
CANARY_ON_VERCEL_EDITS = [
    ("variables-in-documents", "DEPLOYMENT.md", "`EXTERNAL_API_URL`, ", ""),
    ("ends-in-time", "internal/server/vercel.go", "400 * time.Millisecond", "900 * time.Millisecond"),
    ("ends-in-time", "internal/server/vercel.go", "WithTimeout(context.WithoutCancel(ctx), vercelShutdownTimeout)", "WithCancel(context.WithoutCancel(ctx))"),
    ("commit-itself-built", "scripts/deploy", 'git archive --output "$work/source.tar" "$revision"', 'tar -c -f "$work/source.tar" .'),
    ("commit-itself-built", "scripts/deploy", 'cd "$work/source"\n', ""),
    ("built-once", "scripts/deploy", "vercel deploy --prebuilt", "vercel deploy"),
    ("built-once", "scripts/deploy", "attempt 'The smoke test'", "attempt 'The build' vercel build --yes\nattempt 'The smoke test'"),
    ("tested-before-traffic", "scripts/deploy", " --skip-domain", ""),
    ("pushes-deploy-nothing", "vercel.json", '"deploymentEnabled": false', '"deploymentEnabled": true'),
    ("command-line-pinned", "scripts/lib/vercel.sh", "version=64.0.2", "version=latest"),
    ("command-line-pinned", "DEPLOYMENT.md", "vercel@64.0.2 link", "vercel@latest link"),
    ("migration-before-release", "scripts/deploy", "attempt 'The migration' vercel env run", "attempt 'The migration' vercel env list"),
    ("version-deployed", "scripts/deploy", '--env "APP_VERSION=$revision" ', ""),
    ("builds-without-secrets", "scripts/deploy", "cat .env.example >>", "cat .env.example >"),
    ("builds-without-secrets", "scripts/deploy", 'cat .env.example >>".vercel/.env.$target.local"\n', ""),
    ("pulled-values-ignored", ".gitignore", ".vercel/\n", ""),
    ("token-not-shown", "scripts/lib/vercel.sh", '"vercel@$version" "$@"', '"vercel@$version" "$@" --token "$VERCEL_TOKEN"'),
    ("token-not-shown", "scripts/lib/vercel.sh", "--header @-", '--header "Authorization: Bearer $VERCEL_TOKEN"'),
    ("project-of-environment", "scripts/lib/vercel.sh", "*) expected=$name-staging", "*) expected=$name"),
    ("project-of-environment", "scripts/lib/vercel.sh", '[ "$(of .name)" = "$expected" ] ||', "true ||"),
    ("project-of-environment", "scripts/rollback", "require_project curl jq\n", ""),
    ("previews-apart", "scripts/deploy", "production='' target=preview", "production='' target=production"),
    ("previews-apart", "scripts/deploy", '"--environment=$target"', "--environment=production"),
    ("stages-approved", "scripts/lib/traffic.sh", "    manual-approval) ;;", "    manual-approval | automatic) ;;"),
    ("stages-approved", "scripts/deploy", '[ -z "$production" ] || require_strategy\n', ""),
    ("stages-watched", "scripts/lib/traffic.sh", "STAGE_SECONDS:-300", "STAGE_SECONDS:-5"),
    ("stages-watched", "scripts/lib/traffic.sh", "max_failure_percent=1\n", "max_failure_percent=50\n"),
    ("stages-watched", "scripts/lib/traffic.sh", '    watch "$1" "$2" || return\n', ""),
    ("bad-stage-taken-back", "scripts/lib/traffic.sh", "rollback/$stable", "promote/$deployment"),
    ("bad-stage-taken-back", "scripts/deploy", "  shifting=yes\n", ""),
    ("cut-off-release-undone", "scripts/deploy", "trap finish EXIT\n", ""),
    ("cut-off-release-undone", "scripts/deploy", "exit 130' HUP INT TERM", "exit 130' HUP"),
    ("cut-off-release-undone", "scripts/deploy", "    revert_traffic ||", "    true ||"),
]  # fmt: skip

# blue-green on Vercel, in Node
SWITCH_ON_VERCEL_EDITS = [
    ("ends-in-time", "src/index.ts", "() => app.close()", "() => setTimeout(() => app.close(), 5000)"),
    ("domains-switch-at-once", "scripts/lib/traffic.sh", 'switch_to "$1" promote', "true"),
    ("domains-switch-at-once", "scripts/lib/vercel.sh", '  await_switch "$1"\n', ""),
    ("tested-before-traffic", "scripts/deploy", "attempt 'The smoke test' smoke \"$address\"\n", ""),
    ("pushes-deploy-nothing", "vercel.json", '"deploymentEnabled"', '"deploymentsEnabled"'),
]  # fmt: skip

CONFIGURATION = ".railway/railway.ts"
RAILWAY_EDITS = [
    ("variables-in-configuration", CONFIGURATION, "      JWT_SECRET: preserve(),\n", ""),
    ("variables-in-configuration", CONFIGURATION, "      LOG_LEVEL:", '      NOBODY_READS_IT: "1",\n      LOG_LEVEL:'),
    ("time-to-drain", CONFIGURATION, "shutdownTimeoutSeconds + 5", "shutdownTimeoutSeconds"),
    ("time-to-drain", CONFIGURATION, "String(shutdownTimeoutSeconds)", '"60"'),
    ("health-gate", CONFIGURATION, 'healthcheck: "/health/ready"', 'healthcheck: "/health"'),
    ("health-gate", CONFIGURATION, "healthcheckTimeout: 150", "healthcheckTimeout: 0"),
    ("deployments-overlap", CONFIGURATION, "overlapSeconds: 20", "overlapSeconds: 0"),
    ("deployments-overlap", CONFIGURATION, "      overlapSeconds: 20,\n", ""),
    ("restarted-on-error", CONFIGURATION, '"ON_FAILURE"', '"NEVER"'),
    ("restarted-on-error", CONFIGURATION, "restartPolicyMaxRetries: 10", "restartPolicyMaxRetries: 0"),
    ("replicas-enough", CONFIGURATION, "replicas: 2", "replicas: 1"),
    ("replicas-enough", CONFIGURATION, "    replicas,\n", ""),
    ("changes-shown-first", "scripts/configure", "railway config apply", "railway config apply --yes"),
    ("configuration-takes-digest", CONFIGURATION, "@sha256:[0-9a-f]{64}$", ":.+$"),
    ("configuration-takes-digest", CONFIGURATION, "image(released)", 'image("ghcr.io/example/my-service:latest")'),
    ("configuration-locked", ".railway/package.json", '"railway": "3.11.0"', '"railway": "3.10.0"'),
    ("configuration-locked", "scripts/configure", "ci --ignore-scripts", "install --ignore-scripts"),
    ("migration-before-release", CONFIGURATION, "preDeploy:", "// preDeploy:"),
    ("metrics-closed", CONFIGURATION, 'METRICS_PORT: "9090"', 'METRICS_PORT: "8080"'),
    ("log-level-bearable", CONFIGURATION, 'LOG_LEVEL: "info"', 'LOG_LEVEL: "debug"'),
    ("secrets-by-reference", CONFIGURATION, "HEALTH_TOKEN: preserve()", 'HEALTH_TOKEN: "abc"'),
    ("secrets-by-reference", CONFIGURATION, "DATABASE_URL: database.env.DATABASE_URL", 'DATABASE_URL: "postgres://a:b@c/d"'),
    ("token-of-environment", "scripts/lib/railway.sh", "Project-Access-Token: ", "Authorization: Bearer "),
    ("token-of-environment", "scripts/lib/railway.sh", '[ "$(of .projectToken.environment.name)" = "$environment" ] ||', "true ||"),
    ("token-of-environment", "scripts/deploy", "\nrequire_environment\n", "\n"),
    ("token-not-shown", "scripts/lib/railway.sh", "--header @-", '--header "Project-Access-Token: $RAILWAY_TOKEN"'),
    ("cut-off-release-undone", "scripts/deploy", "trap finish EXIT\n", ""),
    ("cut-off-release-undone", "scripts/deploy", "exit 130' HUP INT TERM", "exit 130' HUP"),
    ("cut-off-release-undone", "scripts/deploy", "|| revert_release", "|| true"),
    ("release-waited-for", "scripts/deploy", "await_deployment || fail", "true || fail"),
    ("released-by-digest", WORKFLOW, 'scripts/deploy "$ENVIRONMENT" "ghcr.io/example/my-service@$DIGEST"', 'scripts/deploy "$ENVIRONMENT" "ghcr.io/example/my-service:$GITHUB_SHA"'),
]  # fmt: skip


TRAFFIC = "deploy/components/prometheus-analysis/analysis.yaml"
LONGER_SHARES = "deploy/components/prometheus-analysis/kustomization.yaml"
# the same where production's releases are analyzed with Prometheus
TRAFFIC_EDITS = [
    ("canary", "analysis-requires-data", TRAFFIC, "successCondition: len(result) > 0 &&", "successCondition: len(result) == 0 ||"),
    ("canary", "analysis-requires-data", TRAFFIC, "      successCondition: len(result) > 0 && result[0] <= 0.01\n", ""),
    ("canary", "analysis-requires-data", TRAFFIC, "successCondition: len(result) > 0 && result[0] <= 1.5", 'successCondition: "!(len(result) > 0 && result[0] > 1.5)"'),
    ("blue-green", "analysis-requires-data", TRAFFIC, "minimum-requests}}\n    - name: latency", "minimum-requests}}\n            or vector(0)\n    - name: latency"),
    ("canary", "shares-last-long-enough", LONGER_SHARES, "value: 4m", "value: 3m"),
]  # fmt: skip


def analyze_traffic(project: Path) -> None:
    """Enable the analysis with Prometheus in production."""
    append(project, f"{PRODUCTION}/kustomization.yaml", "components: [../../components/prometheus-analysis]\n")


def edit_with_traffic(project: Path, *change: str) -> None:
    analyze_traffic(project)
    edit(project, *change)


def spread(**requested: object) -> dict:
    """Return the first answers of SPREAD that are so: they are rendered anyway."""
    return next(answers for answers in SPREAD if requested.items() <= answers.items())


def by_edits(edits: list[tuple], **answers: object) -> list[tuple]:
    """Return each edit as answers, item, and a function that makes it."""
    return [
        (answers, item, functools.partial(lambda change, project: edit(project, *change), change))
        for item, *change in edits
    ]


CHANGES = [
    *by_edits(EDITS, **GO),
    *((GO, item, change) for item, change in OTHER_CHANGES),
    (GO, "pipeline-starts", lambda project: git(project.parent, "init", "--quiet", "--initial-branch=main")),
    (GO, "pipeline-starts", lambda project: git(project, "init", "--quiet", "--initial-branch=master")),
    *(
        change
        for language, *edit in OTHER_LANGUAGES
        for change in by_edits([edit], **spread(language=language, services=ALL))
    ),
    *(
        change
        for strategy, *edit in STRATEGY_EDITS
        for change in by_edits([edit], **spread(language="go", strategy=strategy))
    ),
    *(
        (
            spread(language="go", strategy=strategy),
            item,
            lambda project, change=change: edit_with_traffic(project, *change),
        )
        for strategy, item, *change in TRAFFIC_EDITS
    ),
    *by_edits(EKS_EDITS, **spread(cluster_login="eks")),
    *by_edits(CANARY_ON_VERCEL_EDITS, **CANARY_ON_VERCEL),
    *by_edits(SWITCH_ON_VERCEL_EDITS, **SWITCH_ON_VERCEL),
    *by_edits(RAILWAY_EDITS, **RAILWAY),
]


@pytest.mark.parametrize(
    ("answers", "item", "change"), [pytest.param(*change, id=f"{n}-{change[1]}") for n, change in enumerate(CHANGES)]
)
def test_a_change_that_breaks_an_item_is_caught(emit, answers, item, change):
    project = emit(**answers)
    change(project)
    results = check(project)
    assert {result.item.name for result in results if result.outcome == "fail"} == {item}, described(results)
    assert all(finding.place[0] for result in results if result.outcome == "fail" for finding in result.evidence)


def starts(project: Path) -> bool:
    return all(finding.is_good for finding in pipeline_starts(Repository(project)))


def test_the_default_branch_is_the_one_of_the_remote_or_the_first(emit, tmp_path):
    project = emit(**GO)
    commit_all(project, "Start")
    for branch, broken in (("main", False), ("feature", True), ("master", True)):
        git(project, "branch", "--move", branch)  # the only branch of a repository without a remote
        assert starts(project) is not broken, branch
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(project), str(clone))  # a remote that reports master
    git(clone, "checkout", "--quiet", "-b", "feature")
    assert not starts(clone)
    git(project, "branch", "--move", "main")
    git(tmp_path, "clone", "--quiet", str(project), str(tmp_path / "other"))
    git(tmp_path / "other", "checkout", "--quiet", "-b", "feature")
    assert starts(tmp_path / "other")
    # A clone of one other branch knows of no default, and neither does the checkout of a pull request.
    git(project, "checkout", "--quiet", "-b", "feature")
    git(
        tmp_path,
        "clone",
        "--quiet",
        "--single-branch",
        "--branch=feature",
        f"file://{project}",
        str(tmp_path / "single"),
    )
    git(tmp_path / "single", "symbolic-ref", "--delete", "refs/remotes/origin/HEAD")
    assert starts(tmp_path / "single")
    git(clone, "checkout", "--quiet", "--detach")
    git(clone, "symbolic-ref", "--delete", "refs/remotes/origin/HEAD")
    assert starts(clone)


@pytest.mark.parametrize("strategy", ["blue-green", "canary"])
def test_an_analysis_of_traffic_passes(emit, strategy):
    project = emit(**spread(language="go", strategy=strategy))
    analyze_traffic(project)
    results = {result.item.name: result for result in check(project)}
    assert not described(list(results.values()))
    seen = [finding.text for finding in results["analysis-requires-data"].evidence]
    assert "production: errors does not pass without data" in seen


def test_what_is_missing_is_reported_at_its_parent(emit):
    project = emit(**GO)
    edit(project, WORKFLOW, "    timeout-minutes: 60 # scripts/deploy ends earlier\n", "")
    edit(project, DEPLOYMENT, "terminationGracePeriodSeconds: 35", "shareProcessNamespace: false")
    wrong = {result.item.name: result.evidence for result in check(project) if result.outcome == "fail"}
    assert wrong.keys() == {"jobs-time-out", "time-to-drain"}
    lines = {
        (project / file).read_text().splitlines()[line - 1].strip()
        for found in wrong.values()
        for file, line in (finding.place for finding in found)
    }
    assert lines == {"staging:", "spec:"}


def test_every_check_has_a_change_that_breaks_it(render):
    """An item can have several checks: `ends-in-time`, for one, reads another file in another language."""

    def check_of(answers: dict, item: str) -> tuple[str, str]:
        parts = select_parts(Repository(render(**answers)).answers)
        return next(key for key in CHECKS if key[0] in parts and key[1] == item)

    assert {check_of(answers, item) for answers, item, _ in CHANGES} == set(CHECKS)


def test_every_checked_item_has_a_check():
    parts = [entry["part"] for entry in read_items("parts")]
    items = {(part, item["id"]) for part in parts for item in read_items(part) if "yours" not in item}
    assert items == set(CHECKS)


@pytest.mark.parametrize(
    ("strategy", "count", "manifest"), [("rolling", 2, DEPLOYMENT), ("blue-green", 2, ROLLOUT), ("canary", 5, ROLLOUT)]
)
def test_without_kubectl_the_files_are_read(emit, monkeypatch, strategy, count, manifest):
    answers = spread(language="go", strategy=strategy)
    project = emit(**answers)
    missing = subprocess.CompletedProcess([], 127, "", "kubectl is not installed")
    monkeypatch.setattr(manifests, "run", lambda *command: missing)
    assert failed(project) == set()
    edit(project, f"{STAGING}/kustomization.yaml", f"count: {count}", "count: 0")
    edit(project, manifest, "path: /health/ready", "path: /")
    assert failed(project) == {"pods-enough", "readiness-probe"}


def test_files_that_are_missing_or_cannot_be_parsed_are_reported(emit):
    project = emit(**GO)
    (project / "compose.yaml").unlink()
    (project / ".github/dependabot.yml").write_text("version: 2\nupdates: [\n")
    results = check(project)
    reported = described(results)
    assert "runs-read-only: compose.yaml: the file is missing" in reported
    assert any(line.startswith("dependencies-updated: .github/dependabot.yml:") for line in reported)


def test_manifests_that_cannot_be_parsed_are_reported_with_their_line(emit):
    project = emit(**GO)
    edit(project, "deploy/base/pod-disruption-budget.yaml", "maxUnavailable: 1", "maxUnavailable: [")
    reported = described(check(project))
    assert any(line.startswith("readiness-probe: deploy/base/pod-disruption-budget.yaml:") for line in reported)


@pytest.mark.parametrize("line", ["LOG_LEVEL", "METRICS_PORT", "SHUTDOWN_TIMEOUT_SECONDS"])
def test_on_railway_a_setting_with_a_default_can_be_left_out(emit, line):
    project = emit(**RAILWAY)
    everywhere(project, ".railway/railway.ts", rf"(?m)^ +{line}: .*\n", "")
    assert not described(check(project))


def test_values_of_another_form_fail_their_items_only(emit):
    project = emit(**GO)
    edit(project, ".env.example", "SHUTDOWN_TIMEOUT_SECONDS=25", "SHUTDOWN_TIMEOUT_SECONDS=soon")
    (project / "compose.yaml").write_text("services: [service]\n")
    results = check(project)
    reported = described(results)
    assert "stops-in-time: SHUTDOWN_TIMEOUT_SECONDS=soon: expected a whole number" in reported
    assert any(
        line.startswith("runs-read-only: cannot be checked, because a file has an unexpected form") for line in reported
    )
    # The last one reads compose.yaml too.
    items = {"stops-in-time", "runs-read-only", "compose-stays-local"}
    assert {result.item.name for result in results if result.outcome == "fail"} == items


def test_an_item_that_does_not_suit_a_service_can_be_signed_off(emit):
    project = emit(**GO)
    edit(project, "Dockerfile", "USER 65532:65532", "USER root")
    edit(project, "READINESS.md", "*checked* `numeric-user`", "*yours* `numeric-user`")
    append(project, "readiness.yml", "numeric-user: {name: Ada Lovelace, date: 2026-01-01, expires: 2099-01-01}\n")
    assert failed(project) == set()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_alerts_that_an_environment_lists_pass_the_items_of_people(render, emit, strategy):
    answers = spread(language="go", strategy=strategy)
    project = emit(**answers)
    items = ["alert-on-errors", "alert-on-restarts"]
    before = {result.item.name: result.outcome for result in check(render(**answers))}
    assert [before[item] for item in items] == ["manual", "manual"]
    for environment in (PRODUCTION, STAGING):
        components = [path.name for path in (project / "deploy/components").iterdir()]
        lines = "".join(f"  - ../../components/{name}\n" for name in sorted(components))
        append(project, f"{environment}/kustomization.yaml", f"components:\n{lines}")
    results = {result.item.name: result for result in check(project)}
    assert not described(list(results.values()))
    assert [results[item].outcome for item in items] == ["pass", "pass"]
    assert all(finding.place[0] == ALERTS for item in items for finding in results[item].evidence)
    append(project, "readiness.yml", "alert-on-errors: {name: A, date: 2026-01-01, expires: 2026-01-02}\n")
    assert failed(project) == {"alert-on-errors"}  # the sign-off decides


@pytest.mark.parametrize(
    ("login", "was", "becomes"),
    [
        ("eks", "role-to-assume: ", "aws-secret-access-key: "),
        ("gke", "workload_identity_provider: ", "credentials_json: "),
        ("aks", "client-id: ", "creds: "),
        ("aks", "CLUSTER: ${{ vars.AKS_CLUSTER }}", "CREDENTIALS: ${{ secrets.KUBECONFIG }}"),
    ],
)
def test_a_login_without_stored_credentials_leaves_no_token_to_renew(render, emit, login, was, becomes):
    def outcome(project: Path) -> str:
        return next(result.outcome for result in check(project) if result.item.name == "deployer-token-renewed")

    answers = spread(cluster_login=login)
    assert outcome(render(**GO)) == "manual"
    assert outcome(render(**answers)) == "pass"
    project = emit(**answers)
    edit(project, WORKFLOW, was, becomes)
    assert outcome(project) == "manual"


def test_a_project_without_sign_offs_passes(emit):
    """One that is older than readiness.yml does not get it by an update, because it is the owner's file."""
    project = emit(**GO)
    (project / "readiness.yml").unlink()
    results = {result.item.name: result for result in check(project)}
    assert not described(list(results.values()))
    assert results["rollback-tried"].outcome == "manual"
    found = str(results["sign-offs-name-items"].evidence[0])
    assert found == "READINESS.md: 0 items are signed off: there is no readiness.yml"
