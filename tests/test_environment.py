"""Promise: an invalid environment stops the service before it listens, with code 78 and every error in one message."""

import pytest

from tests import containers
from tests.combinations import LANGUAGES, variables

NOT_CONFIGURATION = 78
SERVICES = ["postgres", "redis", "external-api"]
INVALID = {
    "PORT": ["eighty", "0", "65536", "-1", "80x", "8.5", "1e3", "0x50"],
    "METRICS_PORT": ["metrics", "0", "70000"],
    "LOG_LEVEL": ["loud", "INFO "],
    "APP_VERSION": ["v" * 129],
    "DATABASE_URL": [
        "postgres",
        "mysql://app:hidden-password@db/app",
        "postgres:///app",
        "postgres://app@db:5432",
        "postgres://app:p@hidden/w:rd#1@host/app",
        "postgres://app:hid/hidden@host/app",
        "postgres://app:hidden@host/app#hidden",
    ],
    "REDIS_URL": [
        "redis",
        "http://:hidden-password@redis:6379",
        "redis://",
        "redis://:hidden-/@hidden:6379/0",
        "rediss://:p@hidden#hidden@host:6379/0",
        "redis://:hidden@host:6379/0?hidden@",
    ],
    "EXTERNAL_API_URL": [
        "api.example.com",
        "ftp://api.example.com",
        "https://",
        "https://hidden:hidden@api.example.com",
        "HTTPS://hidden@api.example.com",
    ],
    "JWT_SECRET": ["hidden-short-value"],
    "HEALTH_TOKEN": ["hidden-short"],
    "SECRET_KEY": ["hidden-short-value"],
    "ALLOWED_HOSTS": [","],
    "READY_REQUIRES": ["everything", "postgres", "database,", "none,database"],
    "SHUTDOWN_DELAY_SECONDS": ["soon", "-1", "301"],
    "SHUTDOWN_TIMEOUT_SECONDS": ["later", "0", "601"],
}
# The reasons that lines have beside what the variable expects.
REASONS = {
    "has an @ or # after its host (percent-encode the password)": [
        *INVALID["DATABASE_URL"][-3:],
        *INVALID["REDIS_URL"][-3:],
    ],
    "has a user or password": INVALID["EXTERNAL_API_URL"][-2:],
}
# The secrets of .env.example are long enough, but only valid in development and tests.
EXAMPLES = {
    "JWT_SECRET": "example-jwt-secret-that-make-setup-replaces",
    "HEALTH_TOKEN": "example-health-token-that-make-setup-replaces",
    "SECRET_KEY": "example-secret-key-that-make-setup-replaces-before-the-first-start",
}


def invalid_values(language: str) -> dict[str, list[str | None]]:
    """Return the invalid values of each variable; None stands for a variable that is not set."""
    mode = containers.facts(language)["mode_variable"]
    values: dict[str, list[str | None]] = {}
    for variable in variables(language, SERVICES):
        name = variable["name"]
        values[name] = ["", *INVALID.get(name, ["prod", "Production"] if name == mode else [])]
        if "default" not in variable and name != mode:  # the image itself sets the mode
            values[name].append(None)
    return values


def invalid_environments(language: str) -> list[dict[str, str | None]]:
    """Return environments in which many variables are invalid at once: together they have every invalid value.

    The secrets of .env.example and each invalid mode have environments of their own: secrets are judged by the mode,
    when everything else is valid.
    """
    values = invalid_values(language)
    mode = containers.facts(language)["mode_variable"]
    alone = [
        {name: value for name, value in EXAMPLES.items() if name in values},
        *({mode: value} for value in values.pop(mode)),
    ]
    rounds = [
        {name: of_name[number] for name, of_name in values.items() if number < len(of_name)}
        for number in range(max(map(len, values.values())))
    ]
    return [*rounds, *alone]


CASES = [
    pytest.param(language, changes, id=f"{language}-{number}-{'+'.join(changes)}"[:70])
    for language in LANGUAGES
    for number, changes in enumerate(invalid_environments(language))
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_variable_has_invalid_values(language):
    values = invalid_values(language)
    assert set(values) == {entry["name"] for entry in variables(language, SERVICES)}
    assert sum(map(len, values.values())) >= 25
    values = {name: [*of_name, *filter(None, [EXAMPLES.get(name)])] for name, of_name in values.items()}
    tested = [(name, value) for changes in invalid_environments(language) for name, value in changes.items()]
    assert set(tested) == {(name, value) for name, of_name in values.items() for value in of_name}


def refusal(image: str, language: str, env: dict[str, str]) -> str:
    """Start the service, check that it exits because of its environment, and return its message."""
    with containers.service(image, language, env, "--network", "none") as started:
        code = started.wait(60)
        message = started.logs()
    assert code == NOT_CONFIGURATION, message
    assert message.startswith("Invalid environment; the service did not start.\n"), message
    return message


@pytest.mark.needs("docker")
@pytest.mark.parametrize(("language", "changes"), CASES)
def test_every_invalid_variable_is_reported_without_its_value(images, language, changes):
    message = refusal(images(language, SERVICES), language, containers.environment(language, SERVICES, **changes))
    reported = {line.split()[0]: line for line in message.splitlines()[1:]}
    assert len(reported) == len(message.splitlines()) - 1, "a variable is reported twice"
    assert set(reported) == set(changes)
    assert "hidden" not in message
    expected = {entry["name"]: entry["expects"] for entry in variables(language, SERVICES)}
    for name, value in changes.items():
        line = reported[name]
        assert all(reason in line for reason, of_values in REASONS.items() if value in of_values), line
        assert expected[name] in line or line.endswith("is the example value: expects a new secret")
        # An expectation may resemble the value; the rest of the line does not contain it.
        assert not value or value not in line.replace(expected[name], "").replace(name, "")


@pytest.mark.needs("docker")
@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"METRICS_PORT": "5000", "PORT": "5000"}, {"METRICS_PORT"}),
        ({"SHUTDOWN_TIMEOUT_SECONDS": "5", "SHUTDOWN_DELAY_SECONDS": "5"}, {"SHUTDOWN_TIMEOUT_SECONDS"}),
    ],
    ids=["equal-ports", "timeout-not-above-delay"],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_variables_that_contradict_each_other_are_reported(images, language, changes, names):
    message = refusal(images(language, SERVICES), language, containers.environment(language, SERVICES, **changes))
    assert {line.split()[0] for line in message.splitlines()[1:]} == names
    assert "hidden" not in message


@pytest.mark.needs("docker")
@pytest.mark.parametrize("mode", ["development", "test", "staging", "production"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_valid_environment_starts_in_every_mode(images, language, mode):
    facts = containers.facts(language)
    env = containers.environment(language, [], **{facts["mode_variable"]: mode})
    if mode in ("development", "test"):
        env["JWT_SECRET"] = "example-jwt-secret-that-make-setup-replaces"
    with containers.service(images(language, []), language, env) as started:
        started.wait_for_status(facts["port"], "/health", 200)
