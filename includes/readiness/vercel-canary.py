# --- Rolling Releases ---

TRAFFIC = "scripts/lib/traffic.sh"
SHORTEST_STAGE_SECONDS = 60
MOST_FAILURES_PERCENT = 5


@check
def stages_approved(repository: Repository) -> Findings:
    yield repository.shows(
        r"^\s*manual-approval\) ;;$", TRAFFIC, seen="stages that wait for approval", expected="them alone to be taken"
    )
    refused = r"^\s*\*\) fail "
    yield repository.shows(refused, TRAFFIC, seen="all others are refused", expected="a release to end there")
    asked = r'^\[ -z "\$production" \] \|\| require_strategy$'
    yield repository.shows(asked, DEPLOY, seen="each release looks", expected="require_strategy")


def figure(repository: Repository, pattern: str) -> tuple[int, Place]:
    """Return the number in a line that a pattern matches, and where it stands."""
    place = repository.place(pattern, TRAFFIC)
    found = re.search(pattern, repository.text(TRAFFIC), re.MULTILINE)
    if not found:
        raise ReadinessError(f"expects a line like {pattern}", place)
    return int(found[1]), place


@check
def stages_watched(repository: Repository) -> Findings:
    seconds, place = figure(repository, r"^stage_seconds=\$\{STAGE_SECONDS:-(\d+)\}$")
    seen, expected = f"a stage is watched for {seconds} s", f"{SHORTEST_STAGE_SECONDS} or more"
    yield verdict(seconds >= SHORTEST_STAGE_SECONDS, seen, expected, place)
    percent, place = figure(repository, r"^most_failures_percent=(\d+)$")
    seen, expected = f"{percent} % of its requests may fail", f"{MOST_FAILURES_PERCENT} or less"
    yield verdict(percent <= MOST_FAILURES_PERCENT, seen, expected, place)
    watched, approved = r'^\s*watch "\$1" "\$2" \|\| return$', r"^\s*move approve-stage "
    yield follows(repository, watched, approved, TRAFFIC, seen="a stage is watched, then the next one approved")


@check
def bad_stage_taken_back(repository: Repository) -> Findings:
    back = r"rollback/\$stable\b"
    yield repository.shows(back, TRAFFIC, seen="all traffic to the deployment before", expected="a rollback to it")
    started, shifted = r"^\s*shifting=yes$", r"^\s*shift_traffic "
    yield follows(repository, started, shifted, DEPLOY, seen="noted before traffic is shifted")
