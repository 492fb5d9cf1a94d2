"""An environment of an emitted project on a real cluster, set up as its DEPLOYMENT.md describes."""

import concurrent.futures
import contextlib
import functools
import json
import os
import re
import secrets
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template

import pytest

from tests import containers, machine
from tests.callers import hostile_variables
from tests.combinations import ROOT
from tests.machine import REGISTRY

STORES = {"postgres": "postgres:18-trixie", "redis": "redis:8-trixie"}
DEPLOY_SECONDS = 420
# The scripts start kubectl several times a second; without garbage collection it takes a fifth less CPU.
SHORT_LIVED = {"GOGC": "off"}
# The annotations by which Deployments and Rollouts number their ReplicaSets.
REVISIONS = ("deployment.kubernetes.io/revision", "rollout.argoproj.io/revision")


def kubectl(*arguments: str, given: str | None = None, check: bool = True, seconds: int = 120) -> str:
    """Run kubectl with KUBECONFIG and return its output, or its error output if it fails and `check` is off."""
    done = subprocess.run(
        ["kubectl", *arguments],
        env=os.environ | SHORT_LIVED,
        input=given,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    if done.returncode and check:
        raise AssertionError(f"kubectl {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout if not done.returncode else done.stderr


def push(image: str) -> str:
    """Push an image of the engine to the registry that the cluster pulls from; return its name by digest."""
    containers.docker("push", "--quiet", image)
    digests = json.loads(containers.docker("inspect", "--format", "{{json .RepoDigests}}", image))
    return next(digest for digest in digests if digest.startswith(f"{image.rsplit(':', 1)[0]}@"))


@functools.cache
def store_image(store: str) -> tuple[str, str]:
    """Return the engine's image of a data store as the cluster pulls it, and the number of its user."""
    image = f"{REGISTRY}/deployment-patterns-test/{STORES[store].replace('-trixie', '')}"
    containers.docker("tag", STORES[store], image)
    uid = containers.docker("run", "--rm", "--entrypoint", "id", STORES[store], "-u", store)
    return push(image), uid


def staying(pods: list[dict]) -> list[dict]:
    """Return the pods that are not on their way out."""
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


class Stage:
    """An environment of a project, with its own data stores and an address at 127.0.0.1.

    Scripts run as the account `deployer`, which has no rights but those that the project gives it.
    """

    def __init__(self, project: Path, folder: Path, environment: str = "staging") -> None:
        self.project = project
        self.name = project.name
        self.selector = f"app.kubernetes.io/name={self.name},app.kubernetes.io/component=server"
        self.environment = environment
        self.namespace = f"{project.name}-{environment}"
        self.kubeconfig = folder / "deployer.json"
        self.health_token = secrets.token_hex(16)
        self.pushed: dict[str, str] = {}

    def kubectl(self, *arguments: str, given: str | None = None, check: bool = True, seconds: int = 120) -> str:
        return kubectl("--namespace", self.namespace, *arguments, given=given, check=check, seconds=seconds)

    def set_up(self, secret_names: list[str]) -> None:
        """Do what DEPLOYMENT.md asks for once."""
        overlay = self.project / "deploy/overlays" / self.environment
        kubectl("delete", "namespace", self.namespace, "--ignore-not-found", "--wait", seconds=180)
        kubectl("apply", "--filename", str(overlay / "namespace.yaml"))
        self.kubectl("apply", "--filename", str(self.project / "deploy/deployer.yaml"))
        password = secrets.token_hex(16)
        values = {name: secrets.token_hex(32) for name in secret_names} | {"HEALTH_TOKEN": self.health_token}
        if "DATABASE_URL" in values:
            values["DATABASE_URL"] = f"postgres://app:{password}@postgres:5432/app"
            self.start_store("postgres", password)
        if "REDIS_URL" in values:
            values["REDIS_URL"] = "redis://redis:6379/0"
            self.start_store("redis", password)
        literals = [f"--from-literal={name}={value}" for name, value in values.items()]
        self.kubectl("create", "secret", "generic", self.name, *literals)
        self.write_kubeconfig()

    def start_store(self, store: str, password: str) -> None:
        """Start a data store of the environment's own and wait until it answers."""
        image, uid = store_image(store)
        template = Template((ROOT / f"tests/cluster/{store}.yaml").read_text())
        manifest = template.safe_substitute(image=image, uid=uid, password=password)
        self.kubectl("apply", "--filename", "-", given=manifest)
        self.kubectl("rollout", "status", f"deployment/{store}", "--timeout=120s", seconds=130)

    def write_kubeconfig(self) -> None:
        """Let the project's scripts act as its deployer."""
        config = json.loads(kubectl("config", "view", "--raw", "--minify", "--flatten", "--output", "json"))
        config["users"][0]["user"] = {"token": self.kubectl("create", "token", "deployer", "--duration=1h").strip()}
        self.kubeconfig.write_text(json.dumps(config))

    def open_way_in(self) -> None:
        """Reach the Service that everybody uses at a NodePort; NODE_PORT asks for a certain one."""
        port = {"name": "http", "port": 80, "targetPort": "http"}
        if "NODE_PORT" in os.environ:
            port["nodePort"] = int(os.environ["NODE_PORT"])
        self.kubectl(
            "patch", "service", self.name, "--patch", json.dumps({"spec": {"type": "NodePort", "ports": [port]}})
        )
        node_port = self.kubectl("get", "service", self.name, "--output", "jsonpath={.spec.ports[0].nodePort}")
        self.url = f"http://127.0.0.1:{node_port}"

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a part of one of the project's files, which has to be there."""
        file = self.project / path
        text = file.read_text()
        assert old in text, f"{path} does not contain {old!r}"
        file.write_text(text.replace(old, new))

    @contextlib.contextmanager
    def edited(self, path: str, old: str, new: str) -> Iterator[None]:
        """Replace a part of one of the project's files for a while."""
        file = self.project / path
        text = file.read_text()
        self.edit(path, old, new)
        try:
            yield
        finally:
            file.write_text(text)

    def change_setting(self, name: str, value: str) -> None:
        """Change a setting of the environment, as the project's owner does."""
        path = self.project / "deploy/overlays" / self.environment / "settings.env"
        lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{name}=")]
        path.write_text("\n".join([*lines, f"{name}={value}"]) + "\n")

    @contextlib.contextmanager
    def setting(self, name: str, value: str) -> Iterator[None]:
        """Change a setting of the environment for a while."""
        path = self.project / "deploy/overlays" / self.environment / "settings.env"
        text = path.read_text()
        self.change_setting(name, value)
        try:
            yield
        finally:
            path.write_text(text)

    def image(self, version: str) -> str:
        """Build the project's image as a version and push it, once; return its name by digest."""
        if version not in self.pushed:
            tag = f"{REGISTRY}/deployment-patterns-test/{self.name}"
            self.pushed[version] = push(containers.build(self.project, tag, version))
        return self.pushed[version]

    def script(self, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of the project's scripts as its deployer; what it prints is all in stdout."""
        with self.start(name, *arguments, **variables) as process:
            try:
                output, _ = process.communicate(timeout=DEPLOY_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def start(self, name: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start one of the project's scripts in a process group of its own, as a terminal or a pipeline does."""
        return subprocess.Popen(
            [self.project / "scripts" / name, *arguments],
            env={
                **os.environ,
                **SHORT_LIVED,
                **hostile_variables(self.project),
                "KUBECONFIG": str(self.kubeconfig),
                "HEALTH_TOKEN": self.health_token,
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def deploy(self, image: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.script("deploy", self.environment, image, **variables)

    def rollback(self, *revision: str) -> subprocess.CompletedProcess[str]:
        return self.script("rollback", self.environment, *revision)

    def smoke(self, version: str) -> subprocess.CompletedProcess[str]:
        return self.script("smoke", self.url, version)

    def version(self) -> str:
        """Return the version that answers."""
        with urllib.request.urlopen(f"{self.url}/", timeout=10) as response:
            return json.load(response)["version"]

    def status(self) -> subprocess.CompletedProcess[str]:
        return self.script("status", self.environment)

    def pods(self) -> list[dict]:
        """Return the server's pods that are not on their way out."""
        items = json.loads(self.kubectl("get", "pods", "--selector", self.selector, "--output", "json"))["items"]
        return staying(items)

    @contextlib.contextmanager
    def watched(self, resource: str, selector: str, read: Callable[[list[dict]], None]) -> Iterator[None]:
        """Call a function with a selector's objects, as they are and after each change, during a block.

        What the function raises is raised at the end of the block.
        """
        query = ("get", resource, "--selector", selector)
        names = set(self.kubectl(*query, "--output", "name").replace("/", " ").split()[1::2])
        watch = ("--watch", "--output-watch-events", "--output", 'jsonpath={}{"\\n"}')
        process = subprocess.Popen(["kubectl", "--namespace", self.namespace, *query, *watch], stdout=subprocess.PIPE)

        def follow() -> None:
            objects = {}
            for event in map(json.loads, process.stdout):
                name = event["object"]["metadata"]["name"]
                if event["type"] == "DELETED":
                    objects.pop(name, None)
                else:
                    objects[name] = event["object"]
                names.discard(name)
                if not names:  # the first events list what is there
                    read(list(objects.values()))

        with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
            following = pool.submit(follow)
            try:
                yield
                assert process.poll() is None, "kubectl stopped watching"
            finally:
                process.terminate()
                process.wait()
            following.result()

    def images(self) -> set[str]:
        """Return what the server's pods run."""
        return {pod["spec"]["containers"][0]["image"] for pod in self.pods()}

    def revision_of(self, image: str) -> str:
        """Return the newest revision that runs an image; nothing where the cluster keeps none."""
        found = []
        query = ("get", "replicasets", "--selector", self.selector, "--output", "json")
        for item in json.loads(self.kubectl(*query))["items"]:
            if item["spec"]["template"]["spec"]["containers"][0]["image"] == image:
                annotations = item["metadata"].get("annotations", {})
                found += [int(annotations[name]) for name in REVISIONS if name in annotations]
        return str(max(found, default=""))

    def evict(self, pod: str) -> bool:
        """Ask for a pod's eviction; return whether the disruption budget allows it."""
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": self.namespace},
        }
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction"
        answer = kubectl("create", "--raw", path, "--filename", "-", given=json.dumps(eviction), check=False)
        assert "Success" in answer or re.search("disruption budget", answer), answer
        return "Success" in answer

    def wait_for_budget(self, seconds: int = 120) -> None:
        """Return when the disruption budget allows the next eviction."""
        deadline = time.monotonic() + seconds
        query = ("get", "poddisruptionbudget", self.name, "--output", "jsonpath={.status.disruptionsAllowed}")
        while self.kubectl(*query) != "1":
            assert time.monotonic() < deadline, self.kubectl("get", "pods")
            time.sleep(1)

    def require_way_in(self) -> None:
        """Skip the test where NodePorts of the cluster are not reached at 127.0.0.1 (kind: extraPortMappings)."""
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=5).close()
            except OSError as error:
                problem = f"the cluster's NodePorts are not reached at 127.0.0.1 (NODE_PORT chooses one): {error}"
            else:
                return
            if time.monotonic() > deadline:
                (pytest.fail if "cluster" in machine.required() else pytest.skip)(problem)
            time.sleep(1)

    def tear_down(self) -> None:
        kubectl("delete", "namespace", self.namespace, "--ignore-not-found", "--wait=false")
