"""Checks of services on Railway."""

import json
import re
from dataclasses import dataclass

from readiness.documents import get
from readiness.findings import NOWHERE, Findings, Place, ReadinessError, judge
from readiness.languages import language, read_schema
from readiness.registry import check
from readiness.repository import Repository
from readiness.secrets import PASSWORD_IN_URL, SECRET_NAME

CONFIGURATION = ".railway/railway.ts"
DEPLOY = "scripts/deploy"
LIBRARY = "scripts/lib/railway.sh"
SHORTEST_OVERLAP_SECONDS = 5
LEAST_REPLICAS = 2


def place_of(repository: Repository, key: str) -> Place:
    """Return where a key of the configuration stands, or else the file."""
    return repository.place(rf"^\s*{key}\b", CONFIGURATION)


def read_number(repository: Repository, key: str) -> int:
    """Return the whole number that a key of the configuration has: one, a constant, or a sum of them."""
    text = repository.text(CONFIGURATION)
    constants = dict(re.findall(r"^const (\w+) = (\d+);$", text, re.MULTILINE))
    found = re.search(rf"^\s*{key}: ([\w +]+),$", text, re.MULTILINE)
    terms = [str(constants.get(term, term)) for term in re.split(r" \+ ", found[1])] if found else ["missing"]
    if not all(term.isdigit() for term in terms):
        seen = f"{key} is {' + '.join(terms)}"
        raise ReadinessError(f"{seen}: expected a whole number", place_of(repository, key))
    return sum(map(int, terms))


@dataclass(frozen=True)
class Setting:
    """A variable that the configuration gives the service: its line, and the expression of its value."""

    line: int
    expression: str

    @property
    def text(self) -> str:
        """The value, where it is a text."""
        return self.expression.strip('"') if self.expression.startswith('"') else ""


def settings(repository: Repository) -> dict[str, Setting]:
    """Return what the configuration gives the service, by the variables' names."""
    text = repository.text(CONFIGURATION)
    block = re.search(r"^    env: \{\n(.*?)^    \},$", text, re.MULTILINE | re.DOTALL)
    if not block:
        raise ReadinessError("expected the service to have env: {…}", (CONFIGURATION, 0))
    first = text.count("\n", 0, block.start(1)) + 1
    return {
        entry[1]: Setting(first + block[1].count("\n", 0, entry.start()), entry[2])
        for entry in re.finditer(r"^      (\w+): (.+),$", block[1], re.MULTILINE)
    }


def setting(repository: Repository, name: str, default: str) -> Setting:
    """Return what the configuration gives the service, or the default that the service then takes."""
    return settings(repository).get(name, Setting(0, f'"{default}"'))


@check("railway", "variables-in-configuration")
def variables_in_configuration(repository: Repository) -> Findings:
    declared, given = read_schema(repository), settings(repository)
    for name, variable in declared.items():
        place = (
            (CONFIGURATION, given[name].line) if name in given else (language(repository).schema_file, variable.line)
        )
        yield judge(name in given or variable.has_default, name, f"it in {CONFIGURATION}", place)
    for name in sorted(given.keys() - declared.keys()):
        yield judge(False, name, f"a variable of {language(repository).schema_file}", (CONFIGURATION, given[name].line))


@check("railway", "time-to-drain")
def time_to_drain(repository: Repository) -> Findings:
    timeout = setting(repository, "SHUTDOWN_TIMEOUT_SECONDS", "25")
    constant, needed = re.fullmatch(r"String\((\w+)\)", timeout.expression), timeout.text
    if constant:
        values = re.findall(rf"^const {constant[1]} = (\d+);$", repository.text(CONFIGURATION), re.MULTILINE)
        needed = values[0] if values else "missing"
    granted = read_number(repository, "drainingSeconds")
    seen = f"requires {needed} s to drain, gets {granted} s"
    yield judge(int(needed) < granted, seen, "more than it requires", place_of(repository, "drainingSeconds"))


@check("railway", "health-gate")
def health_gate(repository: Repository) -> Findings:
    expected = 'healthcheck: "/health/ready"'
    requested = r'^\s*healthcheck: "/health/ready",$'
    yield repository.expect_match(
        requested, CONFIGURATION, seen="the health check requests /health/ready", expected=expected
    )
    limit = read_number(repository, "healthcheckTimeout")
    yield judge(limit > 0, f"for {limit} s at most", "a limit", place_of(repository, "healthcheckTimeout"))


@check("railway", "deployments-overlap")
def deployments_overlap(repository: Repository) -> Findings:
    overlap = read_number(repository, "overlapSeconds")
    place = place_of(repository, "overlapSeconds")
    yield judge(overlap >= SHORTEST_OVERLAP_SECONDS, f"{overlap} s", f"{SHORTEST_OVERLAP_SECONDS} or more", place)


@check("railway", "restarted-on-error")
def restarted_on_error(repository: Repository) -> Findings:
    policy = r'^\s*restartPolicyType: "(ON_FAILURE|ALWAYS)",$'
    yield repository.expect_match(policy, CONFIGURATION, seen="started again", expected="ON_FAILURE or ALWAYS")
    retries = read_number(repository, "restartPolicyMaxRetries")
    yield judge(retries > 0, f"{retries} times", "1 or more", place_of(repository, "restartPolicyMaxRetries"))


@check("railway", "replicas-enough")
def replicas_enough(repository: Repository) -> Findings:
    pattern = r'mode: "production", replicas: (\d+)\b'
    found = re.search(pattern, repository.text(CONFIGURATION))
    seen = f"production: {found[1] if found else 'no'} replicas"
    is_enough = found and int(found[1]) >= LEAST_REPLICAS
    yield judge(is_enough, seen, f"{LEAST_REPLICAS} or more", repository.place('mode: "production"', CONFIGURATION))
    yield repository.expect_match(r"^    replicas,$", CONFIGURATION, seen="the service has them", expected="replicas")


@check("railway", "changes-shown-first")
def changes_shown_first(repository: Repository) -> Findings:
    file = "scripts/configure"
    pattern = r"\brailway config apply\b(?!.* (?:-y|--yes)\b)"
    yield repository.expect_match(pattern, file, seen="railway config apply asks for confirmation", expected="no --yes")


@check("railway", "configuration-takes-digest")
def configuration_takes_digest(repository: Repository) -> Findings:
    digest = r"@sha256:\[0-9a-f\]\{64\}[$']"
    for file in (CONFIGURATION, DEPLOY):
        seen = f"{file} requires a digest"
        yield repository.expect_match(digest, file, seen=seen, expected="a digest of 64 digits")
    yield repository.expect_match(
        r"\bsource: image\(released\)", CONFIGURATION, seen="the checked image is released", expected="image(released)"
    )


@check("railway", "configuration-locked")
def configuration_locked(repository: Repository) -> Findings:
    manifest_file, lock_file = ".railway/package.json", ".railway/package-lock.json"
    manifest = json.loads(repository.text(manifest_file))
    locked = get(json.loads(repository.text(lock_file)), "packages", "", default={})
    for kind in ("dependencies", "devDependencies"):
        for name, required in manifest.get(kind, {}).items():
            place = repository.place(rf'^\s+"{re.escape(name)}":', manifest_file)
            yield judge(get(locked, kind, name) == required, f"{name} {required}", f"the same in {lock_file}", place)
    installed = r"\bnpm --prefix \.railway ci --ignore-scripts\b"
    yield repository.expect_match(installed, "scripts/configure", seen="npm ci", expected="it, with --ignore-scripts")


@check("railway", "metrics-closed")
def metrics_closed(repository: Repository) -> Findings:
    public, internal = settings(repository)["PORT"], setting(repository, "METRICS_PORT", "9090")
    seen = f"PORT {public.text}, METRICS_PORT {internal.text}"
    yield judge(public.text != internal.text, seen, "two ports", (CONFIGURATION, internal.line))


@check("railway", "log-level-bearable")
def log_level_bearable(repository: Repository) -> Findings:
    level = setting(repository, "LOG_LEVEL", "info")
    is_bearable = level.text in {"info", "warn", "error"}
    yield judge(is_bearable, f"LOG_LEVEL {level.expression}", "info or less", (CONFIGURATION, level.line))


@check("railway", "secrets-by-reference")
def secrets_by_reference(repository: Repository) -> Findings:
    for name, given in settings(repository).items():
        if SECRET_NAME.search(name) or PASSWORD_IN_URL.search(given.expression):
            is_named = re.fullmatch(r"preserve\(\)|\w+\.env\.\w+", given.expression)
            yield judge(is_named, f"{name} by reference", "preserve()", (CONFIGURATION, given.line))


@check("railway", "token-of-environment")
def token_of_environment(repository: Repository) -> Findings:
    yield repository.expect_match(
        "Project-Access-Token: ", LIBRARY, seen="a project token", expected="Project-Access-Token"
    )
    compared = r'^\s*\[ "\$\(of \.projectToken\.environment\.name\)" = "\$environment" \] \|\|$'
    seen = "that of another environment is refused"
    yield repository.expect_match(compared, LIBRARY, seen=seen, expected="the names to be compared")
    for script in (DEPLOY, "scripts/rollback"):
        yield repository.expect_match(
            r"^require_environment$",
            script,
            seen=f"{script} checks the environment of the token",
            expected="require_environment",
        )


@check("railway", "token-not-shown")
def token_not_shown(repository: Repository) -> Findings:
    scripts = repository.matching("scripts/*")
    shown_by = r"--token\b|\b(curl|railway)\b.*\$\{?RAILWAY_TOKEN\b"
    is_shown = repository.find(shown_by, *scripts) != NOWHERE
    yield judge(not is_shown, "no token as an argument", "none", repository.place(shown_by, *scripts))
    handed = r'"\$RAILWAY_TOKEN" \| curl .*--header @-'
    yield repository.expect_match(handed, LIBRARY, seen="the token goes to standard input", expected="curl --header @-")


@check("railway", "release-waited-for")
def release_waited_for(repository: Repository) -> Findings:
    waits = re.findall(r"^await_deployment \|\| fail ", repository.text(DEPLOY), re.MULTILINE)
    place = repository.place("^await_deployment", DEPLOY)
    yield judge(len(waits) > 1, f"waited for {len(waits)} times", "once, and again after the switch", place)


@check("railway-postgres", "migration-before-release")
def migration_before_release(repository: Repository) -> Findings:
    migrated = r'^\s*preDeploy: "\S.*",$'
    yield repository.expect_match(
        migrated, CONFIGURATION, seen="a command before each deployment", expected="preDeploy"
    )
