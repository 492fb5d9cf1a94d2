"""Checks of the Dockerfile."""

import re

from readiness.dockerfile import instructions, is_numeric, last_stage
from readiness.documents import get, line_of, to_yaml
from readiness.findings import Findings, judge
from readiness.registry import check
from readiness.repository import Repository
from readiness.secrets import SECRET_NAME


@check("image", "multi-stage")
def multi_stage(repository: Repository) -> Findings:
    starts = [entry for entry in instructions(repository) if entry.name == "FROM"]
    copied = [entry for entry in last_stage(repository, "COPY") if "--from=" in entry.value]
    seen = f"{len(starts)} stages, {len(copied)} of them copied from by the last"
    yield judge(len(starts) > 1 and copied, seen, "a stage that builds and one that runs", starts[-1].place)


@check("image", "base-images-tagged")
def base_images_tagged(repository: Repository) -> Findings:
    stages = {"scratch"}
    for entry in instructions(repository):
        if entry.name == "FROM":
            words = [word for word in entry.value.split() if not word.startswith("--")]
            tag = words[0].partition("@")[0].rpartition("/")[2].partition(":")[2]
            is_named = words[0] in stages or "@sha256:" in words[0] or (tag and tag != "latest")
            yield judge(is_named, f"FROM {words[0]}", "a version as tag, or a digest", entry.place)
            stages.add(words[-1])


@check("image", "numeric-user")
def numeric_user(repository: Repository) -> Findings:
    users = last_stage(repository, "USER")
    last = users[-1] if users else instructions(repository)[-1]
    seen = f"USER {last.value}" if users else "USER is missing"
    yield judge(users and is_numeric(last.value), seen, "a number that is not 0", last.place)


@check("image", "exec-form")
def exec_form(repository: Repository) -> Findings:
    for entry in last_stage(repository, "ENTRYPOINT", "CMD"):
        program = entry.words
        is_direct = program is not None and (not program or program[0].rpartition("/")[2] not in {"sh", "bash", "npm"})
        yield judge(is_direct, f"{entry.name} {entry.value}", "the program itself as a list of words", entry.place)


@check("image", "own-healthcheck")
def own_healthcheck(repository: Repository) -> Findings:
    found = last_stage(repository, "HEALTHCHECK")
    last = found[-1] if found else instructions(repository)[-1]
    words = last.words if found else None
    is_own = words and not {word.rpartition("/")[2] for word in words} & {"curl", "wget", "sh", "bash"}
    seen = f"HEALTHCHECK {' '.join(words)}" if words else "HEALTHCHECK is missing or in shell form"
    yield judge(is_own, seen, "a command of the service's own", last.place)


@check("image", "no-secrets-in-image")
def no_secrets_in_image(repository: Repository) -> Findings:
    for entry in instructions(repository):
        if entry.name in {"ARG", "ENV", "COPY", "ADD"}:
            names = re.findall(r"(?:^|\s)(\w+)=", entry.value) if entry.name != "ARG" else entry.value.split("=")[:1]
            named = [name for name in names if SECRET_NAME.search(name)]
            copied = entry.name in {"COPY", "ADD"} and re.search(r"(^|\s)\.env\b", entry.value)
            yield judge(not named and not copied, f"{entry.name} {entry.value[:60]}", "no secret", entry.place)


@check("image", "runs-read-only")
def runs_read_only(repository: Repository) -> Findings:
    file = "compose.yaml"
    services = get(repository.documents(file), 0, "services", default={})
    for name, service in services.items():
        if "build" in service:
            is_read_only, dropped = service.get("read_only", False), service.get("cap_drop", [])
            seen = f"{name}: read_only {to_yaml(is_read_only)}, cap_drop {', '.join(dropped) or 'nothing'}"
            is_strict = is_read_only is True and list(dropped) == ["ALL"]
            yield judge(is_strict, seen, "true and ALL, as in production", (file, line_of(services, name)))
