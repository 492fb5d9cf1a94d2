"""Checks of the variables that the service reads."""

from readiness.dockerfile import last_stage
from readiness.environment import EXAMPLE, read_example, whole_number
from readiness.findings import CannotJudgeError, Findings, judge
from readiness.languages import language, read_schema
from readiness.locations import dockerfiles
from readiness.registry import check
from readiness.repository import Repository
from readiness.secrets import SECRET_NAME


@check("service", "variables-in-example")
def variables_in_example(repository: Repository) -> Findings:
    declared = read_schema(repository)
    given = read_example(repository)
    compose = repository.text("compose.yaml")
    for name, variable in declared.items():
        yield judge(
            name in given,
            f"{name} of {language(repository).schema_file}",
            f"a line in {EXAMPLE}",
            (language(repository).schema_file, variable.line),
        )
    for name in sorted(given.keys() - declared.keys()):
        is_for_compose = f"${{{name}" in compose
        expected = "a variable that the service or compose.yaml reads"
        yield judge(is_for_compose, name, expected, (EXAMPLE, given[name][1]))


@check("service", "variables-in-readme")
def variables_in_readme(repository: Repository) -> Findings:
    for name, variable in read_schema(repository).items():
        place = repository.find(rf"`{name}`", "README.md")
        yield judge(
            any(place),
            name,
            "a line in README.md",
            place if any(place) else (language(repository).schema_file, variable.line),
        )


@check("service", "secrets-required")
def secrets_required(repository: Repository) -> Findings:
    for name, variable in read_schema(repository).items():
        if SECRET_NAME.search(name):
            how = "has a" if variable.has_default else "has no"
            seen, place = f"{name} {how} default", (language(repository).schema_file, variable.line)
            yield judge(not variable.has_default, seen, "none, as it is a secret", place)


@check("service", "example-secrets-refused")
def example_secrets_refused(repository: Repository) -> Findings:
    for name, (value, line) in read_example(repository).items():
        if SECRET_NAME.search(name):
            yield judge(value.startswith("example-"), name, "a value that begins with example-", (EXAMPLE, line))


@check("service", "fail-fast")
def fail_fast(repository: Repository) -> Findings:
    if not repository.is_emitted:
        raise CannotJudgeError("the response to an invalid environment is not known")
    file, pattern = language(repository).exit_code
    yield repository.expect_match(pattern, file, seen="exit code of a wrong environment", expected="78")


@check("image-released", "stops-in-time")
def stops_in_time(repository: Repository) -> Findings:
    if not repository.is_emitted:
        raise CannotJudgeError("the time that the service takes to stop is not known")
    given = {name: value for name, (value, _) in read_example(repository).items()}
    delay = whole_number(given, "SHUTDOWN_DELAY_SECONDS", "0")
    timeout = whole_number(given, "SHUTDOWN_TIMEOUT_SECONDS", "0")
    place = repository.place("^SHUTDOWN_TIMEOUT_SECONDS=", EXAMPLE)
    seen = f"a delay of {delay} s, a timeout of {timeout} s"
    yield judge(timeout > delay, seen, "the timeout above the delay", place)
    for entry in last_stage(repository, dockerfiles(repository)[0], "STOPSIGNAL"):
        yield judge(entry.value == "SIGTERM", f"STOPSIGNAL {entry.value}", "SIGTERM", entry.place)
