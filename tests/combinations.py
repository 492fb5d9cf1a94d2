"""Every valid set of answers, read from what users are offered: copier.yml and facts/."""

from functools import cache
from itertools import chain, combinations, product
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
LANGUAGES = ("node", "go", "python")
SERVICES = ("postgres", "redis", "external-api")
REPOSITORIES = ("private", "public")

Answers = dict[str, str | list[str]]


@cache
def questions() -> dict[str, dict]:
    """Return copier.yml's questions that people are asked, by name."""
    document = yaml.safe_load((ROOT / "copier.yml").read_text())
    return {name: spec for name, spec in document.items() if not name.startswith("_") and spec.get("when") is not False}


@cache
def platforms() -> dict[str, dict]:
    """Return facts/platforms.yml."""
    return yaml.safe_load((ROOT / "facts/platforms.yml").read_text())


def cells() -> list[tuple[str, str]]:
    """Return every (platform, strategy) that is not refused."""
    return [
        (platform, strategy)
        for platform, facts in platforms().items()
        for strategy, verdict in facts["strategies"].items()
        if not verdict["refused"]
    ]


def on(platform: str, language: str, strategy: str, services: list[str], repository: str = "private") -> Answers:
    """Return the answers that decide what is emitted."""
    return {
        "language": language,
        "platform": platform,
        "strategy": strategy,
        "services": services,
        "repository": repository,
    }


def all_services() -> list[list[str]]:
    """Return the eight subsets of the services, the empty one first."""
    return [list(chosen) for chosen in chain.from_iterable(combinations(SERVICES, n) for n in range(4))]


def every_combination(*on: str) -> list[Answers]:
    """Return every valid set of answers that changes what is emitted, on the platforms that are named or on all.

    A public repository is in it with every service and with none: nothing depends on it and on one service at once.
    """
    return [
        {
            "language": language,
            "platform": platform,
            "strategy": strategy,
            "services": services,
            "repository": repository,
        }
        for language, (platform, strategy), services, repository in product(
            LANGUAGES, cells(), all_services(), REPOSITORIES
        )
        if platform in (on or platforms()) and (repository == "private" or len(services) in (0, len(SERVICES)))
    ]


def refusals() -> list[tuple[str, str, str]]:
    """Return every (platform, strategy) that is refused, and the reason."""
    return [
        (platform, strategy, verdict["refused"])
        for platform, facts in platforms().items()
        for strategy, verdict in facts["strategies"].items()
        if verdict["refused"]
    ]


def variables(language: str, services: list[str]) -> list[dict]:
    """Return the entries of facts/environment.yml that a service needs, their names as emitted."""
    mode = yaml.safe_load((ROOT / f"facts/languages/{language}.yml").read_text())["mode_variable"]
    text = (ROOT / "facts/environment.yml").read_text().replace("[[ runtime.mode_variable ]]", mode)
    return [entry for entry in yaml.safe_load(text) if entry["needs"] in ["always", language, *services]]


def label(answers: Answers) -> str:
    """Return a short name for test ids, such as `go-kubernetes-rolling-postgres+redis-public`."""
    return "-".join("+".join(value) or "none" if isinstance(value, list) else value for value in answers.values())
