"""Promise: the emitted manifests are valid, pass the field's linters without a finding, and fit each other."""

import copy
import functools
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import kubernetes_validate.utils as kubernetes_validate
import pytest
import referencing
import yaml

from tests.combinations import covering_rows, label, variables
from tests.tools import module, tool

OVERLAYS = ["preview", "production", "staging"]
KINDS = {
    *("ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Job", "Namespace", "NetworkPolicy", "PodDisruptionBudget"),
    *("Role", "RoleBinding", "Service", "ServiceAccount"),
}
KUBERNETES = ["1.35", "1.37"]  # the oldest and the newest that are supported
DIGEST = "sha256:" + "5" * 64

Objects = list[dict]
Rule = Callable[[Objects], Iterator[str]]


def kubernetes() -> list[dict]:
    """Return the combinations that run on Kubernetes."""
    return covering_rows("kubernetes")


def build(overlay: Path) -> str:
    """Return the build of an overlay, by kubectl or by Kustomize if kubectl is missing."""
    command = ["kubectl", "kustomize"] if shutil.which("kubectl") else [tool("kustomize"), "build"]
    done = subprocess.run([*command, str(overlay)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def load(text: str) -> Objects:
    """Return the objects of a file, only to be read: the same text is parsed once."""
    return [document for document in yaml.safe_load_all(text) if document]


@pytest.fixture(scope="module")
def projects(render) -> list[tuple[dict, Path]]:
    """Return answers and project for each distinct `deploy` folder among those of all combinations for Kubernetes."""
    found: dict[str, tuple[dict, Path]] = {}
    for answers in kubernetes():
        project = render(**answers)
        deploy = sorted(path for path in (project / "deploy").rglob("*") if path.is_file())
        found.setdefault("".join(f"{path.name}\n{path.read_text()}" for path in deploy), (answers, project))
    return list(found.values())


@pytest.fixture(scope="module")
def built(projects, tmp_path_factory) -> list[tuple[dict, str, Path]]:
    """Return answers, overlay and the file that Kustomize builds, for each overlay of each project.

    Starting Kustomize takes longer than its work: it builds those of several projects at once, each in a namespace of
    its own that is named back afterwards.
    """
    result = []
    for start in range(0, len(projects), 12):
        folder = tmp_path_factory.mktemp("manifests")
        names = {}
        for number, (answers, project) in enumerate(projects[start : start + 12]):
            overlays = sorted((project / "deploy/overlays").iterdir())
            assert [path.name for path in overlays] == OVERLAYS
            for overlay in overlays:
                name = f"{project.name}-{overlay.name}-{number}"
                names[name] = (answers, overlay.name, folder / f"{label(answers)}-{overlay.name}.yaml")
                kustomization = {"namespace": name, "resources": [os.path.relpath(overlay, folder / name)]}
                (folder / name).mkdir()
                (folder / name / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        (folder / "kustomization.yaml").write_text(yaml.safe_dump({"resources": list(names)}))
        texts = {name: [] for name in names}
        for text in build(folder).split("---\n"):
            [name] = re.findall(r"^  namespace: (.+)$", text, re.MULTILINE)
            texts[name].append(text.replace(f"  namespace: {name}\n", f"  namespace: {name.rpartition('-')[0]}\n"))
        for name, (answers, overlay, path) in names.items():
            path.write_text("---\n".join(texts[name]))
            result.append((answers, overlay, path))
    return result


def test_overlays_that_are_built_together_are_what_each_is_alone(built, render):
    for answers, overlay, path in built[:: len(built) // 7]:
        assert path.read_text() == build(render(**answers) / "deploy/overlays" / overlay)


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


@functools.cache
def definitions(schemas: str, version: str) -> referencing.Registry:
    contents = kubernetes_validate.schema_contents(f"{schemas}/_definitions.json", version)
    return (referencing.Resource.from_contents(contents) @ referencing.Registry()).crawl()


@functools.cache
def validator(version: str, kind: str, api_version: str) -> jsonschema.Draft202012Validator:
    """Return what validates a kind strictly: by kubernetes-validate's schemas, each of which is read once."""
    schemas = f"kubernetes-json-schema/v{version}.0-local-strict"
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)  # rbac.authorization.k8s.io/v1 is in rbac-v1
    schema = kubernetes_validate.schema_contents(f"{schemas}/{kind.lower()}-{group}.json", version)
    registry = referencing.Resource.from_contents(schema) @ definitions(schemas, version)
    return jsonschema.Draft202012Validator(schema, registry=registry)


def invalid(version: str, objects: Objects) -> list[str]:
    """Return what Kubernetes' schemas find wrong; a kind that they do not know raises FileNotFoundError."""
    return [
        f"{item['kind']} {item['metadata']['name']}: {'/'.join(map(str, error.absolute_path))}: {error.message}"
        for item in objects
        for error in validator(version, item["kind"], item["apiVersion"]).iter_errors(item)
    ]


def score(*files: Path) -> subprocess.CompletedProcess[str]:
    return run(tool("kube-score"), "score", "--exit-one-on-warning", "--output-format", "ci", *files)


def test_every_combination_that_differs_is_under_test(projects, built):
    assert len(projects) == len(kubernetes())
    assert len(built) == len(kubernetes()) * len(OVERLAYS)


@pytest.fixture(scope="module")
def known(built, tmp_path_factory) -> list[tuple[str, Path]]:
    """Return overlay and file of what is built, in kinds that tools know which have never heard of Argo Rollouts."""
    folder = tmp_path_factory.mktemp("known")
    for _, _, path in built:
        (folder / path.name).write_text(yaml.safe_dump_all(in_known_kinds(load(path.read_text())), sort_keys=False))
    return [(overlay, folder / path.name) for _, overlay, path in built]


def in_known_kinds(objects: Objects) -> Objects:
    """Return a Rollout as the Deployment that it would be, and the Jobs of an AnalysisTemplate as Jobs."""
    result: Objects = []
    for item in copy.deepcopy(objects):
        if item["kind"] == "Rollout":
            item |= {"apiVersion": "apps/v1", "kind": "Deployment"}
            for field in ("strategy", "progressDeadlineAbort"):
                item["spec"].pop(field, None)
            item["metadata"].setdefault("annotations", {})["kube-score/ignore"] = IGNORED_FOR_ROLLOUTS
            result.append(item)
        elif item["kind"] == "HorizontalPodAutoscaler":
            item["spec"]["scaleTargetRef"] |= {"apiVersion": "apps/v1", "kind": "Deployment"}
            result.append(item)
        elif item["kind"] == "AnalysisTemplate":
            for metric in item["spec"]["metrics"]:
                job = metric["provider"]["job"]
                metadata = {**job["metadata"], "name": metric["name"], "namespace": item["metadata"]["namespace"]}
                metadata["annotations"] = {"kube-score/ignore": IGNORED_FOR_ROLLOUTS}
                result.append({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job["spec"]})
        else:
            result.append(item)
    return result


# Linters do not know these kinds, so that the files need no annotation; the reasons stand in deployment.yaml.
IGNORED_FOR_ROLLOUTS = "container-image-pull-policy,container-resources,deployment-has-host-podantiaffinity"


def distinct(texts: Iterable[str]) -> Objects:
    """Return the objects in some files, those that are the same in several of them once."""
    return list({yaml.safe_dump(item): item for text in texts for item in load(text)}.values())


@pytest.mark.parametrize("version", KUBERNETES)
def test_manifests_are_valid(version, known, unbuilt):
    objects = distinct(path.read_text() for path in (*(path for _, path in known), *unbuilt))
    kinds = Counter(item["kind"] for item in objects)
    assert set(kinds) == KINDS
    assert kinds["Deployment"] >= 9, "there is not one for each language and strategy"
    assert not invalid(version, objects)


@functools.cache
def schemas() -> dict[str, dict]:
    """Return the schema of each kind that Argo Rollouts adds, closed: a key that it does not know is an error."""
    result = {}
    for path in (module("github.com/argoproj/argo-rollouts") / "manifests/crds").glob("*-crd.yaml"):
        definition = yaml.safe_load(path.read_text())["spec"]
        schema = definition["versions"][0]["schema"]["openAPIV3Schema"]
        schema["properties"]["metadata"]["x-kubernetes-preserve-unknown-fields"] = True
        result[definition["names"]["kind"]] = closed(schema)
    return result


def closed(schema: dict) -> dict:
    """Return a schema in which objects have no properties but those that it lists, unless it allows them."""
    schema = {key: closed(value) if isinstance(value, dict) else value for key, value in schema.items()}
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        schema["additionalProperties"] = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    return schema


def unknown_to_argo(objects: Objects) -> list[str]:
    """Return what Argo Rollouts' schemas find wrong with objects of its kinds."""
    return [
        f"{item['kind']}: {'/'.join(map(str, error.absolute_path))}: {error.message}"
        for item in objects
        if item["apiVersion"].startswith("argoproj.io/")
        for error in jsonschema.Draft202012Validator(schemas()[item["kind"]]).iter_errors(item)
    ]


def test_argos_schemas_closed_against_unknown_keys_find_nothing(built):
    texts = [path.read_text() for _, _, path in built]
    assert sum(any(item["kind"] == "Rollout" for item in load(text)) for text in texts) == len(OVERLAYS) * sum(
        answers["strategy"] != "rolling" for answers in kubernetes()
    )
    assert not unknown_to_argo(distinct(texts))


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("startingStep: 1", "startStep: 1"),
        ("progressDeadlineAbort: true", "progressDeadlineAbort: often"),
        ("canaryService:", "canaryServices:"),
        ("failureLimit: 1", "failuresLimit: 1"),
        ("setWeight: 20", "setWeights: 20"),
    ],
)
def test_argos_schemas_do_find_something(render, was, becomes):
    text = build(render(language="go", strategy="canary") / "deploy/overlays/staging")
    assert was in text
    assert unknown_to_argo(load(text.replace(was, becomes)))


COMPONENTS = ["alerts", "dashboard", "gateway", "ingress", "service-monitor"]
ADDED = {"ConfigMap", "HTTPRoute", "Ingress", "PrometheusRule", "ServiceMonitor"}
# The folders of the modules in which the schemas of these kinds are.
DEFINITIONS = {
    "monitoring.coreos.com": ("github.com/prometheus-operator/prometheus-operator", "example/prometheus-operator-crd"),
    "gateway.networking.k8s.io": ("sigs.k8s.io/gateway-api", "config/crd/standard"),
}


def list_components(project: Path, *overlays: str) -> None:
    """List every component in the kustomization of some overlays of a project."""
    names = sorted(path.name for path in (project / "deploy/components").iterdir())
    for overlay in overlays:
        with (project / "deploy/overlays" / overlay / "kustomization.yaml").open("a") as file:
            file.write("".join(["components:\n", *(f"  - ../../components/{name}\n" for name in names)]))


@functools.cache
def added_schema(group: str, kind: str) -> dict:
    """Return the schema of version v1 of a kind, closed: a key that it does not know is an error."""
    name, folder = DEFINITIONS[group]
    [path] = (module(name) / folder).glob(f"{group}_{kind.lower()}s.yaml")
    [version] = [each for each in yaml.safe_load(path.read_text())["spec"]["versions"] if each["name"] == "v1"]
    schema = version["schema"]["openAPIV3Schema"]
    schema["properties"]["metadata"]["x-kubernetes-preserve-unknown-fields"] = True
    return closed(schema)


def invalid_addition(item: dict) -> list[str]:
    """Return what is wrong with an object that a component adds."""
    group, _, version = item["apiVersion"].rpartition("/")
    if group not in DEFINITIONS:
        return invalid(KUBERNETES[0], [item]) + invalid(KUBERNETES[-1], [item])
    assert version == "v1"
    errors = jsonschema.Draft202012Validator(added_schema(group, item["kind"])).iter_errors(item)
    return [f"{item['kind']}: {'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]


@pytest.mark.parametrize("strategy", ["rolling", "blue-green", "canary"])
def test_every_overlay_builds_with_every_component(emit, strategy):
    project = emit(language="go", strategy=strategy, services=["postgres"])
    paths = {path.name for path in (project / "deploy/components").iterdir()}
    assert sorted(paths - {"prometheus-analysis"}) == COMPONENTS
    rules = {
        (group, resource): set(rule["verbs"])
        for rule in load((project / "deploy/deployer.yaml").read_text())[1]["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    before = {overlay: load(build(project / "deploy/overlays" / overlay)) for overlay in OVERLAYS}
    list_components(project, *OVERLAYS)
    for overlay in OVERLAYS:
        objects = load(build(project / "deploy/overlays" / overlay))
        known = [(item["kind"], item["metadata"]["name"]) for item in before[overlay]]
        added = [item for item in objects if (item["kind"], item["metadata"]["name"]) not in known]
        assert {item["kind"] for item in added} - {"AnalysisTemplate"} == ADDED
        assert {item["metadata"]["namespace"] for item in added} == {f"my-service-{overlay}"}
        for item in added:
            if item["kind"] != "AnalysisTemplate":
                assert not invalid_addition(item)
            # scripts/deploy applies it with the permissions of deployer.yaml, in its first step.
            component = item["metadata"].get("labels", {}).get("app.kubernetes.io/component")
            assert component not in {"server", "service", "migration", "pre-traffic-check"}
            group = item["apiVersion"].rpartition("/")[0]
            assert rules[group, f"{item['kind'].lower()}s".replace("ingresss", "ingresses")] >= {
                "get",
                "create",
                "patch",
            }
        fits(objects)


def fits(objects: Objects) -> None:
    """Check that what components add refers to what exists."""
    services = {item["metadata"]["name"]: item for item in objects if item["kind"] == "Service"}
    ports = {port["name"]: port["port"] for port in services["my-service"]["spec"]["ports"]}
    [reference] = [reference for rule in of(objects, "HTTPRoute")["spec"]["rules"] for reference in rule["backendRefs"]]
    assert (reference["name"], reference["port"]) == ("my-service", ports["http"])
    ingress = of(objects, "Ingress")["spec"]
    [rule] = ingress["rules"]
    [path] = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "my-service", "port": {"name": "http"}}
    assert ingress["tls"] == [{"hosts": [rule["host"]], "secretName": "my-service-tls"}]
    assert of(objects, "HTTPRoute")["spec"]["hostnames"] == [rule["host"]]
    monitor = of(objects, "ServiceMonitor")["spec"]
    wanted = monitor["selector"]["matchLabels"].items()
    scraped = [
        name
        for name, item in services.items()
        if wanted <= item["metadata"]["labels"].items()
        and {port["name"] for port in item["spec"]["ports"]} & {end["port"] for end in monitor["endpoints"]}
    ]
    assert scraped == ["my-service-metrics"]
    dashboard = of(objects, "ConfigMap", "-dashboard")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert set(dashboard["data"]) == {"my-service.json"}
    assert json.loads(dashboard["data"]["my-service.json"])["uid"] == "my-service"


def test_a_rollout_takes_the_documented_patch_and_the_names_of_settings_everywhere(emit):
    """Kustomize hashes a ConfigMap's name where kustomize-rollout.yaml lists the field."""
    project = emit(language="go", strategy="canary", services=[])
    [documented] = re.findall(r"^```yaml\n(patches:\n.*?)^```$", (project / "DEPLOYMENT.md").read_text(), re.M | re.S)
    config = {"name": "my-service"}
    variables = {
        "envFrom": [{"configMapRef": config}],
        "env": [{"name": "ONE", "valueFrom": {"configMapKeyRef": config | {"key": "PORT"}}}],
    }
    volumes = [
        {"name": "whole", "configMap": config},
        {"name": "projected", "projected": {"sources": [{"configMap": config}]}},
    ]
    added = [
        {"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": variables["env"][0]},
        {"op": "add", "path": "/spec/template/spec/initContainers", "value": [{"name": "first", **variables}]},
        {"op": "add", "path": "/spec/template/spec/volumes", "value": volumes},
    ]
    overlay = project / "deploy/overlays/staging"
    with (overlay / "kustomization.yaml").open("a") as file:
        file.write(f"{documented}  - target: {{kind: Rollout}}\n    patch: '{json.dumps(added)}'\n")
    pod = of(load(build(overlay)), "Rollout")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["env"][0] == {"name": "TZ", "value": "UTC"}
    assert {"image", "readinessProbe"} <= container.keys()
    names = re.findall(r"'name': '(my-service[^']*)'", str([container, pod["initContainers"], pod["volumes"]]))
    names.remove("my-service")  # the Secret
    assert len(names) == 6
    assert all(re.fullmatch(r"my-service-\w{10}", name) for name in names), names


@pytest.mark.parametrize("component", ["gateway", "ingress"])
def test_the_patch_in_a_component_sets_the_hostname_of_an_environment(emit, component):
    project = emit(language="go", services=[])
    text = (project / f"deploy/components/{component}/kustomization.yaml").read_text()
    patches = re.findall(r"^#   (.*)$", text, re.MULTILINE)
    overlay = project / "deploy/overlays/staging"
    with (overlay / "kustomization.yaml").open("a") as file:
        file.write("\n".join([f"components: [../../components/{component}]", *patches, ""]))
    added = load(build(overlay))
    route = of(added, "HTTPRoute") or of(added, "Ingress")
    assert "my-service.example.com" in yaml.safe_dump(route)
    assert not re.search(r"(?<!staging\.)my-service\.example\.com", yaml.safe_dump(route))


def test_the_schemas_of_the_components_do_find_something(emit):
    project = emit(language="go", services=[])
    list_components(project, "staging")
    text = build(project / "deploy/overlays/staging")
    for was, becomes in [
        ("backendRefs:", "backendRef:"),
        ("  endpoints:", "  endpoint:"),
        ("- alert: NoTraffic", "- alarm: NoTraffic"),
        ("secretName:", "secretNames:"),
    ]:
        assert was in text
        kinds = [item for item in load(text.replace(was, becomes)) if item["kind"] in ADDED - {"ConfigMap"}]
        assert [problem for item in kinds for problem in invalid_addition(item)], was


def test_kube_score_finds_nothing(known):
    # Staging and preview differ by their namespace only, and a canary's by the number of its pods.
    different = {path.read_text().replace(f"-{overlay}\n", "\n"): path for overlay, path in known}
    assert len(different) == 2 * len(kubernetes()) + sum(answers["strategy"] == "canary" for answers in kubernetes())
    for path in different.values():
        done = score(path)
        assert done.returncode == 0, f"{path}:\n{done.stdout}{done.stderr}"


def test_what_kube_score_is_told_to_ignore_has_its_reason_beside_it(projects):
    for answers, project in projects:
        if answers["strategy"] != "rolling":
            continue
        text = (project / "deploy/base/deployment.yaml").read_text()
        ignored = re.search(r"kube-score/ignore: (\S+)", text)[1].split(",")
        assert ",".join(ignored) == IGNORED_FOR_ROLLOUTS
        assert all(re.search(rf"^ +# - {name}: \w", text, re.MULTILINE) for name in ignored)
        for path in (project / "deploy").rglob("*.yaml"):
            found = re.search(r"kube-score/ignore: (\S+)", path.read_text())
            assert not found or set(found[1].split(",")) <= set(ignored), path


# How the manifests of an overlay have to fit each other: each rule yields what does not fit


def of(objects: Objects, kind: str, suffix: str = "") -> dict:
    found = [item for item in objects if item["kind"] == kind and item["metadata"]["name"].endswith(suffix)]
    return found[0] if found else {}


def server(objects: Objects) -> dict:
    """Return what runs the service: a Deployment or a Rollout."""
    return of(objects, "Deployment") or of(objects, "Rollout")


def workloads(objects: Objects) -> Objects:
    """Return everything that makes pods, the Jobs of an analysis included."""
    return [item for item in in_known_kinds(objects) if item["kind"] in ("Deployment", "Job")]


def containers(workload: dict) -> list[dict]:
    return pod(workload)["containers"] + pod(workload).get("initContainers", [])


def pod(workload: dict) -> dict:
    return workload["spec"]["template"]["spec"]


def container(workload: dict) -> dict:
    return pod(workload)["containers"][0]


def settings(objects: Objects) -> dict[str, str]:
    return of(objects, "ConfigMap")["data"]


def services_of_strategy(objects: Objects) -> set[str]:
    """Return the Services that a Rollout's strategy names."""
    strategy = server(objects)["spec"]["strategy"]
    named = {**strategy.get("blueGreen", {}), **strategy.get("canary", {})}
    return {value for key, value in named.items() if key.endswith("Service")}


def selectors_select_the_server_only(objects: Objects) -> Iterator[str]:
    labels = server(objects)["spec"]["template"]["metadata"]["labels"].items()
    services = {item["metadata"]["name"]: item["spec"]["selector"] for item in objects if item["kind"] == "Service"}
    name = server(objects)["metadata"]["name"]
    if set(services) != {name, f"{name}-metrics", *services_of_strategy(objects)}:
        yield f"there are the Services {sorted(services)}"
    chosen = {
        **services,
        "PodDisruptionBudget": of(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        "workload": server(objects)["spec"]["selector"]["matchLabels"],
    }
    for spread in pod(server(objects))["topologySpreadConstraints"]:
        chosen[spread["topologyKey"]] = spread["labelSelector"]["matchLabels"]
    for name, selector in chosen.items():
        if not selector or not selector.items() <= labels:
            yield f"{name} does not select the server's pods"
        if any(
            selector.items() <= workload["spec"]["template"]["metadata"]["labels"].items()
            for workload in workloads(objects)
            if workload["kind"] == "Job"
        ):
            yield f"{name} selects pods that do not serve"


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
    ports = {port["name"]: port["containerPort"] for port in container(server(objects))["ports"]}
    if ports != {"http": int(settings(objects)["PORT"]), "metrics": int(settings(objects)["METRICS_PORT"])}:
        yield f"the container's ports are {ports}"
    for service in (item for item in objects if item["kind"] == "Service"):
        for port in service["spec"]["ports"]:
            if port["targetPort"] not in ports:
                yield f"{service['metadata']['name']} leads to {port['targetPort']}"
    if any(port["targetPort"] != "http" for port in of(objects, "Service", "ervice")["spec"]["ports"]):
        yield "the Service shows more than the service"


def probes_ask_what_they_should(objects: Objects) -> Iterator[str]:
    expected = {
        "startupProbe": ("/health", 0, 5, 30),
        "readinessProbe": ("/health/ready", 5, 10, 2),
        "livenessProbe": ("/health", 10, 30, 3),
    }
    for name, values in expected.items():
        probe = container(server(objects))[name]
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
    template = pod(server(objects))
    before = container(server(objects))["lifecycle"]["preStop"]["sleep"]["seconds"]
    if before < 5:
        yield "requests still come when the process stops"
    if template["terminationGracePeriodSeconds"] < before + int(settings(objects)["SHUTDOWN_TIMEOUT_SECONDS"]) + 5:
        yield "it is killed before it has drained"


def a_rollout_loses_no_pod(objects: Objects) -> Iterator[str]:
    spec = server(objects)["spec"]
    rolling, canary = spec["strategy"].get("rollingUpdate"), spec["strategy"].get("canary")
    if rolling and rolling != {"maxSurge": 1, "maxUnavailable": 0}:
        yield "old pods leave too early"
    if canary and canary["maxUnavailable"] != 0:
        yield "old pods leave too early"
    if not rolling and not spec["progressDeadlineAbort"]:
        yield "a rollout that makes no progress stays as it is"
    startup = container(server(objects))["startupProbe"]
    slowest = startup["periodSeconds"] * startup["failureThreshold"] + spec["minReadySeconds"]
    if spec["progressDeadlineSeconds"] <= slowest:
        yield "a slow start counts as a failed rollout"


def an_analysis_asks_the_new_pods_only(objects: Objects) -> Iterator[str]:
    strategy = server(objects)["spec"]["strategy"]
    if "rollingUpdate" in strategy:
        return
    canary, blue_green = strategy.get("canary"), strategy.get("blueGreen")
    analysis = canary["analysis"] if canary else blue_green["prePromotionAnalysis"]
    service = canary["canaryService"] if canary else blue_green["previewService"]
    template = of(objects, "AnalysisTemplate")
    if analysis["templates"] != [{"templateName": template["metadata"]["name"]}]:
        yield f"the analysis is by {analysis['templates']}"
    metric = template["spec"]["metrics"][0]
    requested = [argument for argument in container(metric["provider"]["job"])["args"] if "://" in argument]
    if {urlsplit(address).netloc for address in requested} != {service}:
        yield f"it requests {requested} rather than {service}"
    if canary and canary["analysis"].get("startingStep") != 1:
        yield "it begins before there is a canary, or later"
    if canary and "count" in metric:
        yield "it ends before the last step"
    if blue_green and not metric.get("count"):
        yield "it never ends"
    if metric["failureLimit"] > 1:
        yield "it tolerates too much"


def shares_are_whole_pods(objects: Objects) -> Iterator[str]:
    canary = server(objects)["spec"]["strategy"].get("canary")
    if not canary:
        return
    autoscaler = of(objects, "HorizontalPodAutoscaler")
    pods = autoscaler["spec"]["minReplicas"] if autoscaler else server(objects)["spec"]["replicas"]
    for share in (step["setWeight"] for step in canary["steps"] if "setWeight" in step):
        if pods * share % 100:
            yield f"{share} % of {pods} pods are not whole pods"


def there_are_pods_enough(objects: Objects) -> Iterator[str]:
    autoscaler = of(objects, "HorizontalPodAutoscaler")
    replicas = server(objects)["spec"].get("replicas")
    if autoscaler:
        target = autoscaler["spec"]["scaleTargetRef"]
        kind = server(objects)["kind"]
        if (target["kind"], target["apiVersion"]) != (kind, server(objects)["apiVersion"]):
            yield "the autoscaler scales another kind"
        if target["name"] != server(objects)["metadata"]["name"]:
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
    is_production = server(objects)["metadata"]["namespace"].endswith("-production")
    if is_production != bool(of(objects, "HorizontalPodAutoscaler")):
        yield "production, and only production, has an autoscaler"


def pods_are_restricted(objects: Objects) -> Iterator[str]:
    for workload in workloads(objects):
        context = pod(workload)["securityContext"]
        if not (context["runAsNonRoot"] and context["runAsUser"] == context["runAsGroup"] == 65532):
            yield "it does not run as a numeric user without rights"
        if context["seccompProfile"] != {"type": "RuntimeDefault"}:
            yield "system calls are not restricted"
        for security in (container["securityContext"] for container in containers(workload)):
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
        name = workload["metadata"]["name"]
        volumes = {volume["name"]: volume["emptyDir"]["sizeLimit"] for volume in pod(workload).get("volumes", [])}
        for resources in (container["resources"] for container in containers(workload)):
            if not {"cpu", "memory", "ephemeral-storage"} <= set(resources["requests"]):
                yield f"{name} requests {resources['requests']}"
            if set(resources["limits"]) != {"memory", "ephemeral-storage"}:
                yield f"{name} is limited by {resources['limits']}"
        if any(
            {mount["name"] for mount in item.get("volumeMounts", [])} != set(volumes) for item in containers(workload)
        ):
            yield "volumes and mounts differ"


def settings_and_secrets_are_read(objects: Objects) -> Iterator[str]:
    name = server(objects)["metadata"]["name"]
    for workload in workloads(objects):
        for item in containers(workload):
            if item["name"] != "probe" and item["envFrom"] != [
                {"configMapRef": {"name": of(objects, "ConfigMap")["metadata"]["name"]}},
                {"secretRef": {"name": name}},
            ]:
                yield f"{workload['metadata']['name']} reads {item['envFrom']}"
    if not re.fullmatch(rf"{name}-[a-z0-9]{{10}}", of(objects, "ConfigMap")["metadata"]["name"]):
        yield "changed settings do not change the ConfigMap's name"
    if of(objects, "Secret"):
        yield "there is a Secret in Git"


def jobs_end(objects: Objects) -> Iterator[str]:
    for job in (item["spec"] for item in objects if item["kind"] == "Job"):
        yield from what_keeps_from_ending(job)


def what_keeps_from_ending(job: dict) -> Iterator[str]:
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
    an_analysis_asks_the_new_pods_only,
    shares_are_whole_pods,
    there_are_pods_enough,
    production_is_scaled,
    pods_are_restricted,
    resources_are_bounded,
    settings_and_secrets_are_read,
    jobs_end,
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
        (jobs_end, "backoffLimit: 1", "backoffLimit: 6"),
        (jobs_end, "  ttlSecondsAfterFinished: 86400\n", ""),
    ],
)
def test_what_does_not_fit_is_noticed(rule, was, becomes, render):
    assert_noticed(render, "rolling", rule, was, becomes)


@pytest.mark.parametrize(
    ("strategy", "rule", "was", "becomes"),
    [
        ("canary", selectors_select_the_server_only, "name: my-service-canary", "name: my-service-canaries"),
        ("canary", a_rollout_loses_no_pod, "maxUnavailable: 0", "maxUnavailable: 1"),
        ("canary", a_rollout_loses_no_pod, "progressDeadlineAbort: true", "progressDeadlineAbort: false"),
        ("canary", an_analysis_asks_the_new_pods_only, "http://my-service-canary/\n", "http://my-service/\n"),
        ("canary", an_analysis_asks_the_new_pods_only, "startingStep: 1", "startingStep: 2"),
        ("canary", an_analysis_asks_the_new_pods_only, "templateName: my-service", "templateName: other"),
        ("canary", an_analysis_asks_the_new_pods_only, "failureLimit: 1", "failureLimit: 5"),
        ("canary", an_analysis_asks_the_new_pods_only, "failureLimit: 1", "count: 1\n    failureLimit: 1"),
        ("canary", shares_are_whole_pods, "setWeight: 20", "setWeight: 10"),
        ("canary", shares_are_whole_pods, "minReplicas: 5", "minReplicas: 4"),
        ("canary", there_are_pods_enough, "    kind: Rollout", "    kind: Deployment"),
        ("blue-green", an_analysis_asks_the_new_pods_only, "http://my-service-preview/\n", "http://my-service/\n"),
        ("blue-green", an_analysis_asks_the_new_pods_only, "  - count: 2\n    failureLimit", "  - failureLimit"),
        ("blue-green", pods_are_restricted, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
    ],
)
def test_what_does_not_fit_a_rollout_is_noticed(strategy, rule, was, becomes, render):
    assert_noticed(render, strategy, rule, was, becomes)


def assert_noticed(render, strategy, rule, was, becomes):
    services = ["postgres", "redis", "external-api"]
    project = render(language="node", strategy=strategy, services=services, repository="public")
    text = build(project / "deploy/overlays/production")
    assert not list(rule(load(text)))
    assert was in text
    assert list(rule(load(text.replace(was, becomes))))


def test_the_linters_do_find_something(render, tmp_path):
    text = build(render(language="node") / "deploy/overlays/staging")
    assert "maxSurge" in text
    for version in KUBERNETES:
        assert not invalid(version, load(text))
        assert invalid(version, load(text.replace("maxSurge", "maxSurges")))
    path = tmp_path / "manifests.yaml"
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
        assert set(re.findall(r"`([A-Z_]+)`", documented.split("each of")[1].split("Use different")[0])) == secrets


def test_a_migration_exists_only_with_a_database_and_a_pre_traffic_check_only_in_rolling(built):
    for answers, _, path in built:
        objects = load(path.read_text())
        assert bool(of(objects, "Job", "-migration")) == ("postgres" in answers["services"])
        assert bool(of(objects, "Job", "-pre-traffic-check")) == (answers["strategy"] == "rolling")


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


@pytest.mark.parametrize("strategy", ["rolling", "blue-green", "canary"])
def test_a_release_names_its_image_by_digest(render, tmp_path, strategy):
    """As scripts/deploy does it."""
    project = render(language="go", services=["postgres"], github_owner="Acme", strategy=strategy)
    image = f"registry.example.com:5000/other/name@{DIGEST}"
    commands = f"environment=production image={image}; . scripts/lib/kubernetes.sh; render {tmp_path}"
    done = subprocess.run(["sh", "-euc", commands], cwd=project, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    objects = load((tmp_path / "manifests.yaml").read_text())
    assert {item["image"] for workload in workloads(objects) for item in containers(workload)} == {image}
    assert server(objects)["metadata"]["annotations"]["kubernetes.io/change-cause"] == image


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
    for answers in covering_rows():
        project = render(**answers)
        text = (project / "READINESS.md").read_text()
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
            "Application",
            "Infrastructure",
            "Monitoring",
            "Security",
            "Operations",
        ]
        items = re.findall(r"^- \*\*.+\\\n  \*(checked|yours)\* `[a-z-]+`: (.+)$", text, re.MULTILINE)
        assert len(items) == text.count("\n- ") >= 60
        assert sum(mark == "checked" for mark, _ in items) >= 40
        assert not [how for mark, how in items if mark == "checked" and "](" not in how]
        documents = [path for path in project.glob("*.md") if path.name != "README.md"]
        assert {"READINESS.md", "DEPLOYMENT.md"} <= {path.name for path in documents}
        assert not [problem for path in documents for problem in broken_links(path)]


def test_a_broken_link_is_noticed(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("# Here\n[a](b.md) [c](a.md#there) [d](#here)\n")
    assert len(list(broken_links(path))) == 2
