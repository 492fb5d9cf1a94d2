"""Promise: the scripts for Railway release, undo, roll back and say why not, whatever its API answers."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.callers import hostile_variables
from tests.railway import api
from tests.railway.api import TOKEN, Railway

SCRIPTS = ["deploy", "rollback", "status", "configure"]
IMAGE = "ghcr.io/example/orders@sha256:"
OLDEST, OLD, NEW = (IMAGE + digit * 64 for digit in "123")
BAD = ["INITIALIZING", "FAILED"]

Run = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="there is no curl or no jq")


@pytest.fixture(scope="module")
def project(render) -> Path:
    return render(platform="railway", language="go", services=["postgres"], project_name="orders")


@pytest.fixture
def railway() -> Iterator[Railway]:
    """Return the platform with a release that serves and one before it; no request may break its schema."""
    stand_in = Railway()
    stand_in.ran(OLDEST, "REMOVED")
    stand_in.ran(OLD, "SUCCESS")
    yield stand_in
    assert stand_in.problems == []


@pytest.fixture
def environment(railway, project, tmp_path) -> Iterator[dict[str, str]]:
    """Return variables that lead the scripts to the stand-in, where nobody sleeps for long."""
    server = api.serve(railway)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sleep").write_text('#!/bin/sh\necho "$1" >>"$SLEPT"\nexec /bin/sleep 0.02\n')
    (programs / "sleep").chmod(0o755)
    yield {
        **hostile_variables(project),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "SLEPT": str(tmp_path / "slept"),
        "RAILWAY_API_URL": f"http://127.0.0.1:{server.server_port}/graphql/v2",
        "RAILWAY_TOKEN": TOKEN,
        "HOME": str(tmp_path),
    }
    server.shutdown()


@pytest.fixture
def run(project, environment, tmp_path) -> Run:
    """Return a function that runs a script and sees to it that the token is not printed."""

    def run(script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [project / "scripts" / script, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, env={**environment, **variables}, cwd=tmp_path
        )
        assert TOKEN not in done.stdout + done.stderr
        assert api.SECRET not in done.stdout + done.stderr
        return done

    return run


def images(railway: Railway) -> list[str]:
    return [deployment.image for deployment in railway.serving]


def record_calls_of_curl(tmp_path: Path) -> None:
    """Record the arguments of each call of curl in the file `calls`."""
    curl = tmp_path / "bin/curl"
    curl.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{tmp_path}/calls\nexec {shutil.which("curl")} "$@"\n')
    curl.chmod(0o755)


# Arguments


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_printed(run, script):
    done = run(script, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: scripts/{script} ENVIRONMENT")
    assert "exit codes: 0 " in done.stdout


@pytest.mark.parametrize("arguments", [[], ["a", "b", "c"]], ids=len)
@pytest.mark.parametrize("script", SCRIPTS)
def test_wrong_arguments_show_the_usage(run, script, arguments):
    done = run(script, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"usage: scripts/{script} ")


@pytest.mark.parametrize("image", ["ghcr.io/a/b:1", "ghcr.io/a/b", f"{IMAGE}123", f"@sha256:{'0' * 64}", f'{NEW}"}}'])
def test_only_an_image_by_digest_is_deployed(run, railway, image):
    done = run("deploy", "staging", image)
    assert done.returncode == 2
    assert "is not an image with a digest" in done.stderr
    assert railway.operations == []


@pytest.mark.parametrize(
    ("environment_name", "variables", "message"),
    [
        ("../base", {}, "'../base' is not a valid environment name"),
        ("", {}, "'' is not a valid environment name"),
        ("production", {}, "RAILWAY_TOKEN belongs to the environment 'staging', not to 'production'"),
        ("staging", {"RAILWAY_TOKEN": ""}, "RAILWAY_TOKEN is not set"),
        ("staging", {"RAILWAY_TOKEN": "a\nb"}, "RAILWAY_TOKEN is not a token"),
        ("staging", {"RAILWAY_TOKEN": "another"}, "Railway refuses RAILWAY_TOKEN"),
        ("staging", {"RAILWAY_API_URL": "http://127.0.0.1:1"}, "Railway is unreachable: curl: (7)"),
    ],
)
def test_what_is_set_up_wrongly_is_named(run, railway, environment_name, variables, message):
    done = run("deploy", environment_name, NEW, **variables)
    assert done.returncode == 1
    assert message in done.stderr
    assert images(railway) == [OLD]


@pytest.mark.parametrize("script", ["rollback", "status"])
def test_each_script_refuses_the_token_of_another_environment(run, railway, script):
    done = run(script, "production")
    assert done.returncode == 1
    assert "RAILWAY_TOKEN belongs to the environment 'staging', not to 'production'" in done.stderr
    assert railway.operations == ["token"]


def test_a_service_that_is_not_there_is_named(run, railway):
    railway.service = "invoices"
    done = run("deploy", "staging", NEW)
    assert done.returncode == 1
    assert "the environment 'staging' has no service 'orders'" in done.stderr


# Releases


def test_a_release(run, railway, tmp_path):
    record_calls_of_curl(tmp_path)
    railway.next = [["INITIALIZING", "DEPLOYING", "DEPLOYING", "SUCCESS"]]
    done = run("deploy", "staging", NEW)
    assert done.returncode == 0, done.stderr
    assert images(railway) == [NEW]
    assert railway.source == NEW
    lines = done.stdout.splitlines()
    assert lines[0] == f"Releasing {NEW} to staging"
    assert [line.split(": ")[1] for line in lines if line.startswith("deployment ")] == [
        "DEPLOYING",
        "SUCCESS",
        "SUCCESS",
    ]
    assert lines[-1] == f"Released: staging runs {NEW}"
    calls = (tmp_path / "calls").read_text()
    assert "graphql" in calls
    assert TOKEN not in calls, "everyone on the machine can read the arguments of a process"


def test_the_first_release(run, railway):
    railway.deployments.clear()
    assert run("deploy", "staging", NEW).returncode == 0
    assert images(railway) == [NEW]


@pytest.mark.parametrize(
    ("plays", "message"),
    [
        (BAD, "failed: the migration failed, the image could not be pulled, or /health/ready"),
        (["QUEUED", "NEEDS_APPROVAL"], "waits for an approval"),
        (["INITIALIZING", "SKIPPED"], "was removed or replaced"),
    ],
)
def test_a_bad_release_keeps_the_previous_release(run, railway, plays, message):
    railway.next = [plays]
    done = run("deploy", "staging", NEW)
    assert done.returncode == 1
    assert message in done.stderr
    assert "  | line 1" in done.stderr
    assert images(railway) == [OLD]
    assert railway.source == OLD, "the next deployment would run the failed image"
    assert f"The previous release keeps serving: {OLD}" in done.stdout
    assert "rollback" not in railway.operations


def test_a_release_that_crashes_after_the_switch_is_rolled_back(run, railway):
    railway.next = [["DEPLOYING", "SUCCESS", "CRASHED"]]
    done = run("deploy", "staging", NEW)
    assert done.returncode == 1
    assert "crashed" in done.stderr
    assert "Reverted to the previous release." in done.stdout
    assert "rollback" in railway.operations
    assert images(railway) == [OLD]
    assert railway.source == OLD


def test_a_release_that_never_comes_up_ends(run, railway, environment, tmp_path):
    railway.next = [["DEPLOYING"]]
    now = tmp_path / "now"
    now.write_text("1000")
    date = tmp_path / "bin/date"
    date.write_text(f"#!/bin/sh\nnow=$(($(cat {now}) + 500))\necho $now | tee {now}\n")
    date.chmod(0o755)
    done = run("deploy", "staging", NEW)
    assert done.returncode == 1
    assert "is still DEPLOYING after 1200 seconds" in done.stderr
    assert "cancel" in railway.operations
    assert images(railway) == [OLD]
    assert railway.source == OLD


def test_a_first_release_that_fails_has_nothing_to_return_to(run, railway):
    railway.deployments.clear()
    railway.next = [BAD]
    done = run("deploy", "staging", NEW)
    assert done.returncode == 1
    assert "There is no previous release to revert to" in done.stdout


# Rollbacks


def test_a_rollback_within_the_retention(run, railway):
    railway.deployments[0].variables = "its own"
    done = run("rollback", "staging")
    assert done.returncode == 0, done.stderr
    assert images(railway) == [OLDEST]
    assert railway.serving[0].variables == "its own"
    assert railway.source == OLDEST
    assert "Railway keeps the image of deployment deployment-1: restoring it with its variables" in done.stdout
    assert "Revert the change on the main branch" in done.stdout
    assert "database did not change" in done.stdout


def test_a_rollback_by_id_beyond_the_retention_deploys_the_image_again(run, railway):
    railway.deployments[0].kept = False
    railway.deployments[0].variables = "its own"
    railway.deployments[1].status = "REMOVED"
    railway.ran(NEW, "SUCCESS")
    done = run("rollback", "staging", "deployment-1")
    assert done.returncode == 0, done.stderr
    assert images(railway) == [OLDEST]
    assert railway.serving[0].variables == "present"
    assert "Railway no longer keeps the image of deployment deployment-1" in done.stdout
    assert "Deploying the image by digest with the current variables" in done.stdout
    assert "rollback" not in railway.operations


def test_a_rollback_that_the_token_may_not_do_deploys_the_image_again(run, railway):
    railway.faults = [("rollback", api.refusal("Not Authorized"))]
    done = run("rollback", "staging")
    assert done.returncode == 0, done.stderr
    assert "Railway refuses RAILWAY_TOKEN" in done.stdout
    assert images(railway) == [OLDEST]


def test_a_rollback_never_returns_to_a_release_that_was_left(run, railway):
    railway.deployments[1].status = "REMOVED"
    railway.ran(NEW, "REMOVED")
    railway.ran(OLD, "SUCCESS")  # by a rollback
    assert run("rollback", "staging").returncode == 0
    assert images(railway) == [OLDEST]
    done = run("rollback", "staging")
    assert done.returncode == 1
    assert "no previous release is known" in done.stderr


def test_a_rollback_from_a_crashed_release_skips_what_failed(run, railway):
    railway.deployments[1].status = "CRASHED"
    railway.ran(NEW, "FAILED")
    assert run("rollback", "staging").returncode == 0
    assert images(railway) == [OLDEST]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("deployment-2", "deployment deployment-2 is the current one"),
        ("deployment-9", "there is no deployment deployment-9"),
        ("a'b", "is not a deployment id"),
    ],
)
def test_a_wrong_target_is_refused(run, railway, target, message):
    done = run("rollback", "staging", target)
    assert done.returncode == 1
    assert message in done.stderr
    assert images(railway) == [OLD]


def test_a_rollback_that_fails_says_so(run, railway):
    railway.next = [["INITIALIZING", "REMOVED"]]
    done = run("rollback", "staging")
    assert done.returncode == 1
    assert "was removed or replaced" in done.stderr
    assert images(railway) == [OLD]


# Status


def test_status_shows_what_runs(run, railway):
    done = run("status", "staging")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["orders in staging", "https://orders.up.railway.app"]
    assert [line.split() for line in lines[4:]] == [
        ["deployment-2", "2026-11-25T10:00:02.000Z", "SUCCESS", "yes", OLD],
        ["deployment-1", "2026-11-25T10:00:01.000Z", "REMOVED", "yes", OLDEST],
    ]


@pytest.mark.parametrize(("state", "message"), [("CRASHED", "crashed"), ("FAILED", "nothing serves")])
def test_status_says_that_nothing_serves(run, railway, state, message):
    railway.deployments[1].status = state
    done = run("status", "staging")
    assert done.returncode == 1
    assert message in done.stderr


# The API's errors


PERMANENT = [
    (api.status(401), "Railway refuses RAILWAY_TOKEN (status 401)"),
    (api.status(403, "<html>"), "(status 403)"),
    (api.refusal("Not Authorized"), "(status 200, Not Authorized)"),
    (api.status(404), "there is no Railway API at http://127.0.0.1"),
    (api.status(400, '{"errors": [{"message": "Bad input"}]}'), "Railway refuses the request (status 400): Bad input"),
    (api.refusal("Service not found"), "Railway refuses the request (status 200): Service not found"),
    (api.refusal(f"Token {TOKEN} is odd"), "(a message that contains the token)"),
    (api.status(429, retry_after="3600"), "Railway's rate limit for this token is reached (status 429)"),
]
TEMPORARY = [
    (api.status(429, retry_after="7"), "rate limit for this token is reached (status 429); retrying in 7 seconds"),
    (api.refusal("Rate limit exceeded"), "rate limit for this token is reached"),
    (api.status(503, "<html>"), "(status 503)"),
    (api.status(500), "Railway failed (status 500); retrying in 2 seconds"),
    (api.refusal("Problem processing request"), "Railway failed (status 200, Problem processing request)"),
    (api.cut, "Railway does not respond: curl: (52)"),
    (api.status(200, "<html>down for maintenance"), "Railway's response is invalid (status 200)"),
    (api.status(200, "{}"), "response is invalid"),
    (api.status(200, '{"data": nul'), "response is invalid"),
]


@pytest.mark.parametrize(("fault", "message"), PERMANENT)
def test_a_permanent_error_is_reported_without_a_retry(run, railway, fault, message):
    railway.faults = [("token", fault)]
    done = run("status", "staging")
    assert done.returncode == 1
    assert message in done.stderr
    assert "retrying" not in done.stderr
    assert railway.operations == ["token"]


@pytest.mark.parametrize("operation", ["image", "deploy", "status"])
def test_a_permanent_error_reverts_the_release(run, railway, operation):
    fault, message = PERMANENT[0]
    railway.faults = [(operation, fault)]
    done = run("deploy", "staging", NEW)
    assert done.returncode == 1
    assert message in done.stderr
    assert images(railway) == [OLD]
    assert railway.source == OLD
    assert "retrying" not in done.stderr


def test_temporary_errors_are_retried(run, railway):
    operations = ["token"] * 3 + ["services"] * 3 + ["history"] * 3
    railway.faults = [(name, fault) for name, (fault, _) in zip(operations, TEMPORARY, strict=True)]
    done = run("status", "staging")
    assert done.returncode == 0, done.stderr
    for (_, message), line in zip(TEMPORARY, done.stderr.splitlines(), strict=True):
        assert message in line
        assert "; retrying in " in line
    assert railway.faults == []


def test_temporary_errors_do_not_stop_a_release(run, railway):
    fault, message = TEMPORARY[0]
    railway.faults = [(operation, fault) for operation in ("image", "deploy", *["status"] * 4)]
    done = run("deploy", "staging", NEW)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(message) == 6
    assert railway.operations.count("deploy") == 2
    assert images(railway) == [NEW]
    assert railway.faults == []
    assert len(railway.deployments) == 3


def test_retries_are_limited(run, railway, environment):
    railway.faults = [("history", api.status(502))] * 5
    done = run("deploy", "staging", NEW)
    assert done.returncode == 1
    assert "error: Railway failed (status 502)" in done.stderr
    assert Path(environment["SLEPT"]).read_text().split() == ["2", "4", "8", "16"]
    assert "deploy" not in railway.operations


def test_a_deploy_that_may_have_been_executed_is_not_repeated(run, railway):
    railway.faults = [("deploy", api.cut_after)]
    done = run("deploy", "staging", NEW)
    assert done.returncode == 0, done.stderr
    assert railway.operations.count("deploy") == 1
    assert images(railway) == [NEW]
    assert len(railway.deployments) == 3


def test_a_rollback_that_was_not_executed_is_not_repeated(run, railway):
    railway.faults = [("rollback", api.cut)]
    done = run("rollback", "staging")
    assert done.returncode == 1
    assert "Railway started no deployment. Railway does not respond" in done.stderr
    assert railway.operations.count("rollback") == 1
    assert "deploy" not in railway.operations
    assert images(railway) == [OLD]


def test_a_platform_that_is_away_while_it_deploys_is_told(run, railway):
    railway.faults = [("status", api.status(503))] * 5 + [("history", api.status(503))] * 5
    done = run("deploy", "staging", NEW)
    assert done.returncode == 1
    assert "The release may be incomplete. Run this again." in done.stdout
    done = run("deploy", "staging", NEW)
    assert done.returncode == 0, done.stderr
    assert "Waiting for the deployment" in done.stdout
    assert railway.operations.count("deploy") == 1
    assert images(railway) == [NEW]


def test_an_answer_that_never_comes_is_given_up(run, railway, tmp_path):
    """The scripts wait for half a minute; here it is a second."""
    curl = tmp_path / "bin/curl"
    lines = ["#!/bin/sh", "for argument; do", "  shift", '  [ "$argument" != 30 ] || argument=1']
    lines += ['  set -- "$@" "$argument"', "done", f'exec {shutil.which("curl")} "$@"', ""]
    curl.write_text("\n".join(lines))
    curl.chmod(0o755)
    railway.faults = [("token", api.hang(1.5))]
    done = run("status", "staging")
    assert done.returncode == 0, done.stderr
    assert "Railway does not respond: curl: (28)" in done.stderr


# Secrets and interruptions


def test_an_interrupted_release_is_undone_and_can_be_run_again(project, environment, railway, run):
    command = [project / "scripts/deploy", "staging", NEW]
    for number in (signal.SIGINT, signal.SIGTERM):
        railway.next = [["INITIALIZING"] + ["DEPLOYING"] * 10_000]
        railway.operations.clear()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
        deadline = time.monotonic() + 20
        while railway.operations.count("status") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, number)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Interrupted." in output
        assert f"The previous release keeps serving: {OLD}" in output
        assert images(railway) == [OLD]
        assert railway.source == OLD
        assert not [deployment for deployment in railway.deployments if deployment.status in api.UNDER_WAY]
    assert run("deploy", "staging", NEW).returncode == 0
    assert images(railway) == [NEW]


def test_an_interruption_after_the_switch_returns_to_the_release_before(project, environment, railway):
    command = [project / "scripts/deploy", "staging", NEW]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def interrupt(deployment) -> None:
        if deployment.status == "SUCCESS" and deployment.image == NEW:
            railway.on_status = lambda _: None
            os.killpg(process.pid, signal.SIGTERM)

    railway.on_status = interrupt
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Reverted to the previous release." in output
    assert images(railway) == [OLD]
    assert railway.source == OLD


def test_an_interruption_while_it_is_being_started_leaves_no_deployment_behind(project, environment, railway):
    command = [project / "scripts/deploy", "staging", NEW]

    def carry_out_and_interrupt(carry_out) -> None:
        carry_out()
        os.killpg(process.pid, signal.SIGTERM)

    railway.next = [["INITIALIZING"] + ["DEPLOYING"] * 10_000]
    railway.faults = [("deploy", carry_out_and_interrupt)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert images(railway) == [OLD]
    assert not [deployment for deployment in railway.deployments if deployment.status in api.UNDER_WAY]


# Previews


@pytest.mark.parametrize(
    "arguments", [[], ["up"], ["up", "7"], ["down"], ["down", "7", NEW], ["sideways", "7"], ["down", "seven"]]
)
def test_a_preview_requires_its_arguments(run, railway, arguments):
    done = run("preview", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(("usage: scripts/preview ", "error: 'seven' is not"))
    assert railway.operations == []


def test_a_preview_is_shown_and_stopped(run, railway):
    railway.environment = "preview"
    done = run("preview", "up", "7", NEW)
    assert done.returncode == 0, done.stderr
    assert images(railway) == [NEW]
    done = run("preview", "down", "6")
    assert (done.returncode, done.stdout) == (0, "The preview is not of pull request 6, but of 7: nothing to stop.\n")
    assert images(railway) == [NEW]
    assert run("preview", "down", "7").stdout == "The preview of pull request 7 is stopped.\n"
    assert images(railway) == []
    assert run("preview", "down", "7").returncode == 0


def test_a_preview_never_touches_another_environment(run, railway):
    done = run("preview", "up", "7", NEW)
    assert done.returncode == 1
    assert "RAILWAY_TOKEN belongs to the environment 'staging', not to 'preview'" in done.stderr
    assert images(railway) == [OLD]


# Configuration


@pytest.mark.parametrize(
    ("arguments", "image"), [(["staging"], OLD), (["staging", NEW], NEW)], ids=["as-released", "first"]
)
def test_configure_tells_the_cli_what_is_released_where(run, environment, tmp_path, arguments, image):
    for name, text in {"npm": "", "railway": 'echo "$* $ENVIRONMENT $IMAGE"'}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    done = run("configure", *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"config apply staging {image}\n"


def test_configure_refuses_the_token_of_another_environment(run, tmp_path):
    for name in ("npm", "railway"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\necho called\n")
        (tmp_path / "bin" / name).chmod(0o755)
    done = run("configure", "production", NEW)
    assert done.returncode == 1
    assert "belongs to the environment 'staging'" in done.stderr
    assert "called" not in done.stdout
