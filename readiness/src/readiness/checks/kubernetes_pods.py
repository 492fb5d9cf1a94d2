"""Checks of the pods on Kubernetes: probes, resources, number and settings."""

import json
import re
from typing import Any

from readiness.checklist import CHECKLIST
from readiness.documents import get, to_yaml
from readiness.environment import whole_number
from readiness.findings import CannotJudgeError, Findings, judge
from readiness.languages import language, read_schema
from readiness.manifests import (
    OVERLAYS,
    SERVERS,
    environments,
    fewest_pods,
    objects,
    objects_everywhere,
    overlay,
    selects,
    servers,
    setting_place,
    settings,
    workloads,
)
from readiness.registry import check
from readiness.repository import Repository

SHORTEST_PRE_STOP_SECONDS = 5


def find_probe(repository: Repository, name: str) -> Findings:
    """Return whether every container of a service has a probe, in a repository that chooses its own paths."""
    for environment, server in servers(repository):
        keys, container = server.main_container
        found = get(container, name, default={})
        handler = next((key for key in found if key in {"exec", "grpc", "tcpSocket"}), "nothing")
        path = get(found, "httpGet", "path", default=handler)
        seen = f"{environment}: {server.kind} {server.name}: {name} uses {path}"
        yield judge(found, seen, "a probe", server.place(*keys, name))
        if (
            name == "livenessProbe"
            and "httpGet" in found
            and found.get("httpGet") == get(container, "readinessProbe", "httpGet")
        ):
            seen = f"{environment}: {server.kind} {server.name}: liveness and readiness use the same path {path}"
            yield judge(False, seen, "a path that checks no dependency", server.place(*keys, name))


def probe(repository: Repository, name: str, path: str) -> Findings:
    """Return whether a probe of the service requests a path."""
    if not repository.is_emitted:
        yield from find_probe(repository, name)
        return
    for environment, server in servers(repository):
        keys, container = server.main_container
        requested = get(container, name, "httpGet", "path", default="nothing")
        place = server.place(*keys, name, "httpGet", "path")
        yield judge(requested == path, f"{environment}: {name} requests {requested}", path, place)


@check("kubernetes", "startup-probe")
def startup_probe(repository: Repository) -> Findings:
    yield from probe(repository, "startupProbe", "/health")
    for environment, server in servers(repository):
        _, container = server.main_container
        startup = get(container, "startupProbe", default={})
        seconds = get(startup, "periodSeconds", default=10) * get(startup, "failureThreshold", default=3)
        deadline = get(server.content, "spec", "progressDeadlineSeconds", default=600)
        seen = f"{environment}: {seconds} s to start, {deadline} s to make progress"
        yield judge(seconds < deadline, seen, "less time to start", server.place("spec", "progressDeadlineSeconds"))


@check("kubernetes", "readiness-probe")
def readiness_probe(repository: Repository) -> Findings:
    yield from probe(repository, "readinessProbe", "/health/ready")


@check("kubernetes", "liveness-probe")
def liveness_probe(repository: Repository) -> Findings:
    yield from probe(repository, "livenessProbe", "/health")


@check("kubernetes", "pre-stop-delay")
def pre_stop_delay(repository: Repository) -> Findings:
    for environment, server in servers(repository):
        keys, container = server.main_container
        hook = get(container, "lifecycle", "preStop", default={})
        if hook and "sleep" not in hook and not repository.is_emitted:
            seen = f"{environment}: {server.name}: preStop runs {', '.join(hook)}"
            yield judge(True, seen, "", server.place(*keys, "lifecycle", "preStop"))
            continue
        seconds = get(hook, "sleep", "seconds", default=0)
        expected = f"{SHORTEST_PRE_STOP_SECONDS} or more"
        place = server.place(*keys, "lifecycle", "preStop", "sleep", "seconds")
        yield judge(seconds >= SHORTEST_PRE_STOP_SECONDS, f"{environment}: preStop of {seconds} s", expected, place)


@check("kubernetes", "time-to-drain")
def time_to_drain(repository: Repository) -> Findings:
    if not repository.is_emitted and servers(repository):
        raise CannotJudgeError("the time that the service takes to drain is not known")
    for environment, server in servers(repository):
        _, container = server.main_container
        pre_stop = get(container, "lifecycle", "preStop", "sleep", "seconds", default=0)
        timeout = whole_number(settings(repository, environment), "SHUTDOWN_TIMEOUT_SECONDS", "25")
        grace = get(server.pod, "terminationGracePeriodSeconds", default=30)
        seen = f"{environment}: {pre_stop} s preStop + {timeout} s drain, {grace} s of grace"
        place = server.place("spec", "template", "spec", "terminationGracePeriodSeconds")
        yield judge(pre_stop + timeout < grace, seen, "more grace than both", place)


@check("kubernetes", "resources-bounded")
def resources_bounded(repository: Repository) -> Findings:
    for environment, workload in workloads(repository):
        for keys, container in workload.containers:
            resources = get(container, "resources", default={})
            bounds = [("requests", "cpu"), ("requests", "memory"), ("limits", "memory")]
            missing = [" ".join(bound) for bound in bounds if get(resources, *bound) is None]
            seen = f"{environment}: {workload.kind} {container['name']} lacks {', '.join(missing) or 'nothing'}"
            yield judge(not missing, seen, "requests, and a limit of memory", workload.place(*keys, "resources"))


LEAST_PODS = 2


@check("kubernetes", "pods-enough")
def pods_enough(repository: Repository) -> Findings:
    for environment, server in servers(repository):
        number, place = fewest_pods(repository, environment, server)
        yield judge(number >= LEAST_PODS, f"{environment}: {number} pods at least", f"{LEAST_PODS} or more", place)


@check("kubernetes", "autoscaler-alone")
def autoscaler_alone(repository: Repository) -> Findings:
    for environment, scaler in objects_everywhere(repository, "HorizontalPodAutoscaler"):
        target = get(scaler.content, "spec", "scaleTargetRef", default={})
        scaled = (get(target, "kind"), get(target, "name"))
        matches = [
            server for server in objects(repository, environment, *SERVERS) if (server.kind, server.name) == scaled
        ]
        place = scaler.place("spec", "scaleTargetRef", "name")
        yield judge(matches, f"{environment}: scales {scaled[0]} {scaled[1]}", "the workload of the service", place)
        for server in matches:
            replicas = get(server.content, "spec", "replicas")
            seen = f"{environment}: replicas {to_yaml(replicas)} beside an autoscaler"
            yield judge(replicas is None, seen, "none, or each deploy resets it", server.place("spec", "replicas"))


@check("kubernetes", "nodes-can-drain")
def nodes_can_drain(repository: Repository) -> Findings:
    for environment, server in servers(repository):
        pods, _ = fewest_pods(repository, environment, server)
        budgets = [
            budget
            for budget in objects(repository, environment, "PodDisruptionBudget")
            if selects(get(budget.content, "spec", "selector", "matchLabels"), server)
        ]
        seen = f"{environment}: disruption budgets for its pods: {len(budgets)}"
        yield judge(len(budgets) == 1, seen, "one", server.place())
        for budget in budgets:
            spec = budget.content["spec"]
            key = "maxUnavailable" if "maxUnavailable" in spec else "minAvailable"
            bound = str(spec.get(key, 0))
            number = pods * int(bound[:-1]) // 100 if bound.endswith("%") else int(bound)
            free = number if key == "maxUnavailable" else pods - number
            seen = f"{environment}: {key} {bound} allows {free} of {pods} pods to stop"
            is_some = 0 < free < max(pods, LEAST_PODS)
            yield judge(is_some, seen, "some pods that may stop and some that stay", budget.place("spec", key))


@check("kubernetes", "pods-spread")
def pods_spread(repository: Repository) -> Findings:
    for environment, server in servers(repository):
        spread = get(server.pod, "topologySpreadConstraints", default=[])
        place = server.place("spec", "template", "spec", "topologySpreadConstraints")
        keys = [entry["topologyKey"] for entry in spread if selects(get(entry, "labelSelector", "matchLabels"), server)]
        expected = "topology.kubernetes.io/zone and kubernetes.io/hostname"
        is_spread = {"topology.kubernetes.io/zone", "kubernetes.io/hostname"} <= set(keys)
        yield judge(is_spread, f"{environment}: spread over {', '.join(keys) or 'nothing'}", expected, place)


@check("kubernetes", "services-find-pods")
def services_find_pods(repository: Repository) -> Findings:
    for environment, service in objects_everywhere(repository, "Service"):
        selector = get(service.content, "spec", "selector", default={})
        found = [server for server in objects(repository, environment, *SERVERS) if selects(selector, server)]
        seen = f"{environment}: Service {service.name} finds {len(found)} workload"
        yield judge(found, seen, "the service's", service.place("spec", "selector"))
        for server in found:
            ports = [port for _, container in server.containers for port in get(container, "ports", default=[])]
            known = {get(port, key) for port in ports for key in ("name", "containerPort")}
            for number, port in enumerate(get(service.content, "spec", "ports", default=[])):
                target = get(port, "targetPort", default=port["port"])
                seen = f"{environment}: Service {service.name} sends to port {target}"
                yield judge(target in known, seen, "a port of the container", service.place("spec", "ports", number))


@check("kubernetes", "settings-released")
def settings_released(repository: Repository) -> Findings:
    for environment, server in servers(repository):
        keys, container = server.main_container
        sources = get(container, "envFrom", default=[])
        names = {source["configMapRef"]["name"] for source in sources if "configMapRef" in source}
        if not repository.is_emitted and not names:
            continue
        made = {manifest.name for manifest in objects(repository, environment, "ConfigMap")}
        files = repository.matching("deploy/base/kustomization.yaml", f"{OVERLAYS}/*/kustomization.yaml")
        fixed = [file for file in files if "disableNameSuffixHash: true" in repository.text(file)]
        seen = f"{environment}: settings from ConfigMap {', '.join(sorted(names)) or 'none'}"
        expected = "one that is generated, with a hash in its name"
        yield judge(names & made and not fixed, seen, expected, server.place(*keys, "envFrom"))


@check("kubernetes", "variables-in-settings")
def variables_in_settings(repository: Repository) -> Findings:
    declared = read_schema(repository)
    documents = {
        name: repository.text(name) for name in repository.matching("*.md") if name not in {"README.md", CHECKLIST}
    }
    for environment in environments(repository):
        given = settings(repository, environment)
        for name, variable in declared.items():
            is_given = variable.has_default or name in given or any(f"`{name}`" in text for text in documents.values())
            place = setting_place(repository, environment, name)
            expected = "a setting, or a line on its secret in DEPLOYMENT.md"
            yield judge(is_given, f"{environment}: {name}", expected, place)
        for name in sorted(given.keys() - declared.keys()):
            place = setting_place(repository, environment, name)
            yield judge(False, f"{environment}: {name}", f"a variable of {language(repository).schema_file}", place)


def comparable(pod: dict[str, Any]) -> dict[str, Any]:
    """Return what of a pod is the same in all environments: all but resources and the names of generated settings."""
    text = re.sub(r'("configMapRef": \{"name": "[^"]+)-\w{10}"', r'\1"', json.dumps(pod))
    same: dict[str, Any] = json.loads(
        text, object_hook=lambda node: {key: value for key, value in node.items() if key != "resources"}
    )
    return same


@check("kubernetes", "environments-alike")
def environments_alike(repository: Repository) -> Findings:
    pods = {environment: comparable(server.pod) for environment, server in servers(repository)}
    if not repository.is_emitted and "production" not in pods:
        return
    for environment in sorted(pods.keys() - {"production"}):
        is_alike = pods[environment] == pods.get("production")
        place = overlay(environment)
        seen = f"pods of {environment} beside those of production"
        yield judge(is_alike, seen, "the same but for their resources", place)


def find_metrics(repository: Repository) -> Findings:
    """Return whether Prometheus can discover each workload, by annotations or by a monitor."""
    for environment, server in servers(repository):
        monitors = objects(repository, environment, "ServiceMonitor", "PodMonitor")
        annotated = [
            manifest
            for manifest in [server, *objects(repository, environment, "Service")]
            for keys in (("metadata", "annotations"), ("spec", "template", "metadata", "annotations"))
            if "prometheus.io/scrape" in get(manifest.content, *keys, default={})
        ]
        found = [*monitors, *annotated]
        kinds = ", ".join(dict.fromkeys(one.kind for one in found)) or "nothing"
        seen = f"{environment}: {server.name}: discovered by {kinds}"
        yield judge(found, seen, "annotations or a ServiceMonitor", (found or [server])[0].place("metadata"))


@check("kubernetes", "metrics-found")
def metrics_found(repository: Repository) -> Findings:
    if not repository.is_emitted:
        yield from find_metrics(repository)
        return
    for environment in environments(repository):
        port = settings(repository, environment).get("METRICS_PORT", "9090")
        found = [
            service
            for service in objects(repository, environment, "Service")
            if get(service.content, "metadata", "annotations", "prometheus.io/port") == port
        ]
        place = found[0].place("metadata", "annotations", "prometheus.io/port") if found else overlay(environment)
        yield judge(found, f"{environment}: a Service shows port {port} to Prometheus", "the annotation", place)


@check("kubernetes", "last-words-kept")
def last_words_kept(repository: Repository) -> Findings:
    for environment, workload in workloads(repository):
        for keys, container in workload.containers:
            policy = get(container, "terminationMessagePolicy", default="File")
            place = workload.place(*keys, "terminationMessagePolicy")
            expected = "FallbackToLogsOnError"
            yield judge(policy == expected, f"{environment}: {container['name']} {policy}", expected, place)


@check("kubernetes", "log-level-bearable")
def log_level_bearable(repository: Repository) -> Findings:
    if not repository.is_emitted:
        for environment in environments(repository):
            if level := settings(repository, environment).get("LOG_LEVEL"):
                yield judge(
                    str(level).lower() not in {"debug", "trace"}, f"{environment}: LOG_LEVEL {level}", "info or less"
                )
        return
    level = settings(repository, "production").get("LOG_LEVEL", "info")
    place = setting_place(repository, "production", "LOG_LEVEL")
    yield judge(level != "debug", f"production: LOG_LEVEL {level}", "info or less", place)
