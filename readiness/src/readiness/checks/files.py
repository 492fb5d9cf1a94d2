"""Checks of the files and documents of the repository."""

import contextlib
import os
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from readiness.checklist import CHECKLIST, read_checklist
from readiness.commands import run
from readiness.dockerfile import instructions
from readiness.documents import get, line_of
from readiness.environment import EXAMPLE
from readiness.findings import Findings, NotApplicableError, failed, judge, passed, unknown
from readiness.locations import EXAMPLES, TEST_FILE, compose_files, dockerfiles, documents, makefile, own, written
from readiness.registry import check
from readiness.repository import Repository
from readiness.secrets import TOKENS
from readiness.sign_offs import SIGN_OFFS, read_sign_offs


@check("service", "no-secrets-in-git")
def no_secrets_in_git(repository: Repository) -> Findings:
    texts = dict(repository.readable())
    for name, text in texts.items():
        if found := TOKENS.search(text):
            place = (name, text.count("\n", 0, found.start()) + 1)
            if not repository.is_emitted and not written([name]):
                continue
            if not repository.is_emitted and TEST_FILE.search(name):
                yield unknown("a key in a test: check that no environment accepts it", place)
                continue
            yield failed(f"{found[0][:8]}… looks like a secret: revoke it, then remove it", place)
    yield judge(texts, f"{len(texts)} files without a token or a private key", "files")
    for name in repository.matching(".env", ".env.*", "*/.env", "*/.env.*"):
        if repository.is_emitted:
            yield judge(name == EXAMPLE, f"{name} is in Git", f"no other than {EXAMPLE}", (name, 0))
        elif written([name]) and not TEST_FILE.search(name):
            is_example = name.rpartition("/")[2] in EXAMPLES
            yield judge(is_example, f"{name} is in Git", "an example of it only", (name, 0))


IGNORES_ENV = r"^(\*\*)?/?(\.env[*?]*|\*\.env\*?|\.\*|\*)/?$"

# The whole folder of the build, with a .env in it.
COPIES_ALL = r"^(--\S+ )*(\./?|\*) "


def find_ignored(repository: Repository) -> Findings:
    """Return whether Git and each image build ignore .env, in a repository of another origin."""
    files = repository.matching(".gitignore", "*/.gitignore")
    seen, expected = f"{', '.join(files) or '.gitignore'} ignores .env", "a line .env"
    yield repository.expect_match(IGNORES_ENV, *own(files), seen=seen, expected=expected)
    with contextlib.suppress(NotApplicableError):
        for file in dockerfiles(repository):
            copies = [entry for entry in instructions(repository, file) if entry.name in {"COPY", "ADD"}]
            whole = [entry for entry in copies if "--from=" not in entry.value and re.search(COPIES_ALL, entry.value)]
            if not whole:
                yield passed(f"{file} copies named files only", (file, 0))
                continue
            folder = PurePosixPath(file).parent
            names = [f"{file}.dockerignore", *(f"{parent}/.dockerignore" for parent in (folder, *folder.parents))]
            found = next((name for name in map(as_relative, names) if name in repository.files), None)
            if found:
                yield repository.expect_match(IGNORES_ENV, found, seen=f"{found} ignores .env", expected=expected)
            else:
                yield failed(
                    f"{whole[0].name} {whole[0].value}: expected a .dockerignore with a line .env", whole[0].place
                )


def as_relative(path: str) -> str:
    """Return a path below the root of the repository without a leading `./`."""
    return PurePosixPath(path).as_posix()


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
    for name in documents(repository):
        text = repository.text(name)
        for block in fence.finditer(text):
            commands = textwrap.dedent(block[2])
            yield name, text.count("\n", 0, block.start()) + 2, commands if repository.is_emitted else typed(commands)


def typed(block: str) -> str:
    """Return the commands of a block with placeholders such as `<name>` filled in, and without prompts and output."""
    lines = block.splitlines()
    if any(line.startswith("$ ") for line in lines):
        lines = [line.removeprefix("$ ") if line.startswith("$ ") else "" for line in lines]
    return re.sub(r"<[\w][\w .:/-]*>", "placeholder", "\n".join(lines)) + "\n"


@check("service", "commands-work")
def commands_work(repository: Repository) -> Findings:
    file = makefile(repository)
    targets = set(re.findall(r"^([\w./-]+)\s*:", repository.text(file), re.MULTILINE)) if file else set()
    for name, line, commands in shell_blocks(repository):
        parsed = run("sh", "-n", text=commands)
        seen = " ".join([*commands.splitlines()[:1], *parsed.stderr.splitlines()[-1:]])
        yield judge(parsed.returncode == 0, seen, "commands that sh can parse", (name, line))
        for number, command in enumerate(commands.splitlines(), start=line):
            words = command.split("#")[0]
            for script in re.findall(r"(?:^|\s)(scripts/[\w/-]+)", words):
                yield judge(repository.is_executable(script), script, "an executable script", (name, number))
            for path in re.findall(r"(?:^|\s)(deploy/[\w./-]+)", words) if repository.is_emitted else []:
                yield judge((repository.root / path).exists(), path, "a file of this repository", (name, number))
            if file and (made := re.match(r"\s*make((?: [a-z-]+)+)", words)):
                for target in made[1].split():
                    yield judge(target in targets, f"make {target}", "a target of the Makefile", (name, number))


@check("service", "links-lead-somewhere")
def links_lead_somewhere(repository: Repository) -> Findings:
    for name in documents(repository):
        text = re.sub(r"(?ms)^ *```.*?^ *```", lambda block: "\n" * block[0].count("\n"), repository.text(name))
        if not repository.is_emitted:
            text = re.sub(r"`[^`\n]+`", "``", text)
        for link in re.finditer(r"\]\(([^)\s]+)\)", text):
            address = urlsplit(link[1])
            if address.scheme or (not repository.is_emitted and leads_out(repository, name, address.path)):
                continue
            folder = repository.root if address.path.startswith("/") else (repository.root / name).parent
            target = folder / unquote(address.path).lstrip("/") if address.path else repository.root / name
            exists = target.exists() and (
                not address.fragment or target.is_dir() or address.fragment in headings(target)
            )
            line = text.count("\n", 0, link.start()) + 1
            yield judge(exists, link[1], "a file, and a heading where it names one", (name, line))


def leads_out(repository: Repository, document: str, path: str) -> bool:
    """Return whether a link leads to a page of GitHub beside the files, or is a text in brackets."""
    if path.startswith("<") or "{{" in path:
        return True
    target = os.path.normpath((repository.root / document).parent / path)
    return not path.startswith("/") and not Path(target).is_relative_to(repository.root)


def headings(document: Path) -> set[str]:
    """Return the anchors of a document: those that GitHub gives its headings, and those that it sets itself."""
    text = document.read_text()
    titles = re.findall(r"^ *#+ +(.+?)[ #]*$", text, re.MULTILINE) + re.findall(
        r"^(.+)\n(?:=+|-+)$", text, re.MULTILINE
    )
    titles += re.findall(r"<h\d[^>]*>(.+?)</h\d>", text)
    plain = [re.sub(r"<[^>]+>|!?\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in titles]
    slugs = [re.sub(r"[^\w -]", "", title.strip().lower()).replace(" ", "-") for title in plain]
    repeated = {f"{slug}-{number}" for slug in slugs for number in range(1, slugs.count(slug))}
    return {*slugs, *repeated, *re.findall(r"""(?:\b(?:name|id)=["']|\{:? ?#)([^"'\s}]+)""", text)}


def is_script(repository: Repository, name: str) -> bool:
    """Return whether a file is a program."""
    with contextlib.suppress(UnicodeDecodeError):
        return repository.text(name).startswith("#!")
    return False


# What scripts of any origin print their usage with.
EXPLAINS = r"(?i)--help\b|\busage:|argparse|\bclick\b|\btyper\b|\byargs\b|\bcommander\b|\bflag\.Parse"


@check("service", "scripts-explain-themselves")
def scripts_explain_themselves(repository: Repository) -> Findings:
    for name in repository.matching("scripts/*"):
        if name.startswith("scripts/lib/") or (not repository.is_emitted and not is_script(repository, name)):
            continue
        place = repository.find(r"^\s*'?-h\b.* \| '?--help\b.*\)" if repository.is_emitted else EXPLAINS, name)
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
