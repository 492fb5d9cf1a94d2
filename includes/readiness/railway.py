# --- The configuration ---

CONFIGURATION = ".railway/railway.ts"
DEPLOY = "scripts/deploy"
LIBRARY = "scripts/lib/railway.sh"
SHORTEST_OVERLAP_SECONDS = 5
LEAST_REPLICAS = 2

# What of scripts/deploy brings back what ran before.
UNDO = "return_to_last_release"


def place_of(repository: Repository, key: str) -> Place:
    """Return where a key of the configuration stands, or else the file."""
    return repository.place(rf"^\s*{key}\b", CONFIGURATION)


def amount(repository: Repository, key: str) -> int:
    """Return the whole number that a key of the configuration has: one, a constant, or a sum of them."""
    text = repository.text(CONFIGURATION)
    constants = dict(re.findall(r"^const (\w+) = (\d+);$", text, re.MULTILINE))
    found = re.search(rf"^\s*{key}: ([\w +]+),$", text, re.MULTILINE)
    terms = [constants.get(term, term) for term in re.split(r" \+ ", found[1])] if found else ["missing"]
    if not all(term.isdigit() for term in terms):
        seen = f"{key} is {' + '.join(terms)}"
        raise ReadinessError(f"{seen}: expects a whole number", place_of(repository, key))
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
        raise ReadinessError("expects the service to have env: {…}", (CONFIGURATION, 0))
    first = text.count("\n", 0, block.start(1)) + 1
    return {
        entry[1]: Setting(first + block[1].count("\n", 0, entry.start()), entry[2])
        for entry in re.finditer(r"^      (\w+): (.+),$", block[1], re.MULTILINE)
    }


def setting(repository: Repository, name: str, default: str) -> Setting:
    """Return what the configuration gives the service, or the default that the service then takes."""
    return settings(repository).get(name, Setting(0, f'"{default}"'))


@check
def variables_in_configuration(repository: Repository) -> Findings:
    declared, given = schema(repository), settings(repository)
    for name, variable in declared.items():
        place = (CONFIGURATION, given[name].line) if name in given else (SCHEMA, variable.line)
        yield verdict(name in given or variable.has_default, name, f"it in {CONFIGURATION}", place)
    for name in sorted(given.keys() - declared.keys()):
        yield verdict(False, name, f"a variable of {SCHEMA}", (CONFIGURATION, given[name].line))


@check
def time_to_drain(repository: Repository) -> Findings:
    timeout = setting(repository, "SHUTDOWN_TIMEOUT_SECONDS", "25")
    constant, needed = re.fullmatch(r"String\((\w+)\)", timeout.expression), timeout.text
    if constant:
        needed = re.search(rf"^const {constant[1]} = (\d+);$", repository.text(CONFIGURATION), re.MULTILINE)[1]
    granted = amount(repository, "drainingSeconds")
    seen = f"needs {needed} s, gets {granted} s"
    yield verdict(int(needed) < granted, seen, "more than it needs", place_of(repository, "drainingSeconds"))


@check
def health_gate(repository: Repository) -> Findings:
    expected = 'healthcheck: "/health/ready"'
    asked = r'^\s*healthcheck: "/health/ready",$'
    yield repository.shows(asked, CONFIGURATION, seen="/health/ready is asked", expected=expected)
    limit = amount(repository, "healthcheckTimeout")
    yield verdict(limit > 0, f"for {limit} s at most", "a limit", place_of(repository, "healthcheckTimeout"))


@check
def deployments_overlap(repository: Repository) -> Findings:
    overlap = amount(repository, "overlapSeconds")
    place = place_of(repository, "overlapSeconds")
    yield verdict(overlap >= SHORTEST_OVERLAP_SECONDS, f"{overlap} s", f"{SHORTEST_OVERLAP_SECONDS} or more", place)


@check
def restarted_on_error(repository: Repository) -> Findings:
    policy = r'^\s*restartPolicyType: "(ON_FAILURE|ALWAYS)",$'
    yield repository.shows(policy, CONFIGURATION, seen="started again", expected="ON_FAILURE or ALWAYS")
    retries = amount(repository, "restartPolicyMaxRetries")
    yield verdict(retries > 0, f"{retries} times", "1 or more", place_of(repository, "restartPolicyMaxRetries"))


@check
def replicas_enough(repository: Repository) -> Findings:
    pattern = r'mode: "production", replicas: (\d+)\b'
    found = re.search(pattern, repository.text(CONFIGURATION))
    seen = f"production: {found[1] if found else 'no'} replicas"
    is_enough = found and int(found[1]) >= LEAST_REPLICAS
    yield verdict(is_enough, seen, f"{LEAST_REPLICAS} or more", repository.place('mode: "production"', CONFIGURATION))
    yield repository.shows(r"^    replicas,$", CONFIGURATION, seen="the service has them", expected="replicas")


@check
def changes_shown_first(repository: Repository) -> Findings:
    file = "scripts/configure"
    pattern = r"\brailway config apply\b(?!.* (?:-y|--yes)\b)"
    yield repository.shows(pattern, file, seen="railway config apply asks", expected="it, without --yes")


@check
def configuration_takes_digest(repository: Repository) -> Findings:
    digest = r"@sha256:\[0-9a-f\]\{64\}[$']"
    for file in (CONFIGURATION, DEPLOY):
        seen = f"{file} looks for a digest"
        yield repository.shows(digest, file, seen=seen, expected="a digest of 64 digits")
    yield repository.shows(
        r"\bsource: image\(released\)", CONFIGURATION, seen="what it looked at is what runs", expected="image(released)"
    )


@check
def configuration_locked(repository: Repository) -> Findings:
    manifest_file, lock_file = ".railway/package.json", ".railway/package-lock.json"
    manifest = json.loads(repository.text(manifest_file))
    locked = at(json.loads(repository.text(lock_file)), "packages", "", default={})
    for kind in ("dependencies", "devDependencies"):
        for name, wanted in manifest.get(kind, {}).items():
            place = repository.place(rf'^\s+"{re.escape(name)}":', manifest_file)
            yield verdict(at(locked, kind, name) == wanted, f"{name} {wanted}", f"the same in {lock_file}", place)
    installed = r"\bnpm --prefix \.railway ci --ignore-scripts\b"
    yield repository.shows(installed, "scripts/configure", seen="npm ci", expected="it, with --ignore-scripts")


# --- Metrics and logs ---


@check
def metrics_closed(repository: Repository) -> Findings:
    public, internal = settings(repository)["PORT"], setting(repository, "METRICS_PORT", "9090")
    seen = f"PORT {public.text}, METRICS_PORT {internal.text}"
    yield verdict(public.text != internal.text, seen, "two ports", (CONFIGURATION, internal.line))


@check
def log_level_bearable(repository: Repository) -> Findings:
    level = setting(repository, "LOG_LEVEL", "info")
    is_bearable = level.text in {"info", "warn", "error"}
    yield verdict(is_bearable, f"LOG_LEVEL {level.expression}", "info or less", (CONFIGURATION, level.line))


# --- Secrets ---


@check
def secrets_by_reference(repository: Repository) -> Findings:
    for name, given in settings(repository).items():
        if SECRET_NAME.search(name) or PASSWORD_IN_URL.search(given.expression):
            is_named = re.fullmatch(r"preserve\(\)|\w+\.env\.\w+", given.expression)
            yield verdict(is_named, f"{name} by reference", "preserve()", (CONFIGURATION, given.line))


@check
def token_of_environment(repository: Repository) -> Findings:
    yield repository.shows("Project-Access-Token: ", LIBRARY, seen="a project token", expected="Project-Access-Token")
    compared = r'^\s*\[ "\$\(of \.projectToken\.environment\.name\)" = "\$environment" \] \|\|$'
    seen = "that of another environment is refused"
    yield repository.shows(compared, LIBRARY, seen=seen, expected="the names to be compared")
    for script in (DEPLOY, "scripts/rollback"):
        yield repository.shows(r"^require_environment$", script, seen=f"{script} looks", expected="require_environment")


@check
def token_not_shown(repository: Repository) -> Findings:
    scripts = [name for name in repository.matching("scripts/*") if name != "scripts/readiness"]
    shown_by = r"--token\b|\b(curl|railway)\b.*\$\{?RAILWAY_TOKEN\b"
    is_shown = repository.search(shown_by, *scripts) != NOWHERE
    yield verdict(not is_shown, "no token as an argument", "none", repository.place(shown_by, *scripts))
    handed = r'"\$RAILWAY_TOKEN" \| curl .*--header @-'
    yield repository.shows(handed, LIBRARY, seen="the token goes to standard input", expected="curl --header @-")


# --- Releases ---


@check
def release_waited_for(repository: Repository) -> Findings:
    waits = re.findall(r"^await_deployment \|\| fail ", repository.text(DEPLOY), re.MULTILINE)
    place = repository.place("^await_deployment", DEPLOY)
    yield verdict(len(waits) > 1, f"waited for {len(waits)} times", "once, and again after the switch", place)
