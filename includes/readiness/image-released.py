@check
def stops_in_time(repository: Repository) -> Findings:
    given = {name: value for name, (value, _) in example(repository).items()}
    delay = whole_number(given, "SHUTDOWN_DELAY_SECONDS", "0")
    timeout = whole_number(given, "SHUTDOWN_TIMEOUT_SECONDS", "0")
    place = repository.place("^SHUTDOWN_TIMEOUT_SECONDS=", EXAMPLE)
    seen = f"a delay of {delay} s, a timeout of {timeout} s"
    yield verdict(timeout > delay, seen, "the timeout above the delay", place)
    for entry in last_stage(repository, "STOPSIGNAL"):
        yield verdict(entry.value == "SIGTERM", f"STOPSIGNAL {entry.value}", "SIGTERM", entry.place)


# --- The pipeline's image ---


def builds(repository: Repository) -> list[tuple[Job, int, dict]]:
    """Return each step that builds and pushes what is released: its job, its number and its options."""
    return [
        (job, number, step["with"])
        for job in jobs(repository)
        for number, step in job.steps
        if at(step, "with", "push") is True and "== 'pull_request'" not in str(job.content.get("if"))
    ]


def released_digest(job: Job, step: dict) -> str:
    """Return the expression that names the digest which a step releases, or an empty text."""
    command = str(step.get("run", ""))
    given = {**at(job.content, "env", default={}), **at(step, "env", default={})}
    for _ in range(3):
        command = re.sub(r"\$\{?(\w+)\}?", lambda found: str(given.get(found[1], found[0])), command)
    found = re.search(r"@(\$\{\{[^}]*digest[^}]*\}\})", command)
    return found[1] if found else ""


@check
def version_in_image(repository: Repository) -> Findings:
    last = [entry.line for entry in last_stage(repository, "FROM")]
    for name in ("ARG", "ENV"):
        found = [entry.line for entry in last_stage(repository, name) if "APP_VERSION" in entry.value]
        yield verdict(found, f"{name} APP_VERSION", "it in the last stage", (DOCKERFILE, (found or last)[0]))
    yield repository.shows(
        "--build-arg APP_VERSION=", "Makefile", seen="make image", expected="--build-arg APP_VERSION="
    )
    for job, number, options in builds(repository):
        has_version = "APP_VERSION=" in str(options.get("build-args"))
        place = job.place("steps", number, "with")
        yield verdict(has_version, f"job {job.name} builds the image", "build-args with APP_VERSION=", place)


@check
def released_by_digest(repository: Repository) -> Findings:
    for job in releases(repository):
        for number, step in job.runs("scripts/deploy"):
            digest = released_digest(job, step)
            place = job.place("steps", number, "run")
            yield verdict(digest, f"job {job.name}: {digest or step['run']}", "image@digest", place)


@check
def image_built_once(repository: Repository) -> Findings:
    origins = {}
    for job in releases(repository):
        digests = {released_digest(job, step) for _, step in job.runs("scripts/deploy")} - {""}
        origins |= {digest: job.place("steps") for digest in digests}
    built = builds(repository)
    seen = f"built by {', '.join(job.name for job, _, _ in built)}, released as {', '.join(origins)}"
    place = built[0][0].place("steps", built[0][1]) if built else (WORKFLOWS, 0)
    yield verdict(len(origins) <= 1 and len(built) == 1, seen, "one build, whose digest every environment gets", place)


@check
def image_attested(repository: Repository) -> Findings:
    for job, number, options in builds(repository):
        attests = any(str(step.get("uses", "")).startswith("actions/attest") for _, step in job.steps)
        origin = "attested" if attests else options.get("provenance")
        is_known = options.get("sbom") is True and (attests or str(origin).startswith("mode="))
        seen = f"sbom {shown(options.get('sbom'))}, provenance {origin}"
        yield verdict(is_known, seen, "both", job.place("steps", number, "with"))


def waits_for(job: Job, repository: Repository, action: str, expected: str) -> Finding:
    """Return whether a job waits for another that uses an action and fails where that does."""
    before = needed_by(job, repository)
    found = [
        (other, number)
        for other in jobs(repository)
        if other.file == job.file and other.name in before
        for number, step in other.steps
        if str(step.get("uses", "")).startswith(f"{action}@") and at(step, "with", "fail-build", default=True) is True
    ]
    names = ", ".join(dict.fromkeys(other.name for other, _ in found)) or f"none that uses {action}"
    place = found[0][0].place("steps", found[0][1], "uses") if found else job.place("needs")
    return verdict(found, f"job {job.name} comes after {names}", expected, place)


@check
def image_scanned(repository: Repository) -> Findings:
    for job in releases(repository):
        yield waits_for(job, repository, "anchore/scan-action", "a job that scans and can fail")


@check
def image_verified(repository: Repository) -> Findings:
    for job in releases(repository):
        first = min((number for number, _ in job.runs("scripts/verify")), default=None)
        deploys = [number for number, _ in job.runs("scripts/deploy")]
        seen = f"job {job.name}: {'no' if first is None else 'a'} step verifies the image"
        is_before = first is not None and first < min(deploys)
        yield verdict(is_before, seen, "scripts/verify before scripts/deploy", job.place("steps", first or deploys[0]))
