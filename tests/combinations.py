"""The answers under test: COVERING_ROWS, which covers every pair of choices, and every valid set of answers.

Choices are read from copier.yml and facts/platforms.yml: if you add one, tests/test_combinations.py fails until you add
rows that cover it.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain, combinations, product
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent

Answers = dict[str, str | list[str]]


@cache
def questions() -> dict[str, dict]:
    """Return copier.yml's questions that people are asked, by name."""
    document = yaml.load((ROOT / "copier.yml").read_text(), yaml.CSafeLoader)
    return {name: spec for name, spec in document.items() if not name.startswith("_") and spec.get("when") is not False}


def choices(question: str) -> tuple[str, ...]:
    """Return the values that a question of copier.yml offers, in its order."""
    offered = questions()[question]["choices"].values()
    return tuple(choice["value"] if isinstance(choice, dict) else choice for choice in offered)


LANGUAGES = choices("language")
SERVICES = choices("services")
REPOSITORIES = choices("repository")
LOGINS = choices("cluster_login")

# Every test that goes through combinations of answers goes through these rows.
COVERING_ROWS = """
platform   strategy   login      language repository services
kubernetes rolling    kubeconfig node     private
kubernetes rolling    eks        node     public     postgres external-api
kubernetes rolling    gke        go       private    redis external-api
kubernetes rolling    aks        python   public     postgres redis external-api
kubernetes blue-green kubeconfig node     private    external-api
kubernetes blue-green aks        node     private    redis
kubernetes blue-green eks        go       public     postgres redis
kubernetes blue-green gke        python   private    postgres external-api
kubernetes canary     gke        node     public     postgres
kubernetes canary     aks        go       private    external-api
kubernetes canary     kubeconfig go       private    postgres redis external-api
kubernetes canary     eks        python   private    redis
vercel     blue-green kubeconfig node     private    postgres
vercel     blue-green kubeconfig node     private    postgres redis external-api
vercel     blue-green kubeconfig go       public
vercel     blue-green kubeconfig python   private    redis external-api
vercel     canary     kubeconfig node     public     redis
vercel     canary     kubeconfig go       private    postgres external-api
vercel     canary     kubeconfig python   private
vercel     canary     kubeconfig python   public     postgres redis
railway    rolling    kubeconfig node     private    redis external-api
railway    rolling    kubeconfig node     public     postgres redis
railway    rolling    kubeconfig go       private    redis
railway    rolling    kubeconfig go       public     postgres
railway    rolling    kubeconfig python   public     external-api
railway    rolling    kubeconfig python   private    postgres
"""

# The rows cover every pair of values of these factors. A cell is a strategy on a platform that offers it.
PAIRED = ("language", "cell", "repository", "login", *SERVICES)

# More than pairs: the rows also cover every combination of the values of these factors, for the reason given.
COVERED_TOGETHER = {
    ("language", *SERVICES): "imports, the lock file and the configuration schema depend on all services together",
    ("cell", "postgres", "redis"): "network policies and the pipeline's data stores depend on both",
    ("language", "strategy", "postgres"): "each strategy runs a language's migrations at a different moment",
    ("language", "platform", "postgres"): "each platform runs a language's migrations with a different command",
    ("language", "platform", "repository"): "CodeQL depends on the language, attestation on the platform",
}

Covered = tuple[tuple[str, ...], tuple[object, ...]]


@cache
def platforms() -> dict[str, dict]:
    """Return facts/platforms.yml."""
    return yaml.load((ROOT / "facts/platforms.yml").read_text(), yaml.CSafeLoader)


def cells() -> list[tuple[str, str]]:
    """Return every (platform, strategy) that is not refused."""
    return [
        (platform, strategy)
        for platform, facts in platforms().items()
        for strategy, verdict in facts["strategies"].items()
        if not verdict["refused"]
    ]


def on(
    platform: str,
    language: str,
    strategy: str,
    services: list[str],
    repository: str = "private",
    login: str = "kubeconfig",
) -> Answers:
    """Return the answers that decide what is emitted; the default login is no answer, as in earlier releases."""
    return {
        "language": language,
        "platform": platform,
        "strategy": strategy,
        "services": services,
        "repository": repository,
        **({} if login == "kubeconfig" else {"cluster_login": login}),
    }


def all_services() -> list[list[str]]:
    """Return the eight subsets of the services, the empty one first."""
    return [list(chosen) for chosen in chain.from_iterable(combinations(SERVICES, n) for n in range(4))]


def valid_combinations() -> Iterator[Answers]:
    """Yield every valid set of the answers that decide what is emitted."""
    for language, (platform, strategy), repository, services in product(
        LANGUAGES, cells(), REPOSITORIES, all_services()
    ):
        for login in logins(platform):
            yield on(platform, language, strategy, services, repository, login)


def logins(platform: str) -> tuple[str, ...]:
    """Return the logins that a platform offers."""
    return LOGINS if platform == "kubernetes" else LOGINS[:1]


def covering_rows(*on_platforms: str) -> list[Answers]:
    """Return the answers in COVERING_ROWS, on the platforms that are named or on all."""
    rows = [line.split() for line in COVERING_ROWS.strip().splitlines()[1:]]
    return [
        on(platform, language, strategy, services, repository, login)
        for platform, strategy, login, language, repository, *services in rows
        if platform in (on_platforms or platforms())
    ]


@cache
def covered_factors() -> list[tuple[str, ...]]:
    """Return the factors whose values the rows combine: each pair, then those of COVERED_TOGETHER."""
    return [*combinations(PAIRED, 2), *COVERED_TOGETHER]


def covers(answers: Answers) -> set[Covered]:
    """Return what one set of answers covers: factors, and the values that it combines."""
    factors = {
        **answers,
        "cell": (answers["platform"], answers["strategy"]),
        "login": answers.get("cluster_login", "kubeconfig"),
        **{service: service in answers["services"] for service in SERVICES},
    }
    return {(names, tuple(factors[name] for name in names)) for names in covered_factors()}


def uncovered(rows: Iterable[Answers]) -> set[Covered]:
    """Return what is valid, and covered by none of the rows."""
    return set().union(*map(covers, valid_combinations())).difference(*map(covers, rows))


def rows_to_add(rows: list[Answers]) -> list[str]:
    """Return lines for COVERING_ROWS that cover what the rows leave uncovered, few but not the fewest."""
    missing = uncovered(rows)
    candidates = [(answers, covers(answers)) for answers in valid_combinations()]
    lines = []
    while missing:
        answers, covered = max(candidates, key=lambda candidate: len(candidate[1] & missing))
        missing -= covered
        login = answers.get("cluster_login", "kubeconfig")
        cells_of_line = [answers["platform"], answers["strategy"], login, answers["language"], answers["repository"]]
        lines.append("{:10} {:10} {:10} {:8} {:10} ".format(*cells_of_line) + " ".join(answers["services"]))
    return [line.rstrip() for line in lines]


def refusals() -> list[tuple[str, str, str]]:
    """Return every (platform, strategy) that is refused, and the reason."""
    return [
        (platform, strategy, verdict["refused"])
        for platform, facts in platforms().items()
        for strategy, verdict in facts["strategies"].items()
        if verdict["refused"]
    ]


def variables(language: str, services: list[str]) -> list[dict]:
    """Return the entries of facts/environment.yml that a service requires, with their names as emitted."""
    mode = yaml.safe_load((ROOT / f"facts/languages/{language}.yml").read_text())["mode_variable"]
    text = (ROOT / "facts/environment.yml").read_text().replace("[[ runtime.mode_variable ]]", mode)
    chosen = ["always", language, *services, *(["any-service"] if services else [])]
    return [entry for entry in yaml.safe_load(text) if entry["needs"] in chosen]


def label(answers: Answers) -> str:
    """Return a short name for test ids, such as `go-kubernetes-rolling-postgres+redis-public`."""
    return "-".join("+".join(value) or "none" if isinstance(value, list) else value for value in answers.values())
