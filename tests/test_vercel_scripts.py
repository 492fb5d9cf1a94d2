"""Promise: the scripts for Vercel release, refuse, abort and roll back, whatever its API answers."""

import re
import signal
import subprocess
from itertools import product

import pytest

from tests.containers import until
from tests.vercel.api import Trouble, Vercel, serving
from tests.vercel.stage import Stage

pytestmark = pytest.mark.needs("node")

STAGES = {
    "enabled": True,
    "advancementType": "manual-approval",
    "stages": [{"targetPercentage": 10}, {"targetPercentage": 50}, {"targetPercentage": 100}],
}
SCRIPTS = ["deploy", "rollback", "status"]


@pytest.fixture
def stage(emit, tmp_path):
    """Return a function that sets an emitted project and a stand-in up."""
    started = []

    def stage(
        strategy: str = "blue-green",
        language: str = "node",
        services=(),
        *,
        real_cli: tuple[str, ...] = (),
        **state: object,
    ) -> Stage:
        if strategy == "canary":
            state.setdefault("rolling", STAGES)
        vercel = Vercel(**state)
        serves = serving(vercel)
        started.append(serves)
        project = emit(
            language=language,
            platform="vercel",
            strategy=strategy,
            services=list(services),
            project_name="orders",
        )
        folder = tmp_path / "stage"
        folder.mkdir()
        return Stage(project, vercel, serves.__enter__(), folder, real_cli=real_cli)

    yield stage
    for serves in started:
        serves.__exit__(None, None, None)


# A release


@pytest.mark.parametrize("strategy", ["blue-green", "canary"])
def test_a_good_release_gets_all_traffic(stage, strategy):
    on = stage(strategy, real_cli=("pull", "deploy", "logs"), request_log=[200] * 300 + [500] * 2)
    before = on.vercel.add("old")
    done = on.run("deploy", "production", STAGE_SECONDS="1")
    assert done.returncode == 0, done.stdout + done.stderr
    served = on.vercel.find(on.vercel.production)
    assert served["meta"] == {"revision": on.revision, "previous": before}
    assert served["env"] == {"APP_VERSION": on.revision}
    assert f"Released: production is {on.revision}, https://{served['url']}" in done.stdout
    commands = re.findall(r"^npx --yes vercel@\S+ (.+)$", on.calls, re.MULTILINE)
    assert commands[:2] == ["pull --yes --environment=production", "build --yes --prod"]
    assert commands[2].startswith("deploy --prebuilt --yes --prod --skip-domain --env APP_VERSION=")
    if strategy == "blue-green":
        assert on.vercel.received("POST", "promote") == [
            f"/v10/projects/prj_orders/promote/{served['id']}?teamId=team_acme"
        ]
        # The smoke test comes before the switch.
        assert on.calls.index(".vercel.app/health") < on.calls.index("/promote/")
    else:  # all stages, while few requests fail
        assert re.findall(r"Stage (\d): (\d+) %", done.stdout) == [("0", "10"), ("1", "50")]
        moves = [path.split("?")[0].rsplit("/", 1)[1] for path in on.vercel.received("POST", "rolling-release/")]
        assert moves == ["start", "approve-stage", "complete"]
        assert "2 of 302 requests failed" in done.stdout


def test_a_preview_is_the_commits_own_is_smoked_and_touches_nothing_else(stage):
    on = stage(services=["postgres"], real_cli=("pull", "deploy"), name="orders-staging")
    before = on.vercel.add("old")
    (on.project / "vercel.json").write_text("not JSON")  # a change that is not committed
    secret = "bypass-that-stays-secret"
    done = on.run("deploy", "preview", on.revision[:9], VERCEL_AUTOMATION_BYPASS_SECRET=secret)
    assert done.returncode == 0, done.stdout + done.stderr
    assert on.vercel.production == before
    assert "build --yes\n" in on.calls
    assert "--prod" not in on.calls
    assert "env run" not in on.calls
    assert on.vercel.deployments[-1]["meta"]["revision"] == on.revision
    # Deployment Protection is passed without a word.
    assert set(on.vercel.bypasses) == {secret}
    assert secret not in done.stdout + done.stderr + on.calls
    assert not on.vercel.received("POST", "promote|rolling-release|rollback")


def test_a_preview_is_built_without_secrets_and_deployed_without_code_of_the_pull_request(stage):
    on = stage(name="orders-staging", real_cli=("pull", "deploy"))
    nothing = dict.fromkeys(["VERCEL_TOKEN", "VERCEL_ORG_ID", "VERCEL_PROJECT_ID"])
    done = on.run("preview", "build", "preview.tar.gz", **nothing)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^npx --yes vercel@\S+ (.+)$", on.calls, re.MULTILINE) == ["build --yes --standalone"]
    revision = "f" * 40  # no commit of main, whose scripts deploy it
    done = on.run("preview", "up", "17", "preview.tar.gz", revision)
    assert done.returncode == 0, done.stdout + done.stderr
    assert on.vercel.deployments[-1]["meta"] == {"revision": revision, "pullRequest": "17"}
    assert on.calls.count(" build ") == 1


@pytest.mark.parametrize(
    ("planted", "message"),
    [
        ("ln -s /proc/self/environ static/page", "the build contains symbolic links"),
        (
            """echo '{"filePath\\u004dap": {"a": "/proc/self/environ"}}' >f.func/.vc-config.json""",
            "not a standalone one",
        ),
    ],
)
def test_a_build_that_would_upload_files_of_the_machine_is_refused(stage, tmp_path, planted, message):
    on = stage(name="orders-staging")
    command = f"mkdir -p output/static output/f.func && cd output && {planted} && tar -czf ../built.tar.gz -C .. output"
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    done = on.run("preview", "up", "17", str(tmp_path / "built.tar.gz"), "f" * 40)
    assert done.returncode == 1
    assert message in done.stderr
    assert not on.vercel.deployments


def test_staging_is_released_like_production_in_a_project_of_its_own(stage):
    on = stage(name="orders-staging")
    on.vercel.add("old")
    done = on.run("deploy", "staging")
    assert done.returncode == 0, done.stdout + done.stderr
    assert on.vercel.find(on.vercel.production)["meta"]["revision"] == on.revision
    assert f"Released: staging is {on.revision}" in done.stdout
    assert "Rolled back: staging runs old" in on.run("rollback", "staging").stdout


@pytest.mark.parametrize(
    ("name", "environment"), [("orders", "staging"), ("orders", "preview"), ("orders-staging", "production")]
)
def test_what_is_meant_for_one_environment_never_reaches_anothers_project(stage, name, environment):
    on = stage(name=name)
    done = on.run("deploy", environment)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: VERCEL_PROJECT_ID is the id of '{name}'")
    assert not on.vercel.deployments
    assert "npx" not in on.calls


def test_each_pull_request_has_previews_of_its_own_until_it_is_closed(stage):
    on = stage(name="orders-staging")
    output = on.folder / "output"
    done = on.run("preview", "up", "7", GITHUB_OUTPUT=str(output))
    assert done.returncode == 0, done.stdout + done.stderr
    assert output.read_text() == "url=https://orders-1.vercel.app\n"
    other = on.vercel.add(on.revision, serves=False)
    on.vercel.find(other).update(target=None, meta={"pullRequest": "8"})
    # Removed without a response: the retry gets 404, which is a success.
    on.vercel.troubles.append(Trouble("DELETE", "deployments", "cut"))
    assert on.run("preview", "down", "7").stdout == "The previews of pull request 7 are removed.\n"
    assert [item["id"] for item in on.vercel.deployments] == [other]
    assert on.run("preview", "down", "7").stdout == "Pull request 7 has no preview: nothing to remove.\n"


def test_the_first_canary_has_nobody_to_share_with(stage):
    on = stage("canary")
    done = on.run("deploy", "production")
    assert done.returncode == 0, done.stdout + done.stderr
    assert on.vercel.received("POST", "promote")
    assert not on.vercel.received("POST", "rolling-release")


def test_the_database_is_migrated_between_deployment_and_traffic(stage):
    secrets = {"DATABASE_URL": "postgres://app:hidden@127.0.0.1:2/app"}
    on = stage(language="go", services=["postgres"], real_cli=("env",), secrets=secrets)
    before = on.vercel.add("old")
    migrated = on.folder / "bin/go"
    migrated.write_text('#!/bin/sh\necho "go $*: $PULLED $DATABASE_URL" >>"$0.calls"\nexit "${MIGRATION_EXIT:-0}"\n')
    migrated.chmod(0o755)
    done = on.run("deploy", "production", MIGRATION_EXIT="1")
    assert done.returncode == 1
    assert done.stderr.endswith("error: The migration failed. Nothing was released.\n")
    assert on.vercel.production == before
    done = on.run("deploy", "production")
    assert done.returncode == 0, done.stdout + done.stderr
    call = "go run ./cmd/server migrate: production postgres://app:hidden@127.0.0.1:2/app\n"
    assert (on.folder / "bin/go.calls").read_text() == call * 2
    assert "hidden" not in done.stdout + done.stderr


# A bad release


def test_an_unhealthy_deployment_gets_no_traffic(stage):
    on = stage("canary")
    before = on.vercel.add("old")
    on.vercel.sick.add(on.revision)
    done = on.run("deploy", "production")
    assert done.returncode == 1
    assert "/health: status 503" in done.stderr
    assert done.stderr.endswith("error: The smoke test failed. Nothing was released.\n")
    assert on.vercel.production == before
    assert not on.vercel.received("POST", "promote|rolling-release|rollback")


def test_a_build_that_fails_is_not_deployed(stage):
    on = stage()
    done = on.run("deploy", "production", BUILD_EXIT="1")
    assert done.returncode == 1
    assert done.stderr.endswith("error: The build failed. Nothing was released.\n")
    assert not on.vercel.deployments


def test_a_canary_whose_requests_fail_is_aborted(stage):
    on = stage("canary", request_log=[200] * 97 + [500] * 3)
    before = on.vercel.add("old")
    done = on.run("deploy", "production")
    assert done.returncode == 1
    assert done.stderr.endswith("error: 3 of 100 requests failed, more than 1 %\n")
    assert (on.vercel.release["state"], on.vercel.production) == ("ABORTED", before)
    assert on.vercel.received("POST", "rollback") == [f"/v9/projects/prj_orders/rollback/{before}?teamId=team_acme"]
    assert not on.vercel.received("POST", "approve-stage|complete")


def test_a_canary_that_turns_bad_in_a_stage_is_aborted(stage):
    on = stage("canary")
    script = on.project / "scripts/lib/traffic.sh"
    script.write_text(script.read_text().replace("SMOKE_SECONDS=10", "SMOKE_SECONDS=0"))
    before = on.vercel.add("old")

    def turn_bad(method: str, path: str) -> None:
        if path.endswith("/approve-stage"):
            on.vercel.sick.add(on.revision)

    on.vercel.on_request = turn_bad
    done = on.run("deploy", "production")
    assert done.returncode == 1
    assert "the smoke test of https://orders-2.vercel.app failed" in done.stderr
    assert (on.vercel.release["state"], on.vercel.production) == ("ABORTED", before)


def test_a_failed_switch_is_reported(stage):
    on = stage(switch_result="failed")
    before = on.vercel.add("old")
    done = on.run("deploy", "production")
    assert done.returncode == 1
    assert done.stderr.endswith("error: Vercel did not switch the domains to dpl_2 (the switch failed)\n")
    assert on.vercel.production == before


@pytest.mark.parametrize(
    ("rolling", "message"),
    [
        (None, "Rolling Releases (Pro and Enterprise plans) are not enabled"),
        (STAGES | {"advancementType": "automatic"}, "Rolling Releases advance automatically"),
    ],
)
def test_a_canary_requires_rolling_releases_with_manual_approval(stage, rolling, message):
    on = stage("canary", rolling=rolling)
    on.vercel.add("old")
    done = on.run("deploy", "production")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {message}")
    assert "npx" not in on.calls


# Interrupted, and run again


@pytest.mark.parametrize(
    ("strategy", "moment"),
    [("blue-green", "/health"), ("blue-green", "/promote/"), ("canary", "/start")],
)
def test_an_interrupted_release_leaves_what_served_and_can_be_run_again(stage, strategy, moment):
    on = stage(strategy)
    before = on.vercel.add("old")
    started = on.start("deploy", "production", **({"STAGE_SECONDS": "60"} if strategy == "canary" else {}))
    until(lambda: moment in on.calls, 120, lambda: f"{moment} was not reached:\n{on.calls}")
    started.send_signal(signal.SIGTERM)
    out, err = started.communicate(timeout=60)
    assert started.returncode == 130, out + err
    assert on.vercel.production == before, out + err
    states = {"ABORTED"} if moment == "/start" else {None, "ABORTED"}
    assert (on.vercel.release or {}).get("state") in states
    done = on.run("deploy", "production")
    assert done.returncode == 0, done.stdout + done.stderr
    assert on.vercel.find(on.vercel.production)["meta"]["revision"] == on.revision


def test_a_switch_that_cannot_be_reverted_is_reported(stage):
    on = stage(switch_result="pending")
    on.vercel.add("old")
    library = on.project / "scripts/lib/vercel.sh"
    library.write_text(library.read_text().replace("switch_seconds=300", "switch_seconds=3"))
    started = on.start("deploy", "production")
    until(lambda: "/promote/" in on.calls, 120, lambda: f"no switch:\n{on.calls}")
    started.send_signal(signal.SIGTERM)
    out, err = started.communicate(timeout=60)
    assert started.returncode == 130, out + err
    assert "Reverting the release failed (the domains do not use dpl_2 after 3 seconds" in out


# A rollback


def test_a_rollback_returns_to_what_served_before(stage):
    on = stage()
    first = on.vercel.add("aaa")
    second = on.vercel.add("bbb", first)
    on.vercel.add("never-served", second, serves=False)
    done = on.run("rollback", "production")
    assert done.returncode == 0, done.stdout + done.stderr
    assert on.vercel.production == first
    assert "Rolled back: production runs aaa (dpl_1, https://orders-1.vercel.app)" in done.stdout
    assert "npx" not in on.calls


def test_a_release_that_was_left_by_a_rollback_is_none_to_return_to(stage):
    on = stage()
    good = on.vercel.add("good")
    on.vercel.add("bad", good)
    assert on.run("rollback", "production").returncode == 0
    on.vercel.add("worse", good)
    done = on.run("rollback", "production")
    assert done.returncode == 0, done.stdout + done.stderr
    assert on.vercel.production == good


def test_a_deployment_that_these_scripts_did_not_make_is_returned_to_by_its_age(stage):
    on = stage()
    first = on.vercel.add("aaa")
    on.vercel.add("bbb")
    assert on.run("rollback", "production").returncode == 0
    assert on.vercel.production == first


def test_a_named_deployment_is_returned_to(stage):
    on = stage()
    first = on.vercel.add("aaa")
    on.vercel.add("bbb", first)
    on.vercel.add("ccc", "dpl_2")
    assert on.run("rollback", "production", first).returncode == 0
    assert on.vercel.production == first


def test_a_rollback_that_the_plan_excludes_is_reported(stage):
    on = stage(plan="hobby")
    first = on.vercel.add("aaa")
    on.vercel.add("bbb", first)
    third = on.vercel.add("ccc", "dpl_2")
    done = on.run("rollback", "production", first)
    assert done.returncode == 1
    assert "To roll back further than the previous production deployment, upgrade to pro" in done.stderr
    assert "The Hobby plan allows only the previous deployment" in done.stderr
    assert "scripts/deploy production REVISION" in done.stderr
    assert on.vercel.production == third
    assert on.run("rollback", "production").returncode == 0
    assert on.vercel.production == "dpl_2"


def test_a_deployment_that_vercel_has_deleted_is_to_be_built_again(stage):
    on = stage()
    on.vercel.add("bbb", "dpl_gone")
    done = on.run("rollback", "production")
    assert done.returncode == 1
    assert "status 404" in done.stderr
    assert "scripts/deploy production REVISION" in done.stderr


def test_a_rollback_aborts_a_rolling_release(stage):
    on = stage("canary")
    stable = on.vercel.add("stable", "dpl_0")
    canary = on.vercel.add("canary", stable, serves=False)
    on.vercel.start({"canaryDeploymentId": canary})
    shown = on.run("status", "production")
    assert f"Rolling release: {canary} has 10 % of the traffic, {stable} the rest" in shown.stdout
    done = on.run("rollback", "production")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (on.vercel.release["state"], on.vercel.production) == ("ABORTED", stable)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["production"], "there is no previous deployment"),
        (["production", "dpl_1"], "dpl_1 is the current deployment"),
        (["production", "../../x"], "'../../x' is not a deployment id"),
        (["preview"], "'preview' has no releases"),
    ],
)
def test_a_rollback_without_a_target_is_refused(stage, arguments, message):
    on = stage()
    on.vercel.add("aaa")
    done = on.run("rollback", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {message}")
    assert not on.vercel.received("POST", "")


def test_the_status_shows_what_serves_and_what_to_return_to(stage):
    on = stage()
    assert on.run("status", "production").stdout.startswith("orders is not released yet\n")
    first = on.vercel.add("aaa")
    on.vercel.add("bbb", first)
    done = on.run("status", "production")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "orders runs bbb (dpl_2, https://orders-2.vercel.app)"
    assert "* dpl_2  bbb  2023-11-14T" in done.stdout
    assert "  dpl_1  aaa  2023-11-14T" in done.stdout


# What Vercel's API may answer


REFUSALS = [
    (401, "Vercel refuses VERCEL_TOKEN. Create a new one (status 401, Something about the request)"),
    (
        403,
        "Vercel refuses the request. Check that VERCEL_TOKEN is valid for the team and the plan includes it (status",
    ),
    (404, "Vercel did not find it. Check VERCEL_ORG_ID and VERCEL_PROJECT_ID (status 404,"),
    (418, "Vercel refuses the request (status 418,"),
]
TEMPORARY = [
    (503, "Vercel failed (status 503, Something about the request)"),
    (500, "Vercel failed (status 500, Something about the request)"),
    (429, "Vercel's rate limit is reached (status 429, Something about the request)"),
    ("garbage", "Vercel's response is invalid (status 200)"),
]


@pytest.mark.parametrize(("kind", "message"), REFUSALS)
def test_a_permanent_error_is_reported_without_a_retry(stage, kind, message):
    on = stage()
    on.vercel.troubles.append(Trouble("GET", "projects", kind, times=99))
    done = on.run("status", "production")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {message}")
    assert len(on.vercel.requests) == 1


def test_temporary_errors_are_retried(stage):
    on = stage()
    on.vercel.add("aaa")
    on.vercel.troubles += [Trouble("GET", "projects", kind) for kind, _ in TEMPORARY]
    on.vercel.troubles.append(Trouble("GET", "deployments", "cut"))
    done = on.run("status", "production")
    assert done.returncode == 0, done.stderr
    *lines, last = done.stderr.splitlines()
    assert lines == [f"{message}; retrying in 2 seconds" for _, message in TEMPORARY]
    assert last.startswith("Vercel does not respond: curl:")
    assert last.endswith("; retrying in 2 seconds")


def test_a_rate_limited_request_waits_for_retry_after(stage):
    on = stage()
    on.vercel.troubles.append(Trouble("GET", "projects", 429, headers={"Retry-After": "7"}))
    assert "retrying in 7 seconds" in on.run("status", "production").stderr


def test_retries_are_limited(stage):
    on = stage()
    on.vercel.troubles.append(Trouble("GET", "projects", 500, times=99))
    done = on.run("status", "production")
    assert done.returncode == 1
    assert "error: Vercel failed (status 500" in done.stderr
    assert len(on.vercel.requests) == 5


def test_silence_is_not_waited_for_without_end(stage):
    on = stage()
    on.vercel.troubles.append(Trouble("GET", "projects", "silence"))
    on.vercel.add("aaa")
    done = on.run("status", "production")
    assert done.returncode == 0, done.stderr
    assert "Vercel does not respond: curl: (28)" in done.stderr


@pytest.mark.parametrize("kind", ["cut", 500, "garbage"])
def test_a_switch_is_never_ordered_twice(stage, kind):
    on = stage()
    first = on.vercel.add("aaa")
    on.vercel.add("bbb", first)
    on.vercel.troubles.append(Trouble("POST", "rollback", kind))
    if kind != "cut":  # never executed: fails at the time limit
        script = on.project / "scripts/lib/vercel.sh"
        script.write_text(script.read_text().replace("switch_seconds=300", "switch_seconds=1"))
    done = on.run("rollback", "production")
    assert len(on.vercel.received("POST", "rollback")) == 1
    assert "checking whether it was executed" in done.stderr
    if kind == "cut":
        assert done.returncode == 0, done.stderr
        assert on.vercel.production == first
    else:
        assert done.returncode == 1
        assert "do not use dpl_1 after 1 seconds. See scripts/status, then run this again" in done.stderr


def test_an_unreachable_api_is_reported(stage):
    on = stage()
    curl = on.folder / "bin/curl"
    curl.write_text(re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:1", curl.read_text()))
    done = on.run("status", "production")
    assert done.returncode == 1
    assert "error: Vercel is unreachable: curl: (7)" in done.stderr


def test_a_wrong_token_is_reported_without_its_value(stage):
    on = stage()
    done = on.run("status", "production", VERCEL_TOKEN="another-token-that-stays-secret")
    assert done.returncode == 1
    assert "status 403, Not authorized" in done.stderr
    assert "another-token" not in done.stdout + done.stderr + on.calls


# Wrong use


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_missing_or_invalid_variable_is_named(stage, script):
    on = stage()
    values = ((None, "is not set"), ("a b\n", "is not valid"))
    for variable, (value, problem) in product(["VERCEL_TOKEN", "VERCEL_ORG_ID", "VERCEL_PROJECT_ID"], values):
        done = on.run(script, "production", **{variable: value})
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"error: {variable} {problem}")
    assert not on.vercel.requests


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_and_wrong_arguments_print_the_usage(stage, script):
    on = stage()
    done = on.run(script, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: scripts/{script} ")
    assert "exit codes: 0 " in done.stdout
    for arguments in ([], ["a", "b", "c"]):
        done = on.run(script, *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith(f"usage: scripts/{script} ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["testing"], "unknown environment 'testing'. Use preview, staging or production."),
        (["production", "no-such-commit"], "'no-such-commit' is not a commit of this repository"),
        (["production", "--help"], "'--help' is not a commit of this repository"),
    ],
)
def test_what_cannot_be_deployed_is_refused(stage, arguments, message):
    on = stage()
    done = on.run("deploy", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {message}")
    assert not on.vercel.requests
