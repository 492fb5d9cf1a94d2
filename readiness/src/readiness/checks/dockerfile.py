"""Checks of the Dockerfiles."""

import re

from readiness.detection import traits
from readiness.dockerfile import Instruction, base_of, instructions, is_numeric, last_stage, stages
from readiness.documents import get, line_of, to_yaml
from readiness.findings import Findings, judge, unknown
from readiness.locations import compose_files, dockerfiles
from readiness.registry import check
from readiness.repository import Repository
from readiness.secrets import SECRET_NAME


@check("image", "multi-stage")
def multi_stage(repository: Repository) -> Findings:
    for file in dockerfiles(repository):
        starts = stages(repository, file)
        copied = [entry for entry in last_stage(repository, file, "COPY") if "--from=" in entry.value]
        seen = f"{len(starts)} stages, {len(copied)} of them copied from by the last"
        yield judge(len(starts) > 1 and copied, seen, "a stage that builds and one that runs", starts[-1].place)


def resolve(value: str, file: str, repository: Repository) -> str:
    """Return a value with the defaults of the ARG instructions inserted."""
    arguments = dict(
        entry.value.split("=", 1)
        for entry in instructions(repository, file)
        if entry.name == "ARG" and "=" in entry.value
    )
    for _ in range(3):
        value = re.sub(
            r"\$\{?(\w+)(?::-([^}]*))?\}?",
            lambda found: arguments.get(found[1], found[2] or found[0]).strip("\"'"),
            value,
        )
    return value


@check("image", "base-images-tagged")
def base_images_tagged(repository: Repository) -> Findings:
    for file in dockerfiles(repository):
        names = {"scratch"}
        for start in stages(repository, file):
            base = resolve(base_of(start), file, repository)
            tag = base.partition("@")[0].rpartition("/")[2].partition(":")[2]
            if "$" in base:
                yield unknown(f"FROM {base}: the value is given at build time", start.place)
            else:
                has_version = tag and tag != "latest" and re.search(r"\d", base.rpartition("/")[2])
                is_named = base in names or "@sha256:" in base or has_version
                yield judge(is_named, f"FROM {base}", "a version as tag, or a digest", start.place)
            names.add(start.value.split()[-1])


# Base images that run as a numeric user unless the Dockerfile changes it.
NONROOT_BASE = re.compile(r"nonroot|^cgr\.dev/chainguard/")


@check("image", "numeric-user")
def numeric_user(repository: Repository) -> Findings:
    for file in dockerfiles(repository):
        start, users = stages(repository, file)[-1], last_stage(repository, file, "USER")
        last = users[-1] if users else instructions(repository, file)[-1]
        if not users and not repository.is_emitted and NONROOT_BASE.search(base_of(start)):
            yield unknown(f"USER is missing: {base_of(start)} decides", start.place)
            continue
        user = resolve(last.value, file, repository) if users else ""
        seen = f"USER {user}" if users else "USER is missing"
        yield judge(users and is_numeric(user), seen, "a number that is not 0", last.place)


@check("image", "exec-form")
def exec_form(repository: Repository) -> Findings:
    for file in dockerfiles(repository):
        found = last_stage(repository, file, "ENTRYPOINT", "CMD")
        if not found:
            yield unknown("neither ENTRYPOINT nor CMD: the base image decides", stages(repository, file)[-1].place)
        for entry in found:
            program = entry.words
            is_direct = program is not None and (
                not program or program[0].rpartition("/")[2] not in {"sh", "bash", "npm", "pnpm", "yarn"}
            )
            yield judge(is_direct, f"{entry.name} {entry.value}", "the program itself as a list of words", entry.place)


@check("image", "own-healthcheck")
def own_healthcheck(repository: Repository) -> Findings:
    for file in dockerfiles(repository):
        found = last_stage(repository, file, "HEALTHCHECK")
        if not found and not repository.is_emitted and "kubernetes" in traits(repository):
            continue  # probes take its place
        last = found[-1] if found else instructions(repository, file)[-1]
        words = last.words if found else None
        is_own = words and not {word.rpartition("/")[2] for word in words} & {"curl", "wget", "sh", "bash"}
        seen = f"HEALTHCHECK {' '.join(words)}" if words else "HEALTHCHECK is missing or in shell form"
        yield judge(is_own, seen, "a command of the service's own", last.place)


def secrets_of(entry: Instruction) -> list[str]:
    """Return the names of secrets that an instruction puts into the image."""
    is_argument = entry.name == "ARG"
    names = entry.value.split("=")[:1] if is_argument else re.findall(r"(?:^|\s)(\w+)=", entry.value)
    return [name for name in names if SECRET_NAME.search(name)]


@check("image", "no-secrets-in-image")
def no_secrets_in_image(repository: Repository) -> Findings:
    for file in dockerfiles(repository):
        for entry in instructions(repository, file):
            if entry.name in {"ARG", "ENV", "COPY", "ADD"}:
                copied = entry.name in {"COPY", "ADD"} and re.search(r"(^|\s)\.env\b", entry.value)
                is_clean = not secrets_of(entry) and not copied
                yield judge(is_clean, f"{entry.name} {entry.value[:60]}", "no secret", entry.place)
        if not repository.is_emitted and not any(
            entry.name in {"ARG", "ENV", "COPY", "ADD"} for entry in instructions(repository, file)
        ):
            yield judge(True, "nothing is copied or set", "", (file, 0))


@check("image", "runs-read-only")
def runs_read_only(repository: Repository) -> Findings:
    for file in compose_files(repository) if not repository.is_emitted else ["compose.yaml"]:
        services = get(repository.documents(file), 0, "services", default={})
        for name, service in services.items():
            if "build" in service:
                rules = get(service, "develop", "watch", default=[])
                # Compose Watch copies edits into the container, which a read-only file system prevents.
                is_synced = any(str(rule.get("action", "")).startswith("sync") for rule in rules)
                is_read_only, dropped = service.get("read_only", False), service.get("cap_drop", [])
                seen = f"{name}: read_only {to_yaml(is_read_only)}, cap_drop {', '.join(dropped) or 'nothing'}"
                is_strict = (is_read_only is True or is_synced) and list(dropped) == ["ALL"]
                expected = "cap_drop ALL, as in production" if is_synced else "true and ALL, as in production"
                yield judge(is_strict, seen, expected, (file, line_of(services, name)))
