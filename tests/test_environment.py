"""Promise: a wrong environment stops the service before it listens, with code 78 and every problem in one message."""

import pytest

from tests import containers
from tests.combinations import LANGUAGES, variables

NOT_CONFIGURATION = 78
SERVICES = ["postgres", "redis", "external-api"]
WRONG = {
    "PORT": ["eighty", "0", "65536", "-1", "80x", "8.5", "1e3", "0x50"],
    "METRICS_PORT": ["metrics", "0", "70000"],
    "LOG_LEVEL": ["loud", "INFO "],
    "APP_VERSION": ["v" * 129],
    "DATABASE_URL": ["postgres", "mysql://app:hidden-password@db/app", "postgres:///app", "postgres://app@db:5432"],
    "REDIS_URL": ["redis", "http://:hidden-password@redis:6379", "redis://"],
    "EXTERNAL_API_URL": ["api.example.com", "ftp://api.example.com", "https://"],
    "JWT_SECRET": ["hidden-short-value", "example-jwt-secret-that-make-setup-replaces"],
    "HEALTH_TOKEN": ["hidden-short", "example-health-token-that-make-setup-replaces"],
    "SECRET_KEY": ["hidden-short-value", "example-secret-key-that-make-setup-replaces-before-the-first-start"],
    "ALLOWED_HOSTS": [","],
    "SHUTDOWN_DELAY_SECONDS": ["soon", "-1", "301"],
    "SHUTDOWN_TIMEOUT_SECONDS": ["later", "0", "601"],
}


def bad_environments(language: str) -> list[tuple[str, str | None]]:
    """Return (variable, wrong value) for everything that is wrong with one variable; None takes it away."""
    mode = containers.facts(language)["mode_variable"]
    cases: list[tuple[str, str | None]] = []
    for variable in variables(language, SERVICES):
        name = variable["name"]
        cases.append((name, ""))
        if "default" not in variable and name != mode:  # the image itself sets the mode
            cases.append((name, None))
        cases += [(name, value) for value in WRONG.get(name, ["prod", "Production"] if name == mode else [])]
    return cases


CASES = [(language, *case) for language in LANGUAGES for case in bad_environments(language)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_enough_bad_environments(language):
    assert len([case for case in CASES if case[0] == language]) >= 25
    assert {name for name, _ in bad_environments(language)} == {
        entry["name"] for entry in variables(language, SERVICES)
    }


def refusal(image: str, language: str, env: dict[str, str]) -> str:
    """Start the service, expect that it refuses, return what it said."""
    with containers.service(image, language, env, "--network", "none") as started:
        code = started.wait(60)
        said = started.logs()
    assert code == NOT_CONFIGURATION, said
    assert said.startswith("Invalid environment; the service did not start.\n"), said
    return said


@pytest.mark.needs("docker")
@pytest.mark.parametrize(
    ("language", "name", "value"),
    [pytest.param(*case, id="-".join(map(str, case))[:70]) for case in CASES],
)
def test_one_wrong_variable_is_named(images, language, name, value):
    said = refusal(images(language, SERVICES), language, containers.environment(language, SERVICES, **{name: value}))
    assert [line.split()[0] for line in said.splitlines()[1:]] == [name]
    expects = {entry["name"]: entry["expects"] for entry in variables(language, SERVICES)}[name]
    assert expects in said or "a secret of its own" in said
    assert "hidden" not in said
    # What is expected may look like what was given; apart from that no value is repeated.
    assert not value or value not in said.replace(expects, "").replace(name, "")


@pytest.mark.needs("docker")
@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"METRICS_PORT": "5000", "PORT": "5000"}, {"METRICS_PORT"}),
        ({"SHUTDOWN_TIMEOUT_SECONDS": "5", "SHUTDOWN_DELAY_SECONDS": "5"}, {"SHUTDOWN_TIMEOUT_SECONDS"}),
        (
            {"PORT": "x", "JWT_SECRET": "short-hidden", "DATABASE_URL": None, "REDIS_URL": "", "LOG_LEVEL": "loud"},
            {"PORT", "JWT_SECRET", "DATABASE_URL", "REDIS_URL", "LOG_LEVEL"},
        ),
    ],
    ids=["equal-ports", "timeout-not-above-delay", "five-at-once"],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_all_problems_are_in_one_message(images, language, changes, names):
    said = refusal(images(language, SERVICES), language, containers.environment(language, SERVICES, **changes))
    assert {line.split()[0] for line in said.splitlines()[1:]} == names
    assert "hidden" not in said


@pytest.mark.needs("docker")
@pytest.mark.parametrize("mode", ["development", "test", "staging", "production"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_right_environment_starts_in_every_mode(images, language, mode):
    facts = containers.facts(language)
    env = containers.environment(language, [], **{facts["mode_variable"]: mode})
    if mode in ("development", "test"):
        env["JWT_SECRET"] = "example-jwt-secret-that-make-setup-replaces"
    with containers.service(images(language, []), language, env) as started:
        started.wait_for_status(facts["port"], "/health", 200)
