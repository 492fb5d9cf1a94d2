"""Detect what a repository of another origin is about: language, platform and strategy."""

from functools import cache

from readiness.documents import get
from readiness.findings import ReadinessError
from readiness.locations import helm_charts, kustomizations, own, plain_manifests
from readiness.repository import Repository

# The file of each language's manifest.
MANIFESTS = {"go": "go.mod", "node": "package.json", "python": "pyproject.toml"}


@cache
def traits(repository: Repository) -> frozenset[str]:
    """Return the answers of an emitted repository, or what is detected in their place."""
    if repository.is_emitted:
        return repository.answers
    return frozenset([*detect_language(repository), *detect_platform(repository), *detect_strategy(repository)])


def detect_language(repository: Repository) -> list[str]:
    """Return the language whose manifest is nearest to the root."""
    found = [
        (name.count("/"), language)
        for language, manifest in MANIFESTS.items()
        for name in own(repository.matching(manifest, f"*/{manifest}"))
    ]
    if not found and own(repository.matching("requirements.txt", "*/requirements.txt", "setup.py")):
        return ["python"]
    return [min(found)[1]] if found else []


def detect_platform(repository: Repository) -> list[str]:
    """Return the platforms that the repository has files of."""
    platforms = []
    if helm_charts(repository) or kustomizations(repository) or plain_manifests(repository):
        platforms.append("kubernetes")
    return platforms


def detect_strategy(repository: Repository) -> list[str]:
    """Return the strategies of the Kubernetes workloads."""
    found = set()
    for name in own(repository.matching("*.yaml", "*.yml")):
        if "kind:" not in repository.text(name):
            continue
        try:
            documents = repository.documents(name)
        except ReadinessError:
            continue  # a template of another tool
        for document in documents:
            if get(document, "kind") == "Deployment":
                found.add("rolling")
            elif get(document, "kind") == "Rollout":
                strategy = get(document, "spec", "strategy", default={})
                found |= {"blue-green"} if "blueGreen" in strategy else {"canary"} if "canary" in strategy else set()
    return sorted(found)
