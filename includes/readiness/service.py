import http.client
import json
import textwrap
import urllib.request
from urllib.parse import urlsplit

# --- The environment ---


@dataclass(frozen=True)
class Variable:
    """A variable of the schema: the line that declares it, and whether the service can do without it."""

    line: int
    has_default: bool


def example(repository: Repository) -> dict[str, tuple[str, int]]:
    """Return the values of .env.example by name, each with its line."""
    assignments = enumerate(repository.text(EXAMPLE).splitlines(), start=1)
    return {
        name: (value, line)
        for line, assignment in assignments
        for name, separator, value in [assignment.partition("=")]
        if separator and not name.startswith("#")
    }


def whole_number(given: dict[str, str], name: str, default: str) -> int:
    """Return the number that a variable is set to."""
    value = given.get(name, default)
    if not re.fullmatch(r"\d+", value):
        raise ReadinessError(f"{name}={value}: expects a whole number")
    return int(value)


@check
def variables_in_example(repository: Repository) -> Findings:
    declared = schema(repository)
    given = example(repository)
    compose = repository.text("compose.yaml")
    for name, variable in declared.items():
        yield verdict(name in given, f"{name} of {SCHEMA}", f"a line in {EXAMPLE}", (SCHEMA, variable.line))
    for name in sorted(given.keys() - declared.keys()):
        is_for_compose = f"${{{name}" in compose
        expected = "a variable that the service or compose.yaml reads"
        yield verdict(is_for_compose, name, expected, (EXAMPLE, given[name][1]))


@check
def variables_in_readme(repository: Repository) -> Findings:
    for name, variable in schema(repository).items():
        place = repository.search(rf"`{name}`", "README.md")
        yield verdict(any(place), name, "a line in README.md", place if any(place) else (SCHEMA, variable.line))


@check
def secrets_required(repository: Repository) -> Findings:
    for name, variable in schema(repository).items():
        if SECRET_NAME.search(name):
            how = "has a" if variable.has_default else "has no"
            seen, place = f"{name} {how} default", (SCHEMA, variable.line)
            yield verdict(not variable.has_default, seen, "none, as it is a secret", place)


@check
def example_secrets_refused(repository: Repository) -> Findings:
    for name, (value, line) in example(repository).items():
        if SECRET_NAME.search(name):
            yield verdict(value.startswith("example-"), name, "a value that begins with example-", (EXAMPLE, line))


@check
def fail_fast(repository: Repository) -> Findings:
    file, pattern = EXIT_CODE
    yield repository.shows(pattern, file, seen="exit code of a wrong environment", expected="78")


# --- Tests and dependencies ---


@check
def detailed_health_closed(repository: Repository) -> Findings:
    tests = [name for name in repository.matching("*test*") if "/health/detailed" in repository.text(name)]
    seen = "a test asks /health/detailed without the token"
    yield repository.shows(r"\b(401|StatusUnauthorized)\b", *tests, seen=seen, expected="one that is answered 401")


@check
def coverage_enforced(repository: Repository) -> Findings:
    file, pattern = COVERAGE
    yield repository.shows(pattern, file, seen="least coverage", expected="the limit below which the tests fail")


# --- The pipeline ---

WORKFLOWS = ".github/workflows"
LONGEST_JOB_MINUTES = 60


@dataclass(frozen=True)
class Job:
    """A job of a workflow: the file, its name there, and what it says."""

    file: str
    name: str
    content: dict

    def place(self, *keys: str | int) -> Place:
        """Return where a part of the job stands, or the job where there is no such part."""
        return self.file, max(self.content.lc.line, line_of(self.content, *keys))

    @property
    def steps(self) -> list[tuple[int, dict]]:
        """The job's steps by number."""
        return list(enumerate(at(self.content, "steps", default=[])))

    @property
    def environment(self) -> str:
        """The GitHub environment that the job works in, or an empty text."""
        environment = at(self.content, "environment", default="")
        return str(at(environment, "name", default=environment))

    def commands(self, step: dict) -> list[str]:
        """Return what a step runs, with its variables put in: one text for each value of the job's matrix."""
        text = str(step.get("run", ""))
        for name, value in at(step, "env", default={}).items():
            text = text.replace(f'"${name}"', str(value))
        texts = [text]
        for name, values in at(self.content, "strategy", "matrix", default={}).items():
            place = f"${{{{ matrix.{name} }}}}"
            texts = [text.replace(place, str(value)) for text in texts for value in values] if place in text else texts
        return texts

    def runs(self, command: str) -> list[tuple[int, dict]]:
        """Return the steps that run a command."""
        return [
            (number, step)
            for number, step in self.steps
            if any(re.search(rf"(^|\s){command}\b", text) for text in self.commands(step))
        ]


@cache
def workflows(repository: Repository) -> dict[str, dict]:
    """Return the workflows by file."""
    names = repository.matching(f"{WORKFLOWS}/*.yml", f"{WORKFLOWS}/*.yaml")
    return {name: document for name in names for document in repository.documents(name)}


@cache
def jobs(repository: Repository) -> list[Job]:
    """Return the jobs of all workflows."""
    return [
        Job(file, name, content)
        for file, workflow in workflows(repository).items()
        for name, content in at(workflow, "jobs", default={}).items()
    ]


def releases(repository: Repository) -> list[Job]:
    """Return the jobs that release to an environment which people depend on: all but previews."""
    return [job for job in jobs(repository) if job.runs("scripts/deploy") and job.environment != "preview"]


def runs_on(repository: Repository, event: str, command: str) -> Finding:
    """Return whether a workflow that an event starts has a step that runs a command."""
    places = [
        job.place("steps", number, "run")
        for job in jobs(repository)
        if event in at(workflows(repository)[job.file], "on", default={})
        for number, _ in job.runs(command)
    ]
    expected = f"a step of a workflow that runs on {event}"
    return verdict(places, command, expected, next(iter(places), (WORKFLOWS, 0)))


@check
def checks_on_every_change(repository: Repository) -> Findings:
    for verb in ("lint", "typecheck", "test", "integration"):
        yield runs_on(repository, "pull_request", f"make {verb}")


@check
def jobs_time_out(repository: Repository) -> Findings:
    for job in jobs(repository):
        minutes = at(job.content, "timeout-minutes", default=0)
        if "uses" not in job.content:
            expected = f"1 to {LONGEST_JOB_MINUTES}"
            seen = f"job {job.name}: timeout-minutes {minutes or 'is missing'}"
            yield verdict(0 < minutes <= LONGEST_JOB_MINUTES, seen, expected, job.place("timeout-minutes"))


@check
def runners_pinned(repository: Repository) -> Findings:
    for job in jobs(repository):
        runner = str(at(job.content, "runs-on", default=""))
        if "uses" not in job.content:
            expected = "a named release, such as ubuntu-24.04"
            yield verdict("latest" not in runner, f"job {job.name} runs on {runner}", expected, job.place("runs-on"))


@check
def actions_pinned(repository: Repository) -> Findings:
    for name in workflows(repository):
        for number, line in enumerate(repository.text(name).splitlines(), start=1):
            used = re.match(r"\s*(?:- )?uses:\s*(\S+)(.*)", line)
            if used and not used[1].startswith("./"):
                is_pinned = re.fullmatch(r"[^@]+@[0-9a-f]{40}", used[1]) and re.match(r"\s+# v\d", used[2])
                yield verdict(is_pinned, used[1], "a commit, and its release as comment", (name, number))


@check
def permissions_empty(repository: Repository) -> Findings:
    for file, workflow in workflows(repository).items():
        permissions = at(workflow, "permissions", default="missing")
        place = (file, line_of(workflow, "permissions"))
        seen = f"permissions of the workflow: {permissions}"
        yield verdict(permissions == {}, seen, "{}, as each job has its own", place)


# What has to stand in a job for it to need to write there.
WRITERS = {
    "contents": r"git push|gh release|create-pull-request",
    "packages": r"push: true|docker push|actions/attest",
    "id-token": r"actions/attest|aws-actions/|google-github-actions/|azure/login",
    "attestations": r"actions/attest",
    "artifact-metadata": r"actions/attest",
    "pull-requests": r"\bgh |github-script|create-pull-request",
    "issues": r"\bgh |github-script",
    "deployments": r"\bgh |github-script",
    "security-events": r"codeql-action|scorecard-action",
}


@check
def permissions_least(repository: Repository) -> Findings:
    for job in jobs(repository):
        permissions = at(job.content, "permissions", default="missing")
        if not hasattr(permissions, "items"):
            yield verdict(False, f"job {job.name}: permissions {permissions}", "each scope by name", job.place())
            continue
        steps = "\n".join(
            f"{step.get('uses')}\n{step.get('run')}\npush: {str(at(step, 'with', 'push')).lower()}"
            for _, step in job.steps
        )
        for scope, access in permissions.items():
            is_used = access != "write" or re.search(WRITERS.get(scope, r"(?!)"), steps)
            seen, place = f"job {job.name}: {scope} {access}", job.place("permissions", scope)
            yield verdict(is_used, seen, "a step that writes there, or read", place)


@check
def credentials_not_kept(repository: Repository) -> Findings:
    for job in jobs(repository):
        for number, step in job.steps:
            if str(step.get("uses", "")).startswith("actions/checkout@"):
                kept = at(step, "with", "persist-credentials", default="missing")
                seen, place = f"persist-credentials {shown(kept)}", job.place("steps", number, "uses")
                yield verdict(kept is False, seen, "false", place)


@check
def values_not_in_commands(repository: Repository) -> Findings:
    for job in jobs(repository):
        for number, step in job.steps:
            if "run" in step:
                expression = re.search(r"\$\{\{.*?\}\}", str(step["run"]))
                seen = expression[0] if expression else str(step.get("name", "step"))
                yield verdict(not expression, seen, "values to come through env:", job.place("steps", number, "run"))


@check
def secrets_behind_environments(repository: Repository) -> Findings:
    for file, workflow in workflows(repository).items():
        events = at(workflow, "on", default={})
        events = [events] if isinstance(events, str) else list(events)
        lends = {"pull_request_target", "workflow_run"} & set(events)
        place = (file, line_of(workflow, "on"))
        yield verdict(not lends, f"started by {', '.join(events)}", "no event that lends secrets to forks", place)
    for job in jobs(repository):
        used = set(re.findall(r"secrets\.(\w+)", repr(job.content))) - {"GITHUB_TOKEN"}
        if used:
            seen = f"job {job.name} reads {', '.join(sorted(used))}"
            yield verdict(job.environment, seen, "an environment", job.place())


def needed_by(job: Job, repository: Repository) -> set[str]:
    """Return the names of the jobs that have to end well before a job begins."""
    needs = at(job.content, "needs", default=[])
    direct = {needs} if isinstance(needs, str) else set(needs)
    others = [other for other in jobs(repository) if other.file == job.file and other.name in direct]
    return direct.union(*(needed_by(other, repository) for other in others))


@check
def staging_before_production(repository: Repository) -> Findings:
    released = releases(repository)
    staging = {job.name for job in released if job.environment == "staging"}
    for job in released:
        if job.environment == "production":
            before = needed_by(job, repository)
            seen = f"job {job.name} comes after {', '.join(sorted(before))}"
            yield verdict(staging & before, seen, "the job that releases to staging", job.place("needs"))


@check
def deploys_never_cancelled(repository: Repository) -> Findings:
    for job in jobs(repository):
        if not job.environment or not job.runs("scripts/(deploy|rollback|preview)"):
            continue
        concurrency = at(job.content, "concurrency", default={})
        group, cancels = at(concurrency, "group"), at(concurrency, "cancel-in-progress", default=False)
        is_kept = group == f"deploy-{job.environment}" and cancels is False
        seen = f"job {job.name}: concurrency group {group}, cancel-in-progress {shown(cancels)}"
        expected = f"deploy-{job.environment}, never cancelled"
        yield verdict(is_kept, seen, expected, job.place("concurrency"))
        workflow = workflows(repository)[job.file]
        cancels = at(workflow, "concurrency", "cancel-in-progress", default=False)
        is_kept = cancels is False or "== 'pull_request'" in str(cancels)
        place = (job.file, line_of(workflow, "concurrency", "cancel-in-progress"))
        yield verdict(is_kept, f"workflow: cancel-in-progress {shown(cancels)}", "it for pull requests only", place)


@check
def bad_release_undone(repository: Repository) -> Findings:
    for job in releases(repository):
        order = ["scripts/deploy", "scripts/smoke", "scripts/rollback"]
        numbers = [number for command in order for number, _ in job.runs(command)]
        last = at(job.content, "steps", max(numbers, default=0), "if", default="")
        is_in_order = len(numbers) == len(order) and numbers == sorted(numbers)
        is_undone = is_in_order and re.search(r"failure\(\)|!success\(\)", str(last))
        seen, place = f"job {job.name}: its last step if {last}", job.place("steps", max(numbers, default=0))
        yield verdict(is_undone, seen, "deploy, smoke, and rollback where that fails", place)


@check
def rollback_by_hand(repository: Repository) -> Findings:
    script = "scripts/rollback"
    yield verdict(repository.is_executable(script), script, "a script that may be run", (script, 0))
    documents = [name for name in repository.matching("*.md") if name != CHECKLIST]
    yield repository.shows(rf"{script} \w", *documents, seen="how to roll back", expected="the command in a document")


@check
def improvements_arrive(repository: Repository) -> Findings:
    yield runs_on(repository, "schedule", "scripts/update-template")


@check
def readiness_in_pipeline(repository: Repository) -> Findings:
    yield runs_on(repository, "pull_request", "scripts/readiness")


@check
def dependencies_updated(repository: Repository) -> Findings:
    file = ".github/dependabot.yml"
    updates = at(repository.documents(file), 0, "updates", default=[])
    covered = {at(update, "package-ecosystem") for update in updates}
    for ecosystem in ECOSYSTEMS:
        yield verdict(ecosystem in covered, f"updates of {ecosystem}", "an entry", (file, 1))
    for number, update in enumerate(updates):
        days = at(update, "cooldown", "default-days", default=0)
        seen = f"{at(update, 'package-ecosystem')}: cooldown of {days} days"
        yield verdict(days >= 1, seen, "1 or more", (file, line_of(updates, number)))


# --- The repository ---

TOKENS = re.compile(
    r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    r"|\bgithub_pat_\w{40,}|\bxox[abprs]-[\w-]{10,}|\bsk_live_\w{16,}|\bglpat-[\w-]{20,}"
)
MARKERS = re.compile(r"^(<{7} |>{7} |\|{7} )", re.MULTILINE)


def readable(repository: Repository) -> Iterator[tuple[str, str]]:
    """Return each text file's name and text."""
    for name in repository.files:
        try:
            yield name, repository.text(name)
        except UnicodeDecodeError:
            continue


@check
def no_secrets_in_git(repository: Repository) -> Findings:
    texts = dict(readable(repository))
    for name, text in texts.items():
        if found := TOKENS.search(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Finding(False, f"{found[0][:8]}… looks like a secret: revoke it, then remove it", (name, line))
    yield Finding(bool(texts), f"{len(texts)} files without a token or a private key")
    for name in repository.matching(".env", ".env.*", "*/.env", "*/.env.*"):
        yield verdict(name == EXAMPLE, f"{name} is in Git", f"no other than {EXAMPLE}", (name, 0))


@check
def env_ignored(repository: Repository) -> Findings:
    for file in (".gitignore", ".dockerignore"):
        yield repository.shows(r"^\.env$", file, seen=f"{file} leaves .env out", expected="a line .env")


@check
def updates_settled(repository: Repository) -> Findings:
    texts = dict(readable(repository))
    for name, text in texts.items():
        if found := MARKERS.search(text):
            yield Finding(False, "conflict marker: settle it", (name, text.count("\n", 0, found.start()) + 1))
    for name in repository.matching("*.rej", "*.orig"):
        yield Finding(False, "left by an update that could not be applied: settle and delete it", (name, 0))
    yield Finding(bool(texts), f"{len(texts)} files without a conflict marker")


@check
def updates_possible(repository: Repository) -> Findings:
    file = ".copier-answers.yml"
    answers = at(repository.documents(file), 0, default={})
    place = (file, line_of(answers, "_src_path"))
    yield verdict("_src_path" in answers, f"{len(answers)} answers", "_src_path, the template's address", place)


def shell_blocks(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Return the file, first line and commands of each `sh` block of the documents."""
    fence = re.compile(r"^( *)```sh\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
    for name in repository.matching("*.md"):
        text = repository.text(name)
        for block in fence.finditer(text):
            yield name, text.count("\n", 0, block.start()) + 2, textwrap.dedent(block[2])


@check
def commands_work(repository: Repository) -> Findings:
    targets = set(re.findall(r"^([\w.-]+):", repository.text("Makefile"), re.MULTILINE))
    for name, line, commands in shell_blocks(repository):
        parsed = run("sh", "-n", text=commands)
        seen = " ".join([commands.splitlines()[0], *parsed.stderr.splitlines()[-1:]])
        yield verdict(parsed.returncode == 0, seen, "commands that sh can parse", (name, line))
        for number, command in enumerate(commands.splitlines(), start=line):
            words = command.split("#")[0]
            for script in re.findall(r"(?:^|\s)(scripts/[\w/-]+)", words):
                yield verdict(repository.is_executable(script), script, "a script that may be run", (name, number))
            for path in re.findall(r"(?:^|\s)(deploy/[\w./-]+)", words):
                yield verdict((repository.root / path).exists(), path, "a file of this repository", (name, number))
            if made := re.match(r"\s*make((?: [a-z-]+)+)", words):
                for target in made[1].split():
                    yield verdict(target in targets, f"make {target}", "a target of the Makefile", (name, number))


@check
def links_lead_somewhere(repository: Repository) -> Findings:
    for name in repository.matching("*.md"):
        text = repository.text(name)
        for link in re.finditer(r"\]\(([^)\s]+)\)", text):
            address = urlsplit(link[1])
            if address.scheme:
                continue
            target = (repository.root / name).parent / address.path if address.path else repository.root / name
            exists = target.exists() and (not address.fragment or address.fragment in headings(target))
            line = text.count("\n", 0, link.start()) + 1
            yield verdict(exists, link[1], "a file, and a heading where it names one", (name, line))


def headings(document: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a document."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@check
def scripts_explain_themselves(repository: Repository) -> Findings:
    for name in repository.matching("scripts/*"):
        if name.startswith("scripts/lib/") or name == "scripts/readiness":
            continue
        place = repository.search(r"^\s*'?-h\b.* \| '?--help\b.*\)", name)
        # What does not know --help might take it for something else, so that it is not run.
        explains = repository.is_executable(name) and any(place)
        if explains:
            said = run(f"./{name}", "--help", folder=repository.root)
            explains = said.returncode == 0 and "usage:" in said.stdout
        yield verdict(explains, name, "an executable that prints its usage for --help", (name, place[1]))


@check
def compose_stays_local(repository: Repository) -> Findings:
    for file in repository.matching("compose*.yaml"):
        services = at(repository.documents(file), 0, "services", default={})
        for name, service in services.items():
            for number, port in enumerate(at(service, "ports", default=[])):
                place = (file, line_of(services, name, "ports", number))
                is_local = str(port).startswith("127.0.0.1:")
                yield verdict(is_local, f"{name} listens on {port}", "127.0.0.1", place)


@check
def sign_offs_name_items(repository: Repository) -> Findings:
    known = {item.name: item for item in read_checklist(repository)}
    signed = sign_offs(repository)
    for name in signed:
        item = known.get(name)
        expected = f"an item that {CHECKLIST} marks as yours"
        yield verdict(item and item.mark == "yours", name, expected, (SIGN_OFFS, line_of(signed, name)))
    reason = "" if SIGN_OFFS in repository.files else f", as there is no {SIGN_OFFS} yet"
    yield Finding(True, f"{len(signed)} items are signed off{reason}", (CHECKLIST, 0))


# --- Releases ---


@check
def cut_off_release_undone(repository: Repository) -> Findings:
    script = "scripts/deploy"
    yield repository.shows(r"^trap finish EXIT$", script, seen="undone at every failure", expected="trap finish EXIT")
    seen = "undone when it is interrupted"
    yield repository.shows(r"^trap '.*' HUP INT TERM$", script, seen=seen, expected="a trap of HUP, INT and TERM")
    undone = rf"^\s*(.* \|\| )?{UNDO}( \|\||$)"
    yield repository.shows(undone, script, seen="what ran before is brought back", expected=UNDO)


# --- The service ---

REQUEST_SECONDS = 10
HEADERS = ("X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy")

# Browsers heed it over TLS only, and the service leaves it out in development.
TLS_HEADER = "Strict-Transport-Security"


@check
def health_endpoints(repository: Repository) -> Findings:
    for path in ("/health", "/health/ready"):
        seen = f"the smoke test asks {path}"
        yield repository.shows(rf"^expect {path} ", "scripts/smoke", seen=seen, expected="an answer of 200")


@check
def security_headers(repository: Repository) -> Findings:
    sources = [name for name in repository.matching(*SOURCES) if "test" not in name]
    for header in (*HEADERS, TLS_HEADER):
        yield repository.shows(rf"(?i)\b{header}\b", *sources, seen=header, expected="the server to set it")


@dataclass(frozen=True)
class Answer:
    """What a service answered: its status, the names of the headers, and how the body begins."""

    status: int
    headers: set[str]
    begin: str


class AsItIs(urllib.request.HTTPErrorProcessor):
    """Takes a redirect and an error for the answers that they are."""

    def http_response(self, _: object, response: object) -> object:
        """Return the response."""
        return response

    https_response = http_response


def ask(url: str, path: str) -> Answer:
    """Return what a service answers to GET, or status 0 and the reason where it does not."""
    opener = urllib.request.build_opener(AsItIs)
    try:
        with opener.open(url.rstrip("/") + path, timeout=REQUEST_SECONDS) as response:
            headers = {name.lower() for name in response.headers}
            return Answer(response.status, headers, response.read(80).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, set(), str(error))


def sends(answer: Answer, headers: tuple[str, ...]) -> list[Finding]:
    """Return whether the answer to / has these headers."""
    seen = {header: "with" if header.lower() in answer.headers else "without" for header in headers}
    return [verdict(how == "with", f"/ answers {how} {header}", "the header") for header, how in seen.items()]


def ask_service(url: str, _: object = None) -> dict[str, list[Finding]]:
    """Ask this running service too."""
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise ArgumentError(f"{url!r} is no address: expects one like https://orders.example.com")
    answers = {path: ask(url, path) for path in ("/", "/health", "/health/ready", "/health/detailed", "/metrics")}

    def answer(path: str, status: int) -> Finding:
        seen = answers[path]
        return verdict(seen.status == status, f"{path} answers {seen.status}", f"{status}, not {seen.begin}")

    return {
        "health-endpoints": [answer("/health", 200), answer("/health/ready", 200)],
        "detailed-health-closed": [answer("/health/detailed", 401)],
        "metrics-closed": [answer("/metrics", 404)],
        "security-headers": sends(answers["/"], (*HEADERS, TLS_HEADER) if address.scheme == "https" else HEADERS),
    }


SUBJECTS["url"] = ask_service
