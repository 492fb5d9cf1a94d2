"""Promise: the emitted manifests are valid, pass the field's linters without a finding, and fit each other."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.combinations import every_combination, label, variables
from tests.tools import tool

BIN = Path(sys.executable).parent
OVERLAYS = ["preview", "production", "staging"]
KUBERNETES = ["1.35", "1.37"]  # the oldest and the newest that are supported
DIGEST = "sha256:" + "5" * 64

Objects = list[dict]
Rule = Callable[[Objects], Iterator[str]]


def build(overlay: Path) -> str:
    """Return what Kustomize makes of an overlay: kubectl's own, or Kustomize by itself where there is no kubectl."""
    command = ["kubectl", "kustomize"] if shutil.which("kubectl") else [tool("kustomize"), "build"]
    done = subprocess.run([*command, str(overlay)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def load(text: str) -> Objects:
    return [document for document in yaml.safe_load_all(text) if document]


@pytest.fixture(scope="module")
def projects(render) -> list[tuple[dict, Path]]:
    """Return answers and project for each distinct `deploy` folder among those of all combinations."""
    found: dict[str, tuple[dict, Path]] = {}
    for answers in every_combination():
        project = render(**answers)
        deploy = sorted(path for path in (project / "deploy").rglob("*") if path.is_file())
        found.setdefault("".join(f"{path.name}\n{path.read_text()}" for path in deploy), (answers, project))
    return list(found.values())


@pytest.fixture(scope="module")
def built(projects, tmp_path_factory) -> list[tuple[dict, str, Path]]:
    """Return answers, overlay and the file that Kustomize builds, for each overlay of each project."""
    folder = tmp_path_factory.mktemp("manifests")
    result = []
    for number, (answers, project) in enumerate(projects):
        assert sorted(path.name for path in (project / "deploy/overlays").iterdir()) == OVERLAYS
        for overlay in OVERLAYS:
            path = folder / f"{number}-{label(answers)}-{overlay}.yaml"
            path.write_text(build(project / "deploy/overlays" / overlay))
            result.append((answers, overlay, path))
    return result


@pytest.fixture(scope="module")
def unbuilt(projects) -> list[Path]:
    """Return the manifests that a person applies, each content once: namespaces and the account that deploys."""
    paths = [
        path
        for _, project in projects
        for path in [project / "deploy/deployer.yaml", *(project / "deploy/overlays").glob("*/namespace.yaml")]
    ]
    return list({path.read_text(): path for path in paths}.values())


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "NO_COLOR": "1"},
    )


def validate(version: str, *files: Path) -> subprocess.CompletedProcess[str]:
    return run(BIN / "kubernetes-validate", "--strict", "-k", version, *files)


def score(*files: Path) -> subprocess.CompletedProcess[str]:
    return run(tool("kube-score"), "score", "--exit-one-on-warning", "--output-format", "ci", *files)


def test_every_combination_that_differs_is_under_test(projects, built):
    # 3 languages, 8 choices of services, 2 kinds of repository.
    assert len(projects) == 48
    assert len(built) == 48 * len(OVERLAYS)


@pytest.mark.parametrize("version", KUBERNETES)
def test_manifests_are_valid(version, built, unbuilt):
    done = validate(version, *(path for _, _, path in built), *unbuilt)
    assert done.returncode == 0, done.stdout + done.stderr


def test_kube_score_finds_nothing(built):
    # Staging and preview differ by their namespace only.
    distinct = {path.read_text().replace(f"-{overlay}\n", "\n"): path for _, overlay, path in built}
    assert len(distinct) == 48 * 2
    for path in distinct.values():
        done = score(path)
        assert done.returncode == 0, f"{path}:\n{done.stdout}{done.stderr}"


def test_what_kube_score_is_told_to_ignore_has_its_reason_beside_it(projects):
    for _, project in projects:
        text = (project / "deploy/base/deployment.yaml").read_text()
        ignored = re.search(r"kube-score/ignore: (\S+)", text)[1].split(",")
        assert all(re.search(rf"^ +# - {name}: \w", text, re.MULTILINE) for name in ignored)
        for path in (project / "deploy").rglob("*.yaml"):
            found = re.search(r"kube-score/ignore: (\S+)", path.read_text())
            assert not found or set(found[1].split(",")) <= set(ignored), path


# How the manifests of an overlay have to fit each other: each rule yields what does not fit


def of(objects: Objects, kind: str, suffix: str = "") -> dict:
    found = [item for item in objects if item["kind"] == kind and item["metadata"]["name"].endswith(suffix)]
    return found[0] if found else {}


def workloads(objects: Objects) -> Objects:
    return [item for item in objects if item["kind"] in ("Deployment", "Job")]


def pod(workload: dict) -> dict:
    return workload["spec"]["template"]["spec"]


def container(workload: dict) -> dict:
    return pod(workload)["containers"][0]


def settings(objects: Objects) -> dict[str, str]:
    return of(objects, "ConfigMap")["data"]


def selectors_select_the_server_only(objects: Objects) -> Iterator[str]:
    server = of(objects, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
    services = {item["metadata"]["name"]: item["spec"]["selector"] for item in objects if item["kind"] == "Service"}
    if len(services) != 2:
        yield f"there are {len(services)} Services"
    chosen = {
        **services,
        "PodDisruptionBudget": of(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        "Deployment": of(objects, "Deployment")["spec"]["selector"]["matchLabels"],
    }
    for spread in pod(of(objects, "Deployment"))["topologySpreadConstraints"]:
        chosen[spread["topologyKey"]] = spread["labelSelector"]["matchLabels"]
    for name, selector in chosen.items():
        if not selector or not selector.items() <= server:
            yield f"{name} does not select the server's pods"
        if any(
            selector.items() <= workload["spec"]["template"]["metadata"]["labels"].items()
            for workload in workloads(objects)
            if workload["kind"] == "Job"
        ):
            yield f"{name} selects the migration's pods too"


def network_policy_covers_all_pods(objects: Objects) -> Iterator[str]:
    policy = of(objects, "NetworkPolicy")["spec"]
    if set(policy["policyTypes"]) != {"Ingress", "Egress"}:
        yield "it does not decide both directions"
    for workload in workloads(objects):
        labels = workload["spec"]["template"]["metadata"]["labels"].items()
        if not policy["podSelector"]["matchLabels"].items() <= labels:
            yield f"the pods of {workload['metadata']['name']} are not covered"
    monitoring = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    to = {port["port"]: rule.get("from") for rule in policy["ingress"] for port in rule["ports"]}
    if to != {int(settings(objects)["PORT"]): None, int(settings(objects)["METRICS_PORT"]): monitoring}:
        yield f"it lets in {to}"


def ports_are_the_settings_ports(objects: Objects) -> Iterator[str]:
    ports = {port["name"]: port["containerPort"] for port in container(of(objects, "Deployment"))["ports"]}
    if ports != {"http": int(settings(objects)["PORT"]), "metrics": int(settings(objects)["METRICS_PORT"])}:
        yield f"the container's ports are {ports}"
    for service in (item for item in objects if item["kind"] == "Service"):
        for port in service["spec"]["ports"]:
            if port["targetPort"] not in ports:
                yield f"{service['metadata']['name']} leads to {port['targetPort']}"
    if any(port["targetPort"] != "http" for port in of(objects, "Service", "ervice")["spec"]["ports"]):
        yield "the Service shows more than the service"


def probes_ask_what_they_should(objects: Objects) -> Iterator[str]:
    wanted = {
        "startupProbe": ("/health", 0, 5, 30),
        "readinessProbe": ("/health/ready", 5, 10, 2),
        "livenessProbe": ("/health", 10, 30, 3),
    }
    for name, values in wanted.items():
        probe = container(of(objects, "Deployment"))[name]
        found = (
            probe["httpGet"]["path"],
            probe.get("initialDelaySeconds", 0),
            probe["periodSeconds"],
            probe["failureThreshold"],
        )
        if found != values or probe["httpGet"]["port"] != "http":
            yield f"{name} is {found}"
        if probe["timeoutSeconds"] <= 2:
            yield f"{name} gives up before the checks of the service do"


def a_pod_has_time_to_drain(objects: Objects) -> Iterator[str]:
    template = pod(of(objects, "Deployment"))
    before = container(of(objects, "Deployment"))["lifecycle"]["preStop"]["sleep"]["seconds"]
    if before < 5:
        yield "requests still come when the process stops"
    if template["terminationGracePeriodSeconds"] < before + int(settings(objects)["SHUTDOWN_TIMEOUT_SECONDS"]) + 5:
        yield "it is killed before it has drained"


def a_rollout_loses_no_pod(objects: Objects) -> Iterator[str]:
    spec = of(objects, "Deployment")["spec"]
    if spec["strategy"]["rollingUpdate"] != {"maxSurge": 1, "maxUnavailable": 0}:
        yield "old pods leave too early"
    startup = container(of(objects, "Deployment"))["startupProbe"]
    slowest = startup["periodSeconds"] * startup["failureThreshold"] + spec["minReadySeconds"]
    if spec["progressDeadlineSeconds"] <= slowest:
        yield "a slow start counts as a failed rollout"


def there_are_pods_enough(objects: Objects) -> Iterator[str]:
    autoscaler = of(objects, "HorizontalPodAutoscaler")
    replicas = of(objects, "Deployment")["spec"].get("replicas")
    if autoscaler:
        target = autoscaler["spec"]["scaleTargetRef"]
        if (target["kind"], target["name"]) != ("Deployment", of(objects, "Deployment")["metadata"]["name"]):
            yield "the autoscaler scales something else"
        if replicas is not None:
            yield "each deploy resets what the autoscaler has decided"
        replicas = autoscaler["spec"]["minReplicas"]
    if (replicas or 1) < 2:
        yield "there is a single pod"
    budget = of(objects, "PodDisruptionBudget")["spec"]
    if (budget.get("maxUnavailable"), budget.get("unhealthyPodEvictionPolicy")) != (1, "AlwaysAllow"):
        yield "nodes cannot be drained at any time"


def production_is_scaled(objects: Objects) -> Iterator[str]:
    is_production = of(objects, "Deployment")["metadata"]["namespace"].endswith("-production")
    if is_production != bool(of(objects, "HorizontalPodAutoscaler")):
        yield "production, and only production, has an autoscaler"


def pods_are_restricted(objects: Objects) -> Iterator[str]:
    for workload in workloads(objects):
        context, security = pod(workload)["securityContext"], container(workload)["securityContext"]
        if not (context["runAsNonRoot"] and context["runAsUser"] == context["runAsGroup"] == 65532):
            yield "it does not run as a numeric user without rights"
        if context["seccompProfile"] != {"type": "RuntimeDefault"}:
            yield "system calls are not restricted"
        if security != {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }:
            yield f"the container may {security}"
        if pod(workload)["automountServiceAccountToken"] or pod(workload)["enableServiceLinks"]:
            yield "it learns about the cluster"
        if of(objects, "ServiceAccount")["automountServiceAccountToken"]:
            yield "the account has a token"


def resources_are_bounded(objects: Objects) -> Iterator[str]:
    for workload in workloads(objects):
        resources = container(workload)["resources"]
        if not {"cpu", "memory", "ephemeral-storage"} <= set(resources["requests"]):
            yield f"{workload['metadata']['name']} requests {resources['requests']}"
        if set(resources["limits"]) != {"memory", "ephemeral-storage"}:
            yield f"{workload['metadata']['name']} is limited by {resources['limits']}"
        volumes = {volume["name"]: volume["emptyDir"]["sizeLimit"] for volume in pod(workload).get("volumes", [])}
        if {mount["name"] for mount in container(workload).get("volumeMounts", [])} != set(volumes):
            yield "volumes and mounts differ"


def settings_and_secrets_are_read(objects: Objects) -> Iterator[str]:
    name = of(objects, "Deployment")["metadata"]["name"]
    for workload in workloads(objects):
        if container(workload)["envFrom"] != [
            {"configMapRef": {"name": of(objects, "ConfigMap")["metadata"]["name"]}},
            {"secretRef": {"name": name}},
        ]:
            yield f"{workload['metadata']['name']} reads {container(workload)['envFrom']}"
    if not re.fullmatch(rf"{name}-[a-z0-9]{{10}}", of(objects, "ConfigMap")["metadata"]["name"]):
        yield "changed settings do not change the ConfigMap's name"
    if of(objects, "Secret"):
        yield "there is a Secret in Git"


def a_migration_ends(objects: Objects) -> Iterator[str]:
    job = of(objects, "Job").get("spec")
    if not job:
        return
    if job.get("backoffLimit") not in (0, 1) or not 0 < job.get("activeDeadlineSeconds", 0) <= 600:
        yield "it can go on and on"
    if not job.get("ttlSecondsAfterFinished"):
        yield "it stays for ever"
    if job["template"]["spec"]["restartPolicy"] != "Never":
        yield "its failed pods do not stay to be looked at"


RULES: list[Rule] = [
    selectors_select_the_server_only,
    network_policy_covers_all_pods,
    ports_are_the_settings_ports,
    probes_ask_what_they_should,
    a_pod_has_time_to_drain,
    a_rollout_loses_no_pod,
    there_are_pods_enough,
    production_is_scaled,
    pods_are_restricted,
    resources_are_bounded,
    settings_and_secrets_are_read,
    a_migration_ends,
]


def test_manifests_fit_each_other(built):
    problems = []
    for _, _, path in built:
        objects = load(path.read_text())
        problems += [f"{path.name}: {problem}" for rule in RULES for problem in rule(objects)]
    assert not problems


@pytest.mark.parametrize(
    ("rule", "was", "becomes"),
    [
        (selectors_select_the_server_only, "    app.kubernetes.io/component: server\n    app", "    app"),
        (selectors_select_the_server_only, "      app.kubernetes.io/component: server\n", ""),
        (selectors_select_the_server_only, "      app.kubernetes.io/name: my-service\n", "      app: other\n"),
        (network_policy_covers_all_pods, "  - Egress\n", ""),
        (network_policy_covers_all_pods, "    - port: 3000\n", "    - port: 3001\n"),
        (network_policy_covers_all_pods, "kubernetes.io/metadata.name: monitoring", ""),
        (ports_are_the_settings_ports, 'PORT: "3000"', 'PORT: "3001"'),
        (ports_are_the_settings_ports, "targetPort: metrics", "targetPort: metric"),
        (probes_ask_what_they_should, "path: /health/ready", "path: /health"),
        (probes_ask_what_they_should, "failureThreshold: 30", "failureThreshold: 3"),
        (probes_ask_what_they_should, "timeoutSeconds: 3", "timeoutSeconds: 1"),
        (a_pod_has_time_to_drain, 'SHUTDOWN_TIMEOUT_SECONDS: "25"', 'SHUTDOWN_TIMEOUT_SECONDS: "30"'),
        (a_pod_has_time_to_drain, "seconds: 5", "seconds: 1"),
        (a_rollout_loses_no_pod, "maxUnavailable: 0", "maxUnavailable: 1"),
        (a_rollout_loses_no_pod, "progressDeadlineSeconds: 300", "progressDeadlineSeconds: 150"),
        (there_are_pods_enough, "revisionHistoryLimit", "replicas: 3\n  revisionHistoryLimit"),
        (there_are_pods_enough, "minReplicas: 3", "minReplicas: 1"),
        (there_are_pods_enough, "unhealthyPodEvictionPolicy: AlwaysAllow", ""),
        (there_are_pods_enough, "kind: HorizontalPodAutoscaler", "kind: Other"),
        (production_is_scaled, "namespace: my-service-production", "namespace: my-service-staging"),
        (pods_are_restricted, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
        (pods_are_restricted, "runAsUser: 65532", "runAsUser: 0"),
        (pods_are_restricted, "automountServiceAccountToken: false", "automountServiceAccountToken: true"),
        (resources_are_bounded, "            memory: ", "            cpu: "),
        (resources_are_bounded, "mountPath: /tmp\n          name: tmp", "mountPath: /tmp\n          name: other"),
        (settings_and_secrets_are_read, "secretRef", "configMapRef"),
        (settings_and_secrets_are_read, "kind: ServiceAccount", "kind: Secret"),
        (a_migration_ends, "backoffLimit: 1", "backoffLimit: 6"),
        (a_migration_ends, "  ttlSecondsAfterFinished: 86400\n", ""),
    ],
)
def test_what_does_not_fit_is_noticed(rule, was, becomes, render):
    project = render(language="node", services=["postgres", "redis", "external-api"], repository="public")
    text = build(project / "deploy/overlays/production")
    assert not list(rule(load(text)))
    assert was in text
    assert list(rule(load(text.replace(was, becomes))))


def test_the_linters_do_find_something(render, tmp_path):
    text = build(render(language="node") / "deploy/overlays/staging")
    path = tmp_path / "manifests.yaml"
    path.write_text(text.replace("maxSurge", "maxSurges"))
    assert validate(KUBERNETES[0], path).returncode != 0
    path.write_text(text.replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"))
    assert score(path).returncode != 0


# What the manifests promise beyond Kubernetes


def test_settings_and_secrets_are_the_variables_of_the_service(built, projects):
    for answers, overlay, path in built:
        found = settings(load(path.read_text()))
        public = {
            item["name"]: item for item in variables(answers["language"], answers["services"]) if not item.get("secret")
        }
        assert set(found) == set(public) - {"APP_VERSION"}, path
        for name, value in found.items():
            if "default" in public[name] and "[[" not in str(public[name]["default"]):
                assert value == str(public[name]["default"])
        mode = variables(answers["language"], answers["services"])[0]["name"]
        assert found[mode] == ("production" if overlay == "production" else "staging")
    for answers, project in projects:
        documented = (project / "DEPLOYMENT.md").read_text()
        secrets = {item["name"] for item in variables(answers["language"], answers["services"]) if item.get("secret")}
        assert set(re.findall(r"`([A-Z_]+)`", documented.split("each of")[1].split("with values")[0])) == secrets


def test_a_migration_exists_only_with_a_database(built):
    for answers, _, path in built:
        assert bool(of(load(path.read_text()), "Job")) == ("postgres" in answers["services"])


def test_a_private_image_is_pulled_with_a_secret(built):
    for answers, _, path in built:
        account = of(load(path.read_text()), "ServiceAccount")
        assert account.get("imagePullSecrets", []) == [{"name": "registry"}] * (answers["repository"] == "private")


def test_namespaces_enforce_the_restricted_level(projects):
    for _, project in projects:
        for overlay in OVERLAYS:
            (namespace,) = load((project / "deploy/overlays" / overlay / "namespace.yaml").read_text())
            assert namespace["metadata"]["name"] == f"{project.name}-{overlay}"
            assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_longest_name_fits_everywhere(render):
    name = "a" * 40
    project = render(project_name=name, services=["postgres"])
    for overlay in OVERLAYS:
        for item in load(build(project / "deploy/overlays" / overlay)):
            assert len(item["metadata"]["name"]) <= 63
            assert len(item["metadata"]["namespace"]) <= 63
    # scripts/deploy adds a hyphen and twelve digits to the migration's name.
    assert len(f"{name}-migration-") + 12 <= 63


def test_a_release_names_its_image_by_digest(render, tmp_path):
    """As scripts/deploy does it."""
    project = render(language="go", services=["postgres"], github_owner="Acme")
    script = (project / "scripts/deploy").read_text()
    release = re.search(r'>"\$work/release/kustomization\.yaml" <<END\n(.*?)\nEND\n', script, re.DOTALL)[1]
    values = {
        "$environment": "production",
        "${image%@*}": "registry.example.com:5000/other/name",
        "${image#*@}": DIGEST,
        "$image": f"registry.example.com:5000/other/name@{DIGEST}",
        "$job": "my-service-migration-555555555555",
        "$name": "my-service",
    }
    for name, value in values.items():
        release = release.replace(name, value)
    shutil.copytree(project / "deploy", tmp_path / "deploy")
    (tmp_path / "release").mkdir()
    (tmp_path / "release/kustomization.yaml").write_text(release)
    objects = load(build(tmp_path / "release"))
    assert {container(workload)["image"] for workload in workloads(objects)} == {values["$image"]}
    assert of(objects, "Job")["metadata"]["name"] == values["$job"]
    assert of(objects, "Deployment")["metadata"]["annotations"]["kubernetes.io/change-cause"] == values["$image"]


# READINESS.md and DEPLOYMENT.md


def anchors(path: Path) -> set[str]:
    """Return the anchors of a Markdown file's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
        file, _, anchor = target.partition("#")
        linked = path.parent / file if file else path
        if target.startswith("https://"):
            continue
        if not linked.exists():
            yield f"{path.name}: {target}: there is no such file"
        elif anchor and anchor not in anchors(linked):
            yield f"{path.name}: {target}: there is no such heading"


def test_readiness_is_complete_and_its_links_lead_somewhere(render):
    for answers in every_combination():
        project = render(**answers)
        text = (project / "READINESS.md").read_text()
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
            "Application",
            "Infrastructure",
            "Monitoring",
            "Security",
            "Operations",
        ]
        items = re.findall(r"^- \[([ x])\] (.+)$", text, re.MULTILINE)
        assert len(items) >= 30
        assert {" ", "x"} == {box for box, _ in items}
        assert not [item for box, item in items if box == "x" and "](" not in item]
        assert not [problem for name in ("READINESS.md", "DEPLOYMENT.md") for problem in broken_links(project / name)]


def test_a_broken_link_is_noticed(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("# Here\n[a](b.md) [c](a.md#there) [d](#here)\n")
    assert len(list(broken_links(path))) == 2
