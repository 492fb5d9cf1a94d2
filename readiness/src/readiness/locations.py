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

# Folders of copies, and of files for editors and agents: folders whose names begin with a dot, other than .github.
COPIED = re.compile(
    r"(^|/)(vendor|node_modules|third_party|\.(?!github/|circleci/|docker/|railway/)[^/]+)/|[.-]min\.js$"
)

# Folders of files that are not the service's own.
TESTS = r"([\w.-]*tests?|__tests__|testdata|testing|e2e|cypress|fixtures?)/"
NOT_THE_SERVICE = re.compile(rf"(^|/)({TESTS}|(examples?|samples?|docs?)/)", re.IGNORECASE)

# Tests, wherever they stand.
TEST_FILE = re.compile(rf"(^|/){TESTS}|(_test|\.test|\.spec)\.|(^|/)(test_|conftest)", re.IGNORECASE)

# Templates of pages, whose links and commands are incomplete.
TEMPLATES = re.compile(r"(^|/)_?templates?/", re.IGNORECASE)

DOCKERFILE = re.compile(r"(^|/)(dockerfile|containerfile)(\.[\w-]+)?$|\.dockerfile$", re.IGNORECASE)
COMPOSE_FILE = re.compile(r"(^|/)((docker|podman)[-_])?compose([.-][^/]*)?\.ya?ml$", re.IGNORECASE)

# Images of tests and of development, and Compose files that deploy.
NOT_RELEASED = re.compile(
    r"\.(\w+-)?(dev|development|local|tests?|e2e|playwright|cypress|dockerignore|md)$", re.IGNORECASE
)
DEPLOYS = re.compile(r"[.-](deploy|deployment|prod|production|stack|swarm)\.", re.IGNORECASE)
EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist", "example.env", "sample.env")


def own(names: Iterable[str]) -> list[str]:
    """Return the files that belong to the service, not to its tests, examples, documents or vendored code."""
    return [name for name in written(names) if not NOT_THE_SERVICE.search(name)]


def written(names: Iterable[str]) -> list[str]:
    """Return the files that people of the repository wrote, without copies and without files for their tools."""
    return [name for name in names if not COPIED.search(name)]


@cache
def documents(repository: Repository) -> list[str]:
    """Return the documents for people."""
    found = repository.matching("*.md")
    return found if repository.is_emitted else [name for name in written(found) if not TEMPLATES.search(name)]


@cache
def makefile(repository: Repository) -> str | None:
    """Return the Makefile, None if there is none."""
    if repository.is_emitted:
        return "Makefile"
    return next((name for name in ("GNUmakefile", "makefile", "Makefile") if name in repository.files), None)


@cache
def dockerfiles(repository: Repository) -> list[str]:
    """Return the Dockerfiles."""
    if repository.is_emitted:
        return ["Dockerfile"]
    found = [name for name in own(repository.files) if DOCKERFILE.search(name) and not NOT_RELEASED.search(name)]
    if not found:
        raise NotApplicableError("there is no Dockerfile")
    return found


@cache
def compose_files(repository: Repository) -> list[str]:
    """Return the Compose files of development, including those in subfolders of another repository."""
    if repository.is_emitted:
        return repository.matching("compose*.yaml")
    found = [name for name in own(repository.files) if COMPOSE_FILE.search(name) and not DEPLOYS.search(name)]
    if not found:
        raise NotApplicableError("there is no Compose file for development")
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
    folders = {name.rpartition("/")[0] for name in kustomization_files(repository)}
    referred = set()
    for folder in folders:
        file = kustomization_file(repository, folder)
        content = get(repository.documents(file), 0, default={})
        if get(content, "kind") == "Component":
            referred.add(folder)
        referred |= set(referred_paths(repository, folder))
    return sorted(folders - referred)


@cache
def kustomization_files(repository: Repository) -> list[str]:
    """Return the kustomizations."""
    return own(name for name in repository.files if re.search(r"(^|/)kustomization\.ya?ml$", name))


def referred_paths(repository: Repository, folder: str) -> list[str]:
    """Return the files and folders of the repository that a folder's kustomization refers to."""
    content = get(repository.documents(kustomization_file(repository, folder)), 0, default={})
    root = repository.root.resolve()
    found = []
    for key in ("resources", "bases", "components"):
        for entry in get(content, key, default=[]):
            path = (repository.root / folder / str(entry)).resolve()
            if path.exists() and path.is_relative_to(root):
                found.append(path.relative_to(root).as_posix())
    return found


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
    referred = {
        path for file in kustomization_files(repository) for path in referred_paths(repository, file.rpartition("/")[0])
    }
    found = []
    for name in own(repository.matching("*.yaml", "*.yml")):
        folder = name.rpartition("/")[0]
        in_chart = any(name.startswith(f"{chart}/templates/".lstrip("/")) for chart in helm_charts(repository))
        in_kustomization = any(folder == place or folder.startswith(f"{place}/") for place in kustomized if place)
        if in_chart or in_kustomization or name in referred or name.startswith(".github/"):
            continue
        text = repository.text(name)
        if re.search(r"^kind: *(Deployment|StatefulSet|Rollout|DaemonSet)\b", text, re.MULTILINE):
            try:
                repository.documents(name)
            except ReadinessError:
                continue  # a template of another tool
            found.append(name)
    return found
