"""Checks of services on Vercel."""

import json
import re

from readiness.documents import get, to_yaml
from readiness.findings import Findings, Place, ReadinessError, judge
from readiness.languages import read_schema
from readiness.registry import check
from readiness.repository import Repository

DEPLOY = "scripts/deploy"
LIBRARY = "scripts/lib/vercel.sh"


@check("vercel", "variables-in-documents")
def variables_in_documents(repository: Repository) -> Findings:
    file = "DEPLOYMENT.md"
    for name, variable in read_schema(repository).items():
        if not variable.has_default:
            yield repository.expect_match(rf"`{name}`", file, seen=name, expected="its name among those to set")


@check("vercel", "commit-itself-built")
def commit_itself_built(repository: Repository) -> Findings:
    taken = r'^\s*git archive .*"\$revision"$'
    yield repository.expect_match(taken, DEPLOY, seen="the commit's own files", expected='git archive "$revision"')
    entered, built = r'^cd "\$work/source"$', r"^\s*attempt .* vercel build "
    yield repository.expect_order(entered, built, DEPLOY, seen="they are what is built")


@check("vercel", "built-once")
def built_once(repository: Repository) -> Findings:
    builds = re.findall(r"^\s*attempt .* vercel build ", repository.text(DEPLOY), re.MULTILINE)
    yield judge(len(builds) == 1, f"{len(builds)} builds", "one", repository.place("vercel build ", DEPLOY))
    deployed = r"vercel deploy --prebuilt "
    yield repository.expect_match(
        deployed, DEPLOY, seen="what was built is deployed", expected="vercel deploy --prebuilt"
    )


@check("vercel", "tested-before-traffic")
def tested_before_traffic(repository: Repository) -> Findings:
    seen = "production is deployed without a domain"
    yield repository.expect_match(r"vercel deploy .*--skip-domain", DEPLOY, seen=seen, expected="--skip-domain")
    tested, shifted = r'^attempt .* smoke "\$address"$', r'^\s*shift_traffic "\$deployment" "\$address"'
    yield repository.expect_order(tested, shifted, DEPLOY, seen="smoke test, then traffic")


@check("vercel", "pushes-deploy-nothing")
def pushes_deploy_nothing(repository: Repository) -> Findings:
    file = "vercel.json"
    enabled = get(json.loads(repository.text(file)), "git", "deploymentEnabled", default="missing")
    place = repository.place('"deploymentEnabled"', file)
    yield judge(enabled is False, f"deploymentEnabled {to_yaml(enabled)}", "false", place)


@check("vercel", "command-line-pinned")
def command_line_pinned(repository: Repository) -> Findings:
    pinned = re.search(r"^version=(\d+\.\d+\.\d+)\b", repository.text(LIBRARY), re.MULTILINE)
    version = pinned[1] if pinned else "no version"
    yield judge(pinned, version, "version=, with three numbers", repository.place("^version=", LIBRARY))
    for file in repository.matching("*.md", "scripts/*"):
        for number, line in enumerate(repository.text(file).splitlines(), start=1):
            for called in re.findall(r"\bvercel@([\w.$-]+)", line):
                is_same = called in {version, "$version"}
                yield judge(is_same, f"vercel@{called}", version, (file, number))


@check("vercel", "version-deployed")
def version_deployed(repository: Repository) -> Findings:
    expected = '--env "APP_VERSION=$revision"'
    yield repository.expect_match(r'--env "APP_VERSION=\$revision"', DEPLOY, seen="the commit", expected=expected)


@check("vercel", "builds-without-secrets")
def builds_without_secrets(repository: Repository) -> Findings:
    replaced = r'^\s*cat \.env\.example >>"\.vercel/\.env\.\$target\.local"$'
    pulled, built = r"^attempt .* vercel pull ", r"^\s*attempt .* vercel build "
    yield repository.expect_order(pulled, replaced, DEPLOY, seen="vercel pull, then the examples")
    yield repository.expect_order(replaced, built, DEPLOY, seen="the examples, then vercel build")


@check("vercel", "pulled-values-ignored")
def pulled_values_ignored(repository: Repository) -> Findings:
    seen = ".gitignore ignores .vercel/"
    yield repository.expect_match(r"^/?\.vercel/?$", ".gitignore", seen=seen, expected="a line .vercel/")


@check("vercel", "token-not-shown")
def token_not_shown(repository: Repository) -> Findings:
    scripts = repository.matching("scripts/*")
    shown = r"--token\b|\b(curl|vercel)\b.*\$\{?VERCEL_TOKEN\b"
    yield repository.expect_no_match(shown, *scripts, seen="no token as an argument", expected="none")
    handed = r'"\$VERCEL_TOKEN" \| curl .*--header @-'
    yield repository.expect_match(handed, LIBRARY, seen="the token goes to standard input", expected="curl --header @-")


@check("vercel", "project-of-environment")
def project_of_environment(repository: Repository) -> Findings:
    named = r"\bproduction\) expected=\$name ;; \*\) expected=\$name-staging\b"
    expected = "the project's name for production, and another one for all else"
    yield repository.expect_match(named, LIBRARY, seen="each environment has its project", expected=expected)
    compared = r'^\s*\[ "\$\(of \.name\)" = "\$expected" \] \|\|$'
    yield repository.expect_match(compared, LIBRARY, seen="another one is refused", expected="the names to be compared")
    for script in (DEPLOY, "scripts/rollback"):
        yield repository.expect_match(
            r"^require_project\b", script, seen=f"{script} checks the project", expected="require_project"
        )


@check("vercel", "previews-apart")
def previews_apart(repository: Repository) -> Findings:
    preview = r"^\s*preview\) production='' target=preview ;;$"
    yield repository.expect_match(preview, DEPLOY, seen="a preview's target", expected="production='' target=preview")
    pulled = r'vercel pull .*"--environment=\$target"'
    yield repository.expect_match(pulled, DEPLOY, seen="a preview's settings", expected="those of its target")


@check("vercel-go", "ends-in-time")
def go_ends_in_time(repository: Repository) -> Findings:
    file = "internal/server/vercel.go"
    found = re.search(r"vercelShutdownTimeout = (\d+) \* time\.Millisecond", repository.text(file))
    place = repository.place("vercelShutdownTimeout = ", file)
    seen = f"{found[1]} ms" if found else "no timeout in milliseconds"
    yield judge(found and int(found[1]) < 500, seen, "less than 500 ms", place)
    deadline = r"WithTimeout\(.*, vercelShutdownTimeout\)"
    yield repository.expect_match(
        deadline, file, seen="the shutdown has it as its deadline", expected="the timeout there"
    )


@check("vercel-node", "ends-in-time")
def node_ends_in_time(repository: Repository) -> Findings:
    closes = r'^process\.once\("SIGTERM", \(\) => app\.close\(\)\);$'
    yield repository.expect_match(closes, "src/index.ts", seen="SIGTERM closes the app", expected="app.close() at once")


@check("vercel-postgres", "migration-before-release")
def migration_before_release(repository: Repository) -> Findings:
    migrated = r"^\s*attempt .* vercel env run .* -- "
    tested, shifted = r'^attempt .* smoke "\$address"$', r"^\s*shift_traffic "
    yield repository.expect_order(migrated, tested, DEPLOY, seen="migration, then smoke test")
    yield repository.expect_order(migrated, shifted, DEPLOY, seen="migration, then traffic")


@check("vercel-blue-green", "domains-switch-at-once")
def domains_switch_at_once(repository: Repository) -> Findings:
    switch = r'^\s*switch_to "\$1" promote && return$'
    yield repository.expect_match(
        switch, "scripts/lib/traffic.sh", seen="one promotion", expected='switch_to "$1" promote'
    )
    yield repository.expect_match(
        r'^  await_switch "\$1"$', LIBRARY, seen="its end is waited for", expected="await_switch"
    )


TRAFFIC = "scripts/lib/traffic.sh"
SHORTEST_STAGE_SECONDS = 60
MOST_FAILURES_PERCENT = 5


@check("vercel-canary", "stages-approved")
def stages_approved(repository: Repository) -> Findings:
    yield repository.expect_match(
        r"^\s*manual-approval\) ;;$", TRAFFIC, seen="stages that wait for approval", expected="them alone to be taken"
    )
    refused = r"^\s*\*\) fail "
    yield repository.expect_match(refused, TRAFFIC, seen="all others are refused", expected="a release to end there")
    checked = r'^\[ -z "\$production" \] \|\| require_strategy$'
    yield repository.expect_match(checked, DEPLOY, seen="each release checks the strategy", expected="require_strategy")


def read_value(repository: Repository, pattern: str) -> tuple[int, Place]:
    """Return the number in a line that a pattern matches, and where it stands."""
    place = repository.place(pattern, TRAFFIC)
    found = re.search(pattern, repository.text(TRAFFIC), re.MULTILINE)
    if not found:
        raise ReadinessError(f"expected a line like {pattern}", place)
    return int(found[1]), place


@check("vercel-canary", "stages-watched")
def stages_watched(repository: Repository) -> Findings:
    seconds, place = read_value(repository, r"^stage_seconds=\$\{STAGE_SECONDS:-(\d+)\}$")
    seen, expected = f"a stage is watched for {seconds} s", f"{SHORTEST_STAGE_SECONDS} or more"
    yield judge(seconds >= SHORTEST_STAGE_SECONDS, seen, expected, place)
    percent, place = read_value(repository, r"^max_failure_percent=(\d+)$")
    seen, expected = f"{percent} % of its requests may fail", f"{MOST_FAILURES_PERCENT} or less"
    yield judge(percent <= MOST_FAILURES_PERCENT, seen, expected, place)
    watched, approved = r'^\s*watch "\$1" "\$2" \|\| return$', r"^\s*move approve-stage "
    yield repository.expect_order(watched, approved, TRAFFIC, seen="a stage is watched, then the next one approved")


@check("vercel-canary", "bad-stage-taken-back")
def bad_stage_taken_back(repository: Repository) -> Findings:
    back = r"rollback/\$stable\b"
    yield repository.expect_match(
        back, TRAFFIC, seen="the previous deployment gets all traffic", expected="a rollback to it"
    )
    started, shifted = r"^\s*shifting=yes$", r"^\s*shift_traffic "
    yield repository.expect_order(started, shifted, DEPLOY, seen="noted before traffic is shifted")
