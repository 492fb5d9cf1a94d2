"""Detect what a repository of another origin is about: language, platform and strategy."""

from functools import cache

from readiness.documents import get
from readiness.findings import ReadinessError
from readiness.locations import helm_charts, kustomizations, own, plain_manifests
from readiness.repository import Repository

# The files that name the dependencies of each language.
MANIFESTS = {
    "go": ("go.mod",),
    "node": ("package.json",),
    "python": ("pyproject.toml", "requirements.txt", "setup.py", "Pipfile"),
}

# The files that configure a deployment on each platform.
PLATFORM_FILES = {
    "vercel": ("vercel.json", "vercel.ts"),
    "railway": ("railway.json", "railway.toml", ".railway/*"),
}


@cache
def traits(repository: Repository) -> frozenset[str]:
    """Return the answers of an emitted repository, or what is detected in their place."""
    if repository.is_emitted:
        return repository.answers
    return frozenset([*detect_language(repository), *detect_platform(repository), *detect_strategy(repository)])


@cache
def dependency_files(repository: Repository, language: str) -> list[str]:
    """Return the files that name the dependencies of a language, the nearest to the root first."""
    names = MANIFESTS[language]
    found = own(repository.matching(*names, *(f"*/{name}" for name in names)))
    return sorted(found, key=lambda name: (name.count("/"), name))


def detect_language(repository: Repository) -> list[str]:
    """Return the languages that the repository has dependencies of."""
    return [language for language in MANIFESTS if dependency_files(repository, language)]


def detect_platform(repository: Repository) -> list[str]:
    """Return the platforms that the repository has files of."""
    platforms = []
    if helm_charts(repository) or kustomizations(repository) or plain_manifests(repository):
        platforms.append("kubernetes")
    platforms += [
        platform
        for platform, patterns in PLATFORM_FILES.items()
        if own(repository.matching(*patterns, *(f"*/{pattern}" for pattern in patterns)))
    ]
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
