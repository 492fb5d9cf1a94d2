"""What every strategy promises of a release on a real cluster; each strategy's own test file runs it."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.stage import DEPLOY_SECONDS, Stage
from tests.cluster.unreliable import unreliable
from tests.combinations import variables
from tests.load import Load
from tests.runner import Cancel, Job, load, run_job

REQUESTS_A_SECOND = 50
LOAD_SECONDS = 1200
# What a scenario has to see at least, even if its release is over sooner.
ENOUGH_REQUESTS = 1250
CONTAINER = "        - name: server\n"
NOTHING_MORE = contextlib.nullcontext()

# What an owner can do to GET /: every answer an error, or each one slow. Path, what stands there, what to put there.
WRONG = {
    "go": {
        "errors": [("internal/api/describe.go", "http.StatusOK", "http.StatusInternalServerError")],
        "slow": [
            ("internal/api/describe.go", '"net/http"\n', '"net/http"\n\t"time"\n'),
            ("internal/api/describe.go", "\t\tweb.JSON", "\t\ttime.Sleep(2500 * time.Millisecond)\n\t\tweb.JSON"),
        ],
    },
    "python": {
        "errors": [
            (
                "api/views.py",
                '    return JsonResponse({"service"',
                '    raise ValueError\n    return JsonResponse({"service"',
            )
        ],
        "slow": [
            ("api/views.py", "import jwt\n", "import time\n\nimport jwt\n"),
            (
                "api/views.py",
                '    return JsonResponse({"service"',
                '    time.sleep(2.5)\n    return JsonResponse({"service"',
            ),
        ],
    },
    "node": {
        "errors": [("src/routes/root.ts", "async () => ({", 'async () => JSON.parse("broken") ?? ({')],
        "slow": [
            (
                "src/routes/root.ts",
                "async () => ({",
                "async () => await new Promise((done) => setTimeout(done, 2500)) ?? ({",
            )
        ],
    },
}

Stages = Callable[..., Stage]


def new_stage(render, folder: Path, *, strategy: str, language: str, services: list[str], environment: str) -> Stage:
    """Return a stage with version 1.0.0 released to it for the first time, with its strategy's waits cut short."""
    name = f"{strategy}-{language}"
    project = render(language=language, services=services, strategy=strategy, project_name=name)
    stage = Stage(Path(shutil.copytree(project, folder / name, symlinks=True)), folder, environment)
    stage.set_up([variable["name"] for variable in variables(language, services) if variable.get("secret")])
    fit_to_one_machine(stage.project)
    if language == "python":
        stage.change_setting("ALLOWED_HOSTS", f"{name},127.0.0.1")
    done = stage.deploy(stage.image("1.0.0"))
    assert done.returncode == 0, done.stdout
    assert ("Migrations finished." in done.stdout) == ("postgres" in services)
    stage.open_way_in()
    stage.require_way_in()
    return stage


def fit_to_one_machine(project: Path) -> None:
    """Shorten what a release waits for to let people and their traffic have their time, and share one machine's cores.

    Its probes become patient: slow is what takes 1.5 seconds, not 0.5. Its pods reserve hardly any CPU: where those of
    all tests do not fit on the node, a release waits for CPU, and its analysis fails for want of it.
    """
    for path in (project / "deploy/base").glob("*.yaml"):
        patient = r"\1--max-p95-milliseconds=1500\1--timeout-seconds=5\g<0>"
        text = re.sub(r"(\n +- )--host=", patient, path.read_text())
        for usual, here in {
            "interval: 15s": "interval: 5s",
            "interval: 10s": "interval: 3s",
            "cpu: 100m": "cpu: 10m",
        }.items():
            text = text.replace(usual, here)
        # A canary's first pause is long enough for two failing probes. By the second the verdict is known.
        text = text.replace("pause: {duration: 2m}", "pause: {duration: 25s}", 1)
        text = text.replace("pause: {duration: 2m}", "pause: {duration: 10s}")
        path.write_text(text)


def stages_of(strategy: str):
    """Make a fixture of a strategy's stages: a function that gives that of a language, set up once per test file."""

    @pytest.fixture(scope="module")
    def stages(render, tmp_path_factory) -> Iterator[Stages]:
        ready: dict[tuple, Stage] = {}

        def stage(language: str, environment: str = "staging", services: tuple[str, ...] = ("postgres",)) -> Stage:
            if (language, environment) not in ready:
                ready[language, environment] = new_stage(
                    render,
                    tmp_path_factory.mktemp(language),
                    strategy=strategy,
                    language=language,
                    services=list(services),
                    environment=environment,
                )
            return ready[language, environment]

        yield stage
        for used in ready.values():
            used.tear_down()

    return stages


@contextlib.contextmanager
def under_load(stage: Stage, scenario: str) -> Iterator[Load]:
    """Keep a constant load on the stage, half of it on connections that are kept alive, and print what became of it."""
    began = time.monotonic()
    with Load(f"{stage.url}/", rate=REQUESTS_A_SECOND, limit_seconds=LOAD_SECONDS) as load:
        load.wait_for(REQUESTS_A_SECOND)
        yield load
        load.wait_for(REQUESTS_A_SECOND)
    print(
        f"measured: {stage.name}: {scenario}: {load.total} requests in {time.monotonic() - began:.0f} seconds, "
        f"failed: {dict(load.failures) or 0}, answers: {dict(load.answers)}"
    )


@contextlib.contextmanager
def no_request_lost(stage: Stage, scenario: str) -> Iterator[Load]:
    """Assert that each request of a constant load is answered."""
    with under_load(stage, scenario) as load:
        yield load
        load.wait_for(max(0, ENOUGH_REQUESTS - load.total))
    assert not load.failures


def versions(load: Load) -> set[str]:
    """Return the versions that answered."""
    return {json.loads(body)["version"] for body in load.answers}


def wrong_image(stage: Stage, language: str, what: str) -> str:
    """Build and push an image whose GET / is wrong; the project stays as it is."""
    with contextlib.ExitStack() as stack:
        for path, old, new in WRONG[language][what]:
            stack.enter_context(stage.edited(path, old, new))
        return stage.image(f"2.0.0-{what}")


def release_and_roll_back(
    stage: Stage,
    release: contextlib.AbstractContextManager = NOTHING_MORE,
    rollback: contextlib.AbstractContextManager = NOTHING_MORE,
) -> None:
    """Assert that a good release and its rollback lose no request, and that the right versions answer.

    The release and the rollback run inside the contexts given, which may assert more.
    """
    image = stage.image("2.0.0")
    with no_request_lost(stage, "release") as load:
        began = time.monotonic()
        with release:
            done = stage.deploy(image, URL=stage.url, VERSION="2.0.0")
        print(f"measured: {stage.name}: release took {time.monotonic() - began:.1f} seconds")
        assert done.returncode == 0, done.stdout
    assert versions(load) == {"1.0.0", "2.0.0"}
    assert stage.smoke("1.0.0").returncode == 1
    with Load(f"{stage.url}/", rate=REQUESTS_A_SECOND) as load:
        load.wait_for(REQUESTS_A_SECOND)
    assert versions(load) == {"2.0.0"}

    with no_request_lost(stage, "rollback") as load:
        began = time.monotonic()
        with rollback:
            done = stage.rollback()
        print(f"measured: {stage.name}: rollback took {time.monotonic() - began:.1f} seconds")
        assert done.returncode == 0, done.stdout
    assert versions(load) == {"1.0.0", "2.0.0"}
    assert stage.smoke("1.0.0").returncode == 0


def images_of(pods: list[dict]) -> set[str]:
    """Return what pods run."""
    return {pod["spec"]["containers"][0]["image"] for pod in pods}


def is_settled(pods: list[dict], images: set[str]) -> bool:
    """Tell whether pods run just these images, all of them ready."""
    return images_of(pods) == images and all(
        status["ready"] for pod in pods for status in pod["status"].get("containerStatuses", [{"ready": False}])
    )


class Releases:
    """The promises. A subclass sets the language, and may loosen a limit that its strategy documents."""

    language: str
    # Time until a release is ready, and dependencies that may fail during a release.
    services: tuple[str, ...] = ("postgres",)
    # Lines that a release prints at the start of each phase.
    phases: tuple[str, ...]
    # What the file is called in which the tests break a release.
    workload = "deploy/base/rollout.yaml"

    def at_the_start(self, stages: Stages) -> Stage:
        """Return the stage with version 1.0.0 running, whatever the previous test left; roll back where possible."""
        stage = stages(self.language, services=self.services)
        if stage.version() != "1.0.0":
            image = stage.image("1.0.0")
            revision = stage.revision_of(image)
            if not revision or stage.rollback(revision).returncode:
                done = stage.deploy(image)
                assert done.returncode == 0, done.stdout
        assert stage.smoke("1.0.0").returncode == 0
        return stage

    @contextlib.contextmanager
    def bad_release(self, stage: Stage, scenario: str) -> Iterator[None]:
        """Assert that users see nothing of a release that fails, and that the stage is afterwards as it was."""
        before = images_of(self.current_pods(stage))
        with no_request_lost(stage, scenario) as load:
            yield
        assert versions(load) == {"1.0.0"}
        self.assert_as_before(stage, before)

    def assert_as_before(self, stage: Stage, before: set[str]) -> None:
        deadline = time.monotonic() + 60
        while not is_settled(self.current_pods(stage), before):
            assert time.monotonic() < deadline, stage.kubectl("get", "pods")
            time.sleep(1)
        done = stage.status()
        assert done.returncode == 0, done.stdout

    def current_pods(self, stage: Stage) -> list[dict]:
        """Return the pods, without those that the strategy keeps for a while."""
        return stage.pods()

    def fails(self, done: subprocess.CompletedProcess[str], *reasons: str) -> None:
        assert done.returncode == 1, done.stdout
        for reason in reasons:
            assert reason in done.stdout, done.stdout

    def test_a_release_and_a_rollback_lose_no_request(self, stages):
        stage = self.at_the_start(stages)
        release_and_roll_back(stage, release=self.release_observed(stage), rollback=self.rollback_observed(stage))

    def release_observed(self, stage: Stage) -> contextlib.AbstractContextManager:
        """Assert during a good release what only this strategy promises."""
        return NOTHING_MORE

    def rollback_observed(self, stage: Stage) -> contextlib.AbstractContextManager:
        """Assert during a rollback what only this strategy promises."""
        return NOTHING_MORE

    def test_a_release_that_answers_errors_is_undone(self, stages):
        stage = self.at_the_start(stages)
        image = wrong_image(stage, self.language, "errors")
        with self.bad_release(stage, "errors"):
            self.fails(stage.deploy(image), '"status 500":', '"passed":false')

    def test_an_interrupted_release_is_undone(self, stages):
        """Interrupted by Ctrl-C in the first phase, in the others as GitHub's runner cancels a run."""
        stage = self.at_the_start(stages)
        before = images_of(self.current_pods(stage))
        # An image for each: of one that ran, a blue-green release can be a mere switch.
        images = {phase: stage.image(f"2.1.{number}") for number, phase in enumerate(self.phases)}
        with no_request_lost(stage, "interruptions") as requests:
            output = interrupt(stage, images[self.phases[0]], self.phases[0], signal.SIGINT)
            assert output.endswith("returncode 130"), output
            self.assert_as_before(stage, before)
            for phase in self.phases[1:]:
                job = cancel(stage, images[phase], phase)
                assert job.outcomes == {"Deploy": "cancelled", "Undo an unfinished release": "success"}, job.log()
                self.assert_as_before(stage, before)
                seconds = time.monotonic() - job.cancelled_at
                print(f"measured: {stage.name}: {phase}: as before {seconds:.0f} seconds after the cancellation")
        assert versions(requests) <= {"1.0.0", "2.1.0", "2.1.1", "2.1.2"}

    def test_the_runbooks_commands_work(self, stages):
        """They roll back: the release of the previous test, or one of its own where this test runs alone."""
        stage = stages(self.language, services=self.services)
        if stage.version() == "1.0.0":
            done = stage.deploy(stage.image("2.0.0"))
            assert done.returncode == 0, done.stdout
        released = stage.version()
        commands = runbook_commands(stage.project / "RUNBOOK.md")
        assert len(commands) >= 5
        for command in commands:
            here = command.replace("production", stage.environment)
            done = subprocess.run(["sh", "-euc", here], cwd=stage.project, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, f"{here}:\n{done.stdout}{done.stderr}"
        assert stage.version() != released
        assert stage.smoke(stage.version()).returncode == 0


class ReleasesOfAnyWorkload(Releases):
    """The promises that depend on the kind of the workload: test files of a Deployment and of a Rollout run them."""

    def test_a_release_that_was_killed_can_be_run_again(self, stages):
        """Or undone, although the cluster has completed it without the script meanwhile."""
        stage = self.at_the_start(stages)
        image, another = stage.image("2.3.0"), stage.image("2.4.0")
        with no_request_lost(stage, "killed and run again") as load:
            interrupt(stage, image, self.phases[0], signal.SIGKILL)
            outputs = [interrupt(stage, image, self.phases[-1], signal.SIGKILL)]
            self.await_cluster(stage)
            assert stage.smoke("2.3.0").returncode == 0
            done = stage.script("rollback", "--unfinished", stage.environment)
            assert done.returncode == 0, done.stdout
            outputs.append(done.stdout)
            assert stage.smoke("1.0.0").returncode == 0
            interrupt(stage, another, self.phases[-1], signal.SIGKILL)
            done = stage.deploy(another)
            assert done.returncode == 0, done.stdout
            for output in (*outputs, done.stdout):
                assert "was interrupted: continuing" in output
            assert stage.smoke("2.4.0").returncode == 0
        assert versions(load) == {"1.0.0", "2.3.0", "2.4.0"}

    def await_cluster(self, stage: Stage) -> None:
        """Return when the cluster has completed a rollout, with or without a script."""
        if "deployment" in self.workload:
            done = ("rollout", "status", f"deployment/{stage.name}", "--timeout=300s")
        else:
            done = ("wait", "--for=jsonpath={.status.phase}=Healthy", f"rollout/{stage.name}", "--timeout=300s")
        stage.kubectl(*done, seconds=310)

    def test_a_release_whose_pods_crash_is_undone(self, stages):
        """Where the migration is content but the server is not."""
        stage = self.at_the_start(stages)
        setting = f"{CONTAINER}          env: [{{name: LOG_LEVEL, value: loud}}]\n"
        with stage.edited(self.workload, CONTAINER, setting), self.bad_release(stage, "crash"):
            self.fails(
                stage.deploy(stage.image("2.0.0")),
                "crashes at its start; its last log lines:",
                "  | ",
                "LOG_LEVEL",
            )

    def test_a_release_that_is_never_ready_is_undone(self, stages):
        stage = self.at_the_start(stages)
        with (
            stage.edited(self.workload, "path: /health/ready", "path: /no-such-path"),
            stage.edited(self.workload, "progressDeadlineSeconds: 300", "progressDeadlineSeconds: 25"),
            self.bad_release(stage, "never ready"),
        ):
            self.fails(stage.deploy(stage.image("2.0.0")), "Readiness probe failed: HTTP probe failed")

    def test_a_release_that_another_actor_replaces_is_not_called_released(self, stages):
        """As `kubectl set image`, an undo, or Argo CD does, while the new pods start."""
        stage = self.at_the_start(stages)
        kind = "deployment" if "deployment" in self.workload else "rollout.argoproj.io"
        image = "jsonpath={.spec.template.spec.containers[0].image}"
        before = stage.kubectl("get", kind, stage.name, "--output", image)
        with no_request_lost(stage, "replaced") as load:
            process = stage.start("deploy", stage.environment, stage.image("2.0.0"))
            output = read_until(process, self.phases[-1])
            change = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": before}]
            stage.kubectl(
                "patch", kind, stage.name, "--field-manager=somebody", "--type=json", "--patch", json.dumps(change)
            )
            output += process.communicate(timeout=DEPLOY_SECONDS)[0]
        assert process.returncode == 1, output
        assert re.search(rf"the release was replaced: .*{re.escape(before)}, set by somebody", output), output
        assert versions(load) <= {"1.0.0", "2.0.0"}
        assert stage.kubectl("get", kind, stage.name, "--output", image) == before
        assert stage.version() == "1.0.0"
        # What an actor starts is not a completed release, to which the next tests roll back.
        done = stage.deploy(stage.image("1.0.0"))
        assert done.returncode == 0, done.stdout


class ReleasesOfAnyStrategy(ReleasesOfAnyWorkload):
    """The promises that do not depend on the strategy: one strategy's test file runs them."""

    def test_a_release_that_is_slow_is_undone(self, stages):
        stage = self.at_the_start(stages)
        image = wrong_image(stage, self.language, "slow")
        with self.bad_release(stage, "slow"):
            self.fails(stage.deploy(image), '"passed":false')

    def test_a_data_store_that_goes_away_stops_the_release_and_restarts_nothing(self, stages):
        stage = self.at_the_start(stages)
        image = stage.image("2.2.0")
        with stage.setting("READY_REQUIRES", "database,redis"):
            for store in self.services:
                with stage.edited(self.workload, "progressDeadlineSeconds: 300", "progressDeadlineSeconds: 40"):
                    process = stage.start("deploy", stage.environment, image)
                    output = read_until(process, self.phases[-1])
                    stage.kubectl("scale", f"deployment/{store}", "--replicas=0")
                    output += process.communicate(timeout=DEPLOY_SECONDS)[0]
                assert process.returncode == 1, output
                stage.kubectl("scale", f"deployment/{store}", "--replicas=1")
                stage.kubectl("rollout", "status", f"deployment/{store}", "--timeout=120s", seconds=130)
                # What was in it went with it: the migration has to run again.
                done = stage.deploy(stage.image("1.0.0"))
                assert done.returncode == 0, done.stdout
                restarts = [
                    status["restartCount"] for pod in stage.pods() for status in pod["status"]["containerStatuses"]
                ]
                assert not any(restarts)
                assert stage.smoke("1.0.0").returncode == 0

    def test_a_release_that_fails_before_its_rollout_changes_nothing(self, stages):
        """The image is missing, the migration fails, or a setting is wrong: one after another, under the same load."""
        stage = self.at_the_start(stages)
        missing = f"{next(iter(stage.images())).split('@')[0]}@sha256:{'0' * 64}"
        image = stage.image("2.0.0")
        migration = "deploy/base/migration.yaml"
        command = (stage.project / migration).read_text().split("command:\n")[1].split("envFrom:")[0].rstrip()
        last_word = command.splitlines()[-1]
        before = images_of(self.current_pods(stage))
        with self.bad_release(stage, "fails before its rollout"):
            self.fails(stage.deploy(missing), "ImagePullBackOff")
            self.assert_as_before(stage, before)
            with stage.edited(migration, f"{last_word}\n", f"{last_word}-nothing\n"):
                self.fails(stage.deploy(image), "the migration failed: ")
            self.assert_as_before(stage, before)
            with stage.setting("LOG_LEVEL", "loud"):
                self.fails(stage.deploy(image), "LOG_LEVEL", "expects one of debug, info, warn, error")

    def test_of_two_releases_at_once_one_wins(self, stages):
        stage = self.at_the_start(stages)
        first, second = stage.image("2.0.0"), stage.image("3.0.0")
        with no_request_lost(stage, "two releases at once") as load:
            processes = [stage.start("deploy", stage.environment, image) for image in (first, second)]
            outputs = [process.communicate(timeout=DEPLOY_SECONDS)[0] for process in processes]
        codes = [process.returncode for process in processes]
        assert sorted(codes) == [0, 1], outputs
        assert "another release to" in outputs[codes.index(1)]
        won = {0: "2.0.0", 1: "3.0.0"}[codes.index(0)]
        assert versions(load) == {"1.0.0", won}
        assert stage.smoke(won).returncode == 0

    def test_a_release_that_lost_its_lock_changes_nothing_more(self, stages):
        """It is suspended until another release has taken the lock."""
        stage = self.at_the_start(stages)
        first, second = stage.image("2.0.0"), stage.image("3.0.0")
        with no_request_lost(stage, "a lost lock") as load:
            process = stage.start("deploy", stage.environment, first)
            output = read_until(process, self.phases[0])
            os.killpg(process.pid, signal.SIGSTOP)
            other = stage.start("deploy", stage.environment, second)
            taken_over = read_until(other, "was interrupted: continuing")
            os.killpg(process.pid, signal.SIGCONT)
            output += process.communicate(timeout=DEPLOY_SECONDS)[0]
            taken_over += other.communicate(timeout=DEPLOY_SECONDS)[0]
        assert (process.returncode, other.returncode) == (1, 0), output + taken_over
        assert "the lock was lost" in output
        assert versions(load) == {"1.0.0", "3.0.0"}
        assert stage.smoke("3.0.0").returncode == 0

    def test_requests_to_the_api_server_that_fail_do_not_end_a_release(self, stages):
        stage = self.at_the_start(stages)
        image = stage.image("2.0.0")
        with unreliable(stage.kubeconfig) as (proxy, through), no_request_lost(stage, "failed requests"):
            process = stage.start("deploy", stage.environment, image, KUBECONFIG=str(through))
            output = read_until(process, self.phases[0])
            proxy.failing = True
            output += process.communicate(timeout=DEPLOY_SECONDS)[0]
        assert process.returncode == 0, output
        assert proxy.failed > 5
        assert stage.smoke("2.0.0").returncode == 0

    def test_a_rollback_needs_somewhere_to_go(self, stages):
        stage = self.at_the_start(stages)
        self.fails(stage.rollback("999"), "there is no revision 999")


def runbook_commands(path: Path) -> list[str]:
    """Return the commands of a runbook, those of its blocks and those of its tables, in their order."""
    found = re.findall(r"^```sh\n(.*?)^```$|`(kubectl [^`]+)`", path.read_text(), re.DOTALL | re.MULTILINE)
    return [line for block, command in found for line in (block or command).splitlines()]


def read_until(process: subprocess.Popen[str], phrase: str) -> str:
    """Return what a script prints up to the line with a phrase."""
    output = ""
    for line in process.stdout:
        output += line
        if phrase in line:
            return output
    raise AssertionError(f"the script ended without {phrase!r}:\n{output}")


def cancel(stage: Stage, image: str, phase: str) -> Job:
    """Run the pipeline's steps Deploy and Undo, and cancel the run in a phase."""
    job = load(stage.project, "pipeline.yml")["jobs"][stage.environment]
    job["steps"] = [step for step in job["steps"] if step.get("id") in ("deploy", "undo")]
    deploy = job["steps"][0]
    deploy["run"] = re.sub(r'"[^"]+@\$DIGEST"', image, deploy["run"])
    contexts = {"github": {}, "needs": {"image": {"outputs": {"digest": ""}}}}
    folder = Path(tempfile.mkdtemp(dir=stage.kubeconfig.parent))
    return run_job(
        stage.project,
        job,
        contexts,
        folder,
        environment={"KUBECONFIG": str(stage.kubeconfig)},
        cancel=Cancel("Deploy", phase),
    )


def interrupt(stage: Stage, image: str, phase: str, number: signal.Signals) -> str:
    """Start a release, interrupt it when it prints a phase; return what it printed and its exit code."""
    process = stage.start("deploy", stage.environment, image)
    output = read_until(process, phase)
    # As a terminal does: the whole group gets it.
    os.killpg(process.pid, number)
    output += process.communicate(timeout=DEPLOY_SECONDS)[0]
    return f"{output}returncode {process.returncode}"
