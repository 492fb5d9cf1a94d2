"""Find the files of a subject wherever they stand.

A repository that the template created keeps them at known paths, so that a missing file is a failure. In any other
repository they are searched for, and a subject without files does not apply.
"""

import re
from collections.abc import Iterable
from functools import cache

from readiness.documents import get
from readiness.findings import NotApplicableError, ReadinessError
from readiness.repository import Repository

# Folders of files that are not the service's own.
NOT_THE_SERVICE = re.compile(
    r"(^|/)(tests?|testdata|fixtures?|examples?|samples?|vendor|node_modules|third_party|docs?|\.devcontainer)/",
    re.IGNORECASE,
)
DOCKERFILES = ("Dockerfile", "Dockerfile.*", "*/Dockerfile", "*/Dockerfile.*", "*.Dockerfile", "Containerfile")
COMPOSE_FILES = ("compose*.yaml", "compose*.yml", "docker-compose*.yaml", "docker-compose*.yml")
EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist", "example.env", "sample.env")


def own(names: Iterable[str]) -> list[str]:
    """Return the files that belong to the service, not to its tests, examples, documents or vendored code."""
    return [name for name in names if not NOT_THE_SERVICE.search(name)]


@cache
def dockerfiles(repository: Repository) -> list[str]:
    """Return the Dockerfiles."""
    if repository.is_emitted:
        return ["Dockerfile"]
    found = [name for name in own(repository.matching(*DOCKERFILES)) if not name.endswith((".md", ".dockerignore"))]
    if not found:
        raise NotApplicableError("there is no Dockerfile")
    return found


@cache
def compose_files(repository: Repository) -> list[str]:
    """Return the Compose files, including those in subfolders of another repository."""
    if repository.is_emitted:
        return repository.matching("compose*.yaml")
    found = own(repository.matching(*COMPOSE_FILES, *(f"*/{pattern}" for pattern in COMPOSE_FILES)))
    if not found:
        raise NotApplicableError("there is no Compose file")
    return found


@cache
def example_file(repository: Repository) -> str:
    """Return the example of the environment."""
    if repository.is_emitted:
        return ".env.example"
    found = own(repository.matching(*EXAMPLES, *(f"*/{pattern}" for pattern in EXAMPLES)))
    if not found:
        raise NotApplicableError("there is no example of the environment")
    return min(found, key=lambda name: name.count("/"))


@cache
def kustomizations(repository: Repository) -> list[str]:
    """Return the folders that Kustomize builds and no other kustomization refers to."""
    folders = {
        name.rpartition("/")[0] for name in own(repository.matching("*kustomization.y*ml", "*/kustomization.y*ml"))
    }
    referred = set()
    for folder in folders:
        file = kustomization_file(repository, folder)
        content = get(repository.documents(file), 0, default={})
        if get(content, "kind") == "Component":
            referred.add(folder)
        for entry in [
            *get(content, "resources", default=[]),
            *get(content, "bases", default=[]),
            *get(content, "components", default=[]),
        ]:
            path = (repository.root / folder / str(entry)).resolve()
            if path.is_dir() and path.is_relative_to(repository.root.resolve()):
                referred.add(path.relative_to(repository.root.resolve()).as_posix())
    return sorted(folders - referred)


def kustomization_file(repository: Repository, folder: str) -> str:
    """Return the kustomization of a folder."""
    names = (f"{folder}/kustomization.yaml".lstrip("/"), f"{folder}/kustomization.yml".lstrip("/"))
    return next(name for name in names if name in repository.files)


@cache
def helm_charts(repository: Repository) -> list[str]:
    """Return the folders of Helm charts."""
    return [name.rpartition("/")[0] for name in own(repository.matching("Chart.yaml", "*/Chart.yaml"))]


@cache
def plain_manifests(repository: Repository) -> list[str]:
    """Return the YAML files outside charts and kustomizations that hold Kubernetes objects of a workload."""
    kustomized = {name.rpartition("/")[0] for name in repository.matching("*kustomization.y*ml")}
    found = []
    for name in own(repository.matching("*.yaml", "*.yml")):
        folder = name.rpartition("/")[0]
        in_chart = any(name.startswith(f"{chart}/") for chart in helm_charts(repository))
        in_kustomization = any(folder == place or folder.startswith(f"{place}/") for place in kustomized if place)
        if in_chart or in_kustomization or name.startswith(".github/"):
            continue
        text = repository.text(name)
        if re.search(r"^kind: *(Deployment|StatefulSet|Rollout|DaemonSet)\b", text, re.MULTILINE):
            try:
                repository.documents(name)
            except ReadinessError:
                continue  # a template of another tool
            found.append(name)
    return found
