"""Checks of the files and documents of the repository."""

import contextlib
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from readiness.checklist import CHECKLIST, read_checklist
from readiness.commands import run
from readiness.documents import get, line_of
from readiness.environment import EXAMPLE
from readiness.findings import Findings, NotApplicableError, failed, judge, passed
from readiness.locations import compose_files, dockerfiles
from readiness.registry import check
from readiness.repository import Repository
from readiness.secrets import TOKENS
from readiness.sign_offs import SIGN_OFFS, read_sign_offs


@check("service", "no-secrets-in-git")
def no_secrets_in_git(repository: Repository) -> Findings:
    texts = dict(repository.readable())
    for name, text in texts.items():
        if found := TOKENS.search(text):
            line = text.count("\n", 0, found.start()) + 1
            yield failed(f"{found[0][:8]}… looks like a secret: revoke it, then remove it", (name, line))
    yield judge(texts, f"{len(texts)} files without a token or a private key", "files")
    for name in repository.matching(".env", ".env.*", "*/.env", "*/.env.*"):
        yield judge(name == EXAMPLE, f"{name} is in Git", f"no other than {EXAMPLE}", (name, 0))


IGNORES_ENV = r"^(\*\*)?/?(\.env\*?|\*\.env|\.\*|\*)/?$"


def find_ignored(repository: Repository) -> Findings:
    """Return whether Git and each image build ignore .env, in a repository of another origin."""
    files = [".gitignore"]
    with contextlib.suppress(NotApplicableError):
        files += {f"{file.rpartition('/')[0]}/.dockerignore".lstrip("/") for file in dockerfiles(repository)}
    for file in files:
        exists = file in repository.files or (file != ".gitignore" and ".dockerignore" in repository.files)
        if exists:
            file = file if file in repository.files else ".dockerignore"
            yield repository.expect_match(IGNORES_ENV, file, seen=f"{file} ignores .env", expected="a line .env")
        else:
            yield failed(f"there is no {file}: expected one with a line .env")


@check("service", "env-ignored")
def env_ignored(repository: Repository) -> Findings:
    if not repository.is_emitted:
        yield from find_ignored(repository)
        return
    for file in (".gitignore", ".dockerignore"):
        yield repository.expect_match(r"^\.env$", file, seen=f"{file} ignores .env", expected="a line .env")


MARKERS = re.compile(r"^(<{7} |>{7} |\|{7} )", re.MULTILINE)


@check("service", "updates-settled")
def updates_settled(repository: Repository) -> Findings:
    texts = dict(repository.readable())
    for name, text in texts.items():
        if found := MARKERS.search(text):
            yield failed("conflict marker: resolve it", (name, text.count("\n", 0, found.start()) + 1))
    for name in repository.matching("*.rej", "*.orig"):
        yield failed("left by an update that could not be applied: apply and delete it", (name, 0))
    yield judge(texts, f"{len(texts)} files without a conflict marker", "files")


@check("service", "updates-possible")
def updates_possible(repository: Repository) -> Findings:
    file = ".copier-answers.yml"
    answers = get(repository.documents(file), 0, default={})
    place = (file, line_of(answers, "_src_path"))
    yield judge("_src_path" in answers, f"{len(answers)} answers", "_src_path, the template's address", place)


def shell_blocks(repository: Repository) -> Iterator[tuple[str, int, str]]:
    """Return the file, first line and commands of each `sh` block of the documents."""
    fence = re.compile(r"^( *)```sh\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
    for name in repository.matching("*.md"):
        text = repository.text(name)
        for block in fence.finditer(text):
            yield name, text.count("\n", 0, block.start()) + 2, textwrap.dedent(block[2])


@check("service", "commands-work")
def commands_work(repository: Repository) -> Findings:
    has_makefile = repository.is_emitted or "Makefile" in repository.files
    makefile = repository.text("Makefile") if has_makefile else ""
    targets = set(re.findall(r"^([\w./-]+)\s*:", makefile, re.MULTILINE))
    for name, line, commands in shell_blocks(repository):
        parsed = run("sh", "-n", text=commands)
        seen = " ".join([commands.splitlines()[0], *parsed.stderr.splitlines()[-1:]])
        yield judge(parsed.returncode == 0, seen, "commands that sh can parse", (name, line))
        for number, command in enumerate(commands.splitlines(), start=line):
            words = command.split("#")[0]
            for script in re.findall(r"(?:^|\s)(scripts/[\w/-]+)", words):
                yield judge(repository.is_executable(script), script, "an executable script", (name, number))
            for path in re.findall(r"(?:^|\s)(deploy/[\w./-]+)", words) if repository.is_emitted else []:
                yield judge((repository.root / path).exists(), path, "a file of this repository", (name, number))
            if has_makefile and (made := re.match(r"\s*make((?: [a-z-]+)+)", words)):
                for target in made[1].split():
                    yield judge(target in targets, f"make {target}", "a target of the Makefile", (name, number))


@check("service", "links-lead-somewhere")
def links_lead_somewhere(repository: Repository) -> Findings:
    for name in repository.matching("*.md"):
        text = re.sub(r"(?ms)^ *```.*?^ *```", lambda block: "\n" * block[0].count("\n"), repository.text(name))
        for link in re.finditer(r"\]\(([^)\s]+)\)", text):
            address = urlsplit(link[1])
            if address.scheme:
                continue
            folder = repository.root if address.path.startswith("/") else (repository.root / name).parent
            target = folder / unquote(address.path).lstrip("/") if address.path else repository.root / name
            exists = target.exists() and (
                not address.fragment or target.is_dir() or address.fragment in headings(target)
            )
            line = text.count("\n", 0, link.start()) + 1
            yield judge(exists, link[1], "a file, and a heading where it names one", (name, line))


def headings(document: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a document."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def is_script(repository: Repository, name: str) -> bool:
    """Return whether a file is a program."""
    with contextlib.suppress(UnicodeDecodeError):
        return repository.text(name).startswith("#!")
    return False


@check("service", "scripts-explain-themselves")
def scripts_explain_themselves(repository: Repository) -> Findings:
    for name in repository.matching("scripts/*"):
        if name.startswith("scripts/lib/") or (not repository.is_emitted and not is_script(repository, name)):
            continue
        place = repository.find(r"^\s*'?-h\b.* \| '?--help\b.*\)", name)
        # What does not know --help might take it for something else, so that it is not run.
        explains = repository.is_executable(name) and any(place)
        # A program of another origin is not run at all.
        if explains and repository.is_emitted:
            done = run(f"./{name}", "--help", folder=repository.root)
            explains = done.returncode == 0 and "usage:" in done.stdout
        yield judge(explains, name, "an executable that prints its usage for --help", (name, place[1]))


@check("service", "compose-stays-local")
def compose_stays_local(repository: Repository) -> Findings:
    for file in compose_files(repository):
        services = get(repository.documents(file), 0, "services", default={})
        for name, service in services.items():
            for number, port in enumerate(get(service, "ports", default=[])):
                place = (file, line_of(services, name, "ports", number))
                address = str(get(port, "host_ip", default="")) if hasattr(port, "keys") else str(port)
                is_local = address.startswith(("127.0.0.1", "localhost", "::1", "[::1]"))
                yield judge(is_local, f"{name} listens on {port}", "127.0.0.1", place)


@check("service", "sign-offs-name-items")
def sign_offs_name_items(repository: Repository) -> Findings:
    known = {item.name: item for item in read_checklist(repository)}
    signed = read_sign_offs(repository)
    for name in signed:
        item = known.get(name)
        expected = f"an item that {CHECKLIST} marks as yours"
        yield judge(item and item.mark == "yours", name, expected, (SIGN_OFFS, line_of(signed, name)))
    reason = "" if SIGN_OFFS in repository.files else f": there is no {SIGN_OFFS}"
    yield passed(f"{len(signed)} items are signed off{reason}", (CHECKLIST, 0))
