import contextlib
import io
import secrets
import tarfile
import tempfile
import time
from dockerfile_parse import DockerfileParser

# --- The Dockerfile ---

DOCKERFILE = "Dockerfile"


@dataclass(frozen=True)
class Instruction:
    """An instruction of the Dockerfile, with its line and the number of its stage from 0."""

    name: str
    value: str
    line: int
    stage: int

    @property
    def place(self) -> Place:
        """Where it stands."""
        return DOCKERFILE, self.line

    @property
    def words(self) -> list[str] | None:
        """The command in exec form, None where it is in shell form."""
        with contextlib.suppress(ValueError):
            found = json.loads(self.value[self.value.index("[") :])
            return found if isinstance(found, list) else None
        return None


def instructions(repository: Repository) -> list[Instruction]:
    """Return the instructions of the Dockerfile."""
    parser = DockerfileParser(fileobj=io.BytesIO(repository.text(DOCKERFILE).encode()))
    found, stage = [], -1
    for entry in parser.structure:
        if entry["instruction"] != "COMMENT":
            stage += entry["instruction"] == "FROM"
            found.append(Instruction(entry["instruction"], entry["value"], entry["startline"] + 1, stage))
    return found


def last_stage(repository: Repository, *names: str) -> list[Instruction]:
    """Return the instructions of these names in the stage that becomes the image."""
    found = instructions(repository)
    return [entry for entry in found if entry.stage == found[-1].stage and entry.name in names]


@check
def multi_stage(repository: Repository) -> Findings:
    starts = [entry for entry in instructions(repository) if entry.name == "FROM"]
    copied = [entry for entry in last_stage(repository, "COPY") if "--from=" in entry.value]
    seen = f"{len(starts)} stages, {len(copied)} of them copied from by the last"
    yield verdict(len(starts) > 1 and copied, seen, "a stage that builds and one that runs", starts[-1].place)


@check
def base_images_tagged(repository: Repository) -> Findings:
    stages = {"scratch"}
    for entry in instructions(repository):
        if entry.name == "FROM":
            words = [word for word in entry.value.split() if not word.startswith("--")]
            tag = words[0].partition("@")[0].rpartition("/")[2].partition(":")[2]
            is_named = words[0] in stages or "@sha256:" in words[0] or (tag and tag != "latest")
            yield verdict(is_named, f"FROM {words[0]}", "a version as tag, or a digest", entry.place)
            stages.add(words[-1])


def is_numeric(user: str) -> bool:
    """Tell whether a user is given as a number, and is not root."""
    return bool(re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", user))


@check
def numeric_user(repository: Repository) -> Findings:
    users = last_stage(repository, "USER")
    last = users[-1] if users else instructions(repository)[-1]
    seen = f"USER {last.value}" if users else "USER is missing"
    yield verdict(users and is_numeric(last.value), seen, "a number that is not 0", last.place)


@check
def exec_form(repository: Repository) -> Findings:
    for entry in last_stage(repository, "ENTRYPOINT", "CMD"):
        program = entry.words
        is_direct = program is not None and (not program or program[0].rpartition("/")[2] not in {"sh", "bash", "npm"})
        yield verdict(is_direct, f"{entry.name} {entry.value}", "the program itself as a list of words", entry.place)


@check
def own_healthcheck(repository: Repository) -> Findings:
    found = last_stage(repository, "HEALTHCHECK")
    last = found[-1] if found else instructions(repository)[-1]
    words = last.words if found else None
    is_own = words and not {word.rpartition("/")[2] for word in words} & {"curl", "wget", "sh", "bash"}
    seen = f"HEALTHCHECK {' '.join(words)}" if words else "HEALTHCHECK is missing or in shell form"
    yield verdict(is_own, seen, "a command of the service's own", last.place)


@check
def no_secrets_in_image(repository: Repository) -> Findings:
    for entry in instructions(repository):
        if entry.name in {"ARG", "ENV", "COPY", "ADD"}:
            names = re.findall(r"(?:^|\s)(\w+)=", entry.value) if entry.name != "ARG" else entry.value.split("=")[:1]
            named = [name for name in names if SECRET_NAME.search(name)]
            copied = entry.name in {"COPY", "ADD"} and re.search(r"(^|\s)\.env\b", entry.value)
            yield verdict(not named and not copied, f"{entry.name} {entry.value[:60]}", "no secret", entry.place)


@check
def runs_read_only(repository: Repository) -> Findings:
    file = "compose.yaml"
    services = at(repository.documents(file), 0, "services", default={})
    for name, service in services.items():
        if "build" in service:
            is_read_only, dropped = service.get("read_only", False), service.get("cap_drop", [])
            seen = f"{name}: read_only {shown(is_read_only)}, cap_drop {', '.join(dropped) or 'nothing'}"
            is_strict = is_read_only is True and list(dropped) == ["ALL"]
            yield verdict(is_strict, seen, "true and ALL, as in production", (file, line_of(services, name)))


# --- The image itself ---

START_SECONDS = 60
EXIT_CONFIG = 78
RESTRICTED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true")

# What is in an image by mistake: names of files, and what a small file of the service must not contain.
SECRET_FILES = re.compile(
    r"(^|/)(\.env(\.(?!example$)\w+)?|\.git/config|id_(rsa|ed25519|ecdsa)|\.netrc|\.docker/config\.json|kubeconfig)$"
)
SYSTEM_FILES = re.compile(r"^(usr|lib|etc|nodejs|proc|sys|var)/|/site-packages/|/node_modules/")
MOST_BYTES_SEARCHED = 1_000_000
SECRET_ARGUMENT = re.compile(r"\w*(SECRET|TOKEN|PASSWORD|_KEY)=[^\s\"']")


@dataclass(frozen=True)
class Image:
    """An image of the service, and the environment to start it with."""

    name: str
    repository: Repository

    @cached_property
    def configuration(self) -> dict:
        """What Docker knows of the image."""
        done = run("docker", "image", "inspect", self.name)
        if done.returncode:
            raise ReadinessError(f"the image {self.name} cannot be looked into: {done.stderr.strip()}")
        return json.loads(done.stdout)[0]

    @cached_property
    def environment(self) -> dict[str, str]:
        """Return the example's environment as production has it: with secrets of its own, made up for this start."""
        given = {name: value for name, (value, _) in example(self.repository).items()}
        modes = {name: "production" for name in given if name in {"NODE_ENV", "APP_ENV"}}
        made_up = {name: secrets.token_hex(32) for name, value in given.items() if value.startswith("example-")}
        given |= modes | made_up
        return {
            name: re.sub(r"\$\{(\w+)\}", lambda found: given.get(found[1], ""), value) for name, value in given.items()
        }

    @contextlib.contextmanager
    def started(self, environment: dict[str, str]) -> Iterator["Container"]:
        """Start the image as strictly as production does; remove the container at the end."""
        name = f"readiness-{secrets.token_hex(6)}"
        with tempfile.NamedTemporaryFile("w", suffix=".env") as file:
            file.write("".join(f"{key}={value}\n" for key, value in environment.items()))
            file.flush()
            port = environment.get("PORT", "1")
            options = ("--name", name, "--env-file", file.name, "--publish", f"127.0.0.1::{port}", *RESTRICTED)
            done = run("docker", "run", "--detach", *options, self.name)
        try:
            if done.returncode:
                raise ReadinessError(f"the image {self.name} does not start: {done.stderr.strip()}")
            yield Container(name, port)
        finally:
            run("docker", "rm", "--force", "--volumes", name)


@dataclass(frozen=True)
class Container:
    """A started image; `port` is the one inside."""

    name: str
    port: str

    @property
    def url(self) -> str:
        """Where it is reached on this machine."""
        return "http://" + run("docker", "port", self.name, f"{self.port}/tcp").stdout.split("\n")[0]

    @property
    def state(self) -> dict:
        """What Docker knows of its state."""
        return json.loads(run("docker", "inspect", "--format", "{{json .State}}", self.name).stdout)

    @property
    def health(self) -> str:
        """What its health check says."""
        return at(self.state, "Health", "Status", default="without a health check")

    def until(self, condition: Callable[..., bool], seconds: float) -> float:
        """Wait until a condition holds; return the seconds it took, or infinity where it never did."""
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            is_running = self.state["Running"]
            if condition():
                return time.monotonic() - begin
            if not is_running:
                break
            time.sleep(0.2)
        return float("inf")

    def last_line(self) -> str:
        """Return the last line that it wrote, cut short."""
        done = run("docker", "logs", "--tail", "1", self.name)
        return (done.stdout + done.stderr).strip()[-200:]


def examine_image(name: str, repository: Repository) -> dict[str, list[Finding]]:
    """Look into this image and start it too, which needs Docker."""
    image = Image(name, repository)
    user = image.configuration["Config"]["User"]
    megabytes = image.configuration["Size"] / 1e6
    example_secrets = {
        name: value for name, (value, _) in example(image.repository).items() if value.startswith("example-")
    }
    return {
        "numeric-user": [verdict(is_numeric(user), f"the image's user is {user or 'root'}", "a number that is not 0")],
        "multi-stage": [verdict(megabytes <= MOST_MEGABYTES, f"{megabytes:.0f} MB", f"at most {MOST_MEGABYTES}")],
        "fail-fast": [refusal(image, "without an environment", {})],
        "example-secrets-refused": [refusal(image, "with the example's secrets", image.environment | example_secrets)],
        "no-secrets-in-image": list(search_layers(image)),
        **run_as_in_production(image),
    }


def refusal(image: Image, how: str, environment: dict[str, str]) -> Finding:
    """Return whether the image refuses to start with an environment."""
    with image.started(environment) as container:
        container.until(lambda: not container.state["Running"], START_SECONDS)
        state = container.state
        code = "none, as it runs" if state["Running"] else state["ExitCode"]
        return verdict(code == EXIT_CONFIG, f"exit code {code} {how}", f"{EXIT_CONFIG}, not: {container.last_line()}")


def run_as_in_production(image: Image) -> dict[str, list[Finding]]:
    """Start the image, ask it, stop it, and return what was seen, by item."""
    with image.started(image.environment) as container:
        started = container.until(lambda: ask(container.url, "/health").status == 200, START_SECONDS)
        if started > START_SECONDS:
            seen = f"no answer from /health with a read-only file system: {container.last_line()}"
            return {"runs-read-only": [Finding(False, seen)]}
        detailed = ask(container.url, "/health/detailed").status
        headers = sends(ask(container.url, "/"), (*HEADERS, TLS_HEADER))
        container.until(lambda: container.health != "starting", START_SECONDS)
        health = container.health
        limit = whole_number(image.environment, "SHUTDOWN_TIMEOUT_SECONDS", "25")
        run("docker", "kill", "--signal", "TERM", container.name)
        stopped = container.until(lambda: not container.state["Running"], limit + 5)
        code = container.state["ExitCode"]
    seen = f"answers {started:.1f} s after its start, with a read-only file system and no capability"
    return {
        "runs-read-only": [Finding(True, seen)],
        "own-healthcheck": [verdict(health == "healthy", f"the container is {health}", "healthy")],
        "detailed-health-closed": [verdict(detailed == 401, f"/health/detailed answers {detailed}", "401")],
        "security-headers": headers,
        "stops-in-time": [
            verdict(
                stopped <= limit and code == 0,
                f"exit code {code}, {stopped:.1f} s after SIGTERM",
                f"0 within {limit} s",
            )
        ],
    }


def search_layers(image: Image) -> Findings:
    """Look for secrets in the commands that built an image and in every file of its layers."""
    history = run("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", image.name).stdout
    found = TOKENS.search(history) or PASSWORD_IN_URL.search(history) or SECRET_ARGUMENT.search(history)
    yield verdict(not found, f"{len(history.splitlines())} steps of the image's history", "no secret in them")
    count = 0
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        saved = run("docker", "save", "--output", file.name, image.name)
        if saved.returncode:
            raise ReadinessError(f"the layers of {image.name} cannot be read: {saved.stderr.strip()}")
        for layer in layers(Path(file.name)):
            for entry in layer:
                count += entry.isfile()
                if problem := secret_in(layer, entry):
                    yield Finding(False, f"the image holds {entry.name}: {problem}")
    yield Finding(count > 0, f"{count} files in its layers, none of them a secret's")


def layers(saved: Path) -> Iterator[tarfile.TarFile]:
    """Return the layers of an image that `docker save` wrote: those of its parts that are archives themselves."""
    with tarfile.open(saved) as archive:
        for part in archive:
            with contextlib.suppress(tarfile.ReadError):
                if part.isfile():
                    with tarfile.open(fileobj=archive.extractfile(part)) as layer:
                        yield layer


def secret_in(layer: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    """Return why a file of a layer should not be there, or an empty text."""
    if SECRET_FILES.search(entry.name):
        return "it belongs in no image"
    if entry.isfile() and entry.size < MOST_BYTES_SEARCHED and not SYSTEM_FILES.search(entry.name):
        text = layer.extractfile(entry).read().decode(errors="replace")
        return "it has a token or a private key in it" if TOKENS.search(text) else ""
    return ""


SUBJECTS["image"] = examine_image
