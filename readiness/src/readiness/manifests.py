"""Read the Kubernetes manifests of each environment."""

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from readiness.commands import run
from readiness.documents import get, line_of, parse_yaml
from readiness.findings import NOWHERE, CannotJudgeError, NotApplicableError, Place, ReadinessError
from readiness.locations import helm_charts, kustomizations, plain_manifests
from readiness.repository import Repository

OVERLAYS = "deploy/overlays"
SERVERS = {"Deployment", "Rollout", "StatefulSet"}

# Where the Job of an analysis stands in a metric.
METRIC_JOB = ("provider", "job")


@dataclass(frozen=True)
class Manifest:
    """An object as it is applied, and the document that it was built from, which knows its lines."""

    content: dict[str, Any]
    file: str
    source: object
    template: tuple[str | int, ...] = ("spec", "template")  # the keys that lead to what its pods are made from

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.content["kind"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(get(self.content, "metadata", "name", default=""))

    def place(self, *keys: str | int) -> Place:
        """Return the place of a part, or of its nearest parent."""
        return self.file, line_of(self.source, *keys)

    @property
    def pod(self) -> dict[str, Any]:
        """The specification of its pods, empty if it creates none."""
        pod: dict[str, Any] = get(self.content, *self.template, "spec", default={})
        return pod

    @property
    def pod_labels(self) -> dict[str, Any]:
        """The labels of its pods."""
        labels: dict[str, Any] = get(self.content, *self.template, "metadata", "labels", default={})
        return labels

    @property
    def containers(self) -> list[tuple[tuple[str | int, ...], dict[str, Any]]]:
        """The containers of its pods, each with the keys that lead to it."""
        return [
            ((*self.template, "spec", kind, number), container)
            for kind in ("initContainers", "containers")
            for number, container in enumerate(get(self.pod, kind, default=[]))
        ]

    @property
    def main_container(self) -> tuple[tuple[str | int, ...], dict[str, Any]]:
        """The container of the service: the first, because added containers follow it."""
        return next((keys, container) for keys, container in self.containers if "containers" in keys)


@cache
def environments(repository: Repository) -> list[str]:
    """Return the names of the environments; in a repository of another origin, the folders of its manifests."""
    if repository.is_emitted:
        return sorted({name.split("/")[2] for name in repository.matching(f"{OVERLAYS}/*/kustomization.yaml")})
    plain = {name.rpartition("/")[0] for name in plain_manifests(repository)}
    found = sorted({*plain, *(folder for folder in kustomizations(repository) if builds(repository, folder))})
    if not found and kustomizations(repository):
        raise CannotJudgeError(f"the kustomizations do not build: {', '.join(kustomizations(repository))}")
    if not found:
        if charts := helm_charts(repository):
            names = ", ".join(chart or "Chart.yaml" for chart in charts)
            raise CannotJudgeError(f"the manifests are Helm templates: {names}")
        raise NotApplicableError("there are no Kubernetes manifests")
    return found


def unread(repository: Repository) -> str:
    """Return a sentence on the charts beside the manifests that are read, or an empty text."""
    if repository.is_emitted or not helm_charts(repository):
        return ""
    charts = ", ".join(chart or "Chart.yaml" for chart in helm_charts(repository))
    return f"Not checked: Helm templates of {charts}. Render them with `helm template` and check the result."


def builds(repository: Repository, folder: str) -> bool:
    """Return whether a kustomization builds without the network."""
    try:
        return kustomize(repository.root / folder) is not None or bool(listed(repository, folder))
    except (ReadinessError, FileNotFoundError, ValueError):
        return False


def folder_of(repository: Repository, environment: str) -> str:
    """Return the folder of an environment's manifests."""
    return f"{OVERLAYS}/{environment}" if repository.is_emitted else environment


def overlay(environment: str) -> Place:
    """Return the kustomization of an environment."""
    return f"{OVERLAYS}/{environment}/kustomization.yaml", 0


@cache
def run_kustomize(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Kustomize on a folder, once."""
    return run("kubectl", "kustomize", str(folder))


@cache
def kustomize(folder: Path) -> list[dict[str, Any]] | None:
    """Return the objects that Kustomize builds from a folder, None if kubectl is not installed."""
    done = run_kustomize(folder)
    if done.returncode == 127:
        return None
    if done.returncode:
        reason = done.stderr.strip().replace(f"{folder.parents[2]}/", "")
        raise ReadinessError(f"kubectl kustomize {folder.name}: {reason}")
    return [document for text in done.stdout.split("\n---\n") for document in parse_yaml(text)]


@cache
def manifests(repository: Repository, environment: str) -> list[Manifest]:
    """Return the objects of an environment."""
    folder = folder_of(repository, environment)
    if not repository.is_emitted and folder not in kustomizations(repository):
        return read_plain(repository, folder)
    sources = read_sources(repository, folder)
    objects = kustomize(repository.root / folder)
    if objects is None:
        objects = listed(repository, folder)
    found = []
    for content in objects:
        missing = (f"{folder}/kustomization.yaml".lstrip("/"), content if repository.is_emitted else None)
        file, source = sources.get((content["kind"], get(content, "metadata", "name")), missing)
        found.append(Manifest(content, file, source))
    return found


def read_sources(repository: Repository, folder: str) -> dict[tuple[str, str], tuple[str, Any]]:
    """Return the documents that an environment may be built from, by kind and name, each with its file.

    They are read before the build: a file of an emitted repository that cannot be parsed is reported with its line.
    """
    emitted = ["deploy/base/*.yaml", "deploy/components/*.yaml", f"{folder}/*.yaml"]
    files = emitted if repository.is_emitted else ["*.yaml", "*.yml"]
    sources = {}
    for name in repository.matching(*files):
        try:
            documents = repository.documents(name)
        except ReadinessError:
            if repository.is_emitted:
                raise
            continue  # a template of another tool
        for document in documents:
            sources[get(document, "kind"), get(document, "metadata", "name")] = name, document
    return sources


def read_plain(repository: Repository, folder: str) -> list[Manifest]:
    """Return the objects of the YAML files in a folder."""
    found = []
    for name in repository.matching(f"{folder}/*.yaml", f"{folder}/*.yml") if folder else plain_manifests(repository):
        if name.rpartition("/")[0] == folder:
            found += [
                Manifest(document, name, document)
                for document in repository.documents(name)
                if get(document, "kind") and get(document, "apiVersion")
            ]
    return found


def listed(repository: Repository, folder: str) -> list[Any]:
    """Return the objects that a kustomization lists, without kubectl: patches are not applied."""
    kustomization = get(repository.documents(f"{folder}/kustomization.yaml"), 0, default={})
    objects: list[Any] = []
    for entry in [*get(kustomization, "resources", default=[]), *get(kustomization, "components", default=[])]:
        path = (repository.root / folder / entry).resolve().relative_to(repository.root.resolve()).as_posix()
        objects += listed(repository, path) if (repository.root / path).is_dir() else repository.documents(path)
    for generator in get(kustomization, "configMapGenerator", default=[]):
        lines = "\n".join(repository.text(f"{folder}/{file}") for file in get(generator, "envs", default=[]))
        settings = dict(line.split("=", 1) for line in lines.splitlines() if re.match(r"\w+=", line))
        objects.append({"kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": settings})
    for replicas in get(kustomization, "replicas", default=[]):
        objects = [
            {**item, "spec": {**item["spec"], "replicas": replicas["count"]}}
            if item["kind"] in SERVERS and get(item, "metadata", "name") == replicas["name"]
            else item
            for item in objects
        ]
    return objects


def manifest_files(repository: Repository) -> list[str]:
    """Return the files that hold the objects of all environments."""
    if repository.is_emitted:
        return repository.matching("deploy/*.yaml")
    found = {
        manifest.file for environment in environments(repository) for manifest in manifests(repository, environment)
    }
    return sorted(found)


def objects(repository: Repository, environment: str, *kinds: str) -> list[Manifest]:
    """Return the objects of these kinds in an environment."""
    return [manifest for manifest in manifests(repository, environment) if manifest.kind in kinds]


def objects_everywhere(repository: Repository, *kinds: str) -> list[tuple[str, Manifest]]:
    """Return the objects of these kinds in all environments, each with its environment."""
    return [
        (environment, manifest)
        for environment in environments(repository)
        for manifest in objects(repository, environment, *kinds)
    ]


# Images of databases, caches, brokers and monitoring.
DEPENDENCY = re.compile(
    r"(^|/)(bitnami-?)?(postgres\w*|pgbouncer|mysql\w*|mariadb\w*|mongo\w*|redis\w*|valkey\w*|memcached|kafka|cp-kafka"
    r"|zookeeper|rabbitmq|nats|elasticsearch|opensearch|minio|clickhouse\w*|cassandra|etcd|vault|keycloak|mailpit|mailhog"
    r"|mailcatcher|adminer|pgadmin4?|grafana|prometheus|alertmanager|loki|promtail|tempo|jaeger[\w-]*|all-in-one|zipkin"
    r"|otel[\w-]*|opentelemetry-collector[\w-]*|fluent-?\w+|traefik|localstack)([:@]|$)"
)


def servers(repository: Repository) -> list[tuple[str, Manifest]]:
    """Return the workloads of the service in each environment, without the databases and tools beside it."""
    found = objects_everywhere(repository, *SERVERS)
    return [entry for entry in found if repository.is_emitted or not is_dependency(entry[1])]


def is_dependency(workload: Manifest) -> bool:
    """Return whether a workload runs a database, a cache or another program that the service depends on."""
    return bool(DEPENDENCY.search(str(get(workload.main_container[1], "image", default=""))))


def workloads(repository: Repository) -> list[tuple[str, Manifest]]:
    """Return everything that creates pods in each environment."""
    return objects_everywhere(repository, *SERVERS, "Job", "CronJob", "DaemonSet") + [
        (environment, Manifest(analysis.content, analysis.file, analysis.source, (*job, "spec", "template")))
        for environment, analysis in objects_everywhere(repository, "AnalysisTemplate")
        for number in range(len(get(analysis.content, "spec", "metrics", default=[])))
        if get(analysis.content, *(job := ("spec", "metrics", number, *METRIC_JOB)))
    ]


def settings(repository: Repository, environment: str) -> dict[str, str]:
    """Return the settings that an environment gives to the service; a key that is no variable name is a file."""
    found: dict[str, str] = {}
    for manifest in objects(repository, environment, "ConfigMap"):
        data = get(manifest.content, "data", default={})
        found |= {name: value for name, value in data.items() if re.fullmatch(r"[A-Za-z_]\w*", name)}
    return found


def setting_place(repository: Repository, environment: str, name: str) -> Place:
    """Return where a setting of an environment stands."""
    files = [
        file
        for file in (f"{OVERLAYS}/{environment}/settings.env", "deploy/base/settings.env")
        if file in repository.files
    ]
    place = repository.find(rf"^{name}=", *files)
    return place if any(place) else (files[0] if files else "", 0)


def fewest_pods(repository: Repository, environment: str, server: Manifest) -> tuple[int, Place]:
    """Return the minimum number of pods, and the place of that number."""
    for scaler in objects(repository, environment, "HorizontalPodAutoscaler"):
        if not repository.is_emitted and get(scaler.content, "spec", "scaleTargetRef", "name") != server.name:
            continue
        return get(scaler.content, "spec", "minReplicas", default=1), scaler.place("spec", "minReplicas")
    replicas = get(server.content, "spec", "replicas", default=1)
    file = f"{OVERLAYS}/{environment}/kustomization.yaml"
    place = repository.find(rf"^ +count: {replicas}$", file) if repository.is_emitted else NOWHERE
    return replicas, place if any(place) else server.place("spec", "replicas")


def covers(policy: Manifest, workload: Manifest) -> bool:
    """Return whether a network policy applies to a workload's pods; an empty selector selects every pod."""
    selector = get(policy.content, "spec", "podSelector", default={})
    return not selector or selects(get(selector, "matchLabels"), workload)


def selects(labels: dict[str, Any] | None, workload: Manifest) -> bool:
    """Return whether a selector's labels are all on the pods of a workload."""
    return labels is not None and len(labels) > 0 and labels.items() <= workload.pod_labels.items()
