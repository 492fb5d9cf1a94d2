"""Checks of the lock files of each language."""

import json
import re
import tomllib

from readiness.dockerfile import instructions
from readiness.documents import get
from readiness.findings import Findings, judge
from readiness.locations import dockerfiles
from readiness.lock_files import find_go_locks, find_node_locks, find_python_locks
from readiness.registry import check
from readiness.repository import Repository

# Commands that install the packages of a project, and those of them that install exactly the locked packages.
NPM_INSTALLS = (
    r"\b(npm (ci|i|install)|pnpm (i|install)|yarn install|bun (i|install|ci))(?! *(-g|--global))\b",
    r"\b(npm ci|pnpm (i|install)\b.*--frozen-lockfile|yarn\b.*--(immutable|frozen-lockfile)"
    r"|bun (i|install)\b.*--frozen-lockfile|bun ci)",
)
PYTHON_INSTALLS = (
    r"\b(uv (sync|pip install)|poetry (sync|install)|pdm (sync|install)|pipenv (sync|install)"
    r"|pip3? (install|wheel)\b.*(-r|--requirement| \.))",
    r"\b(uv sync\b.*--(locked|frozen)|poetry (sync|install)|pdm sync|pipenv (sync|install --deploy)"
    r"|pip3? (install|wheel)\b.*--require-hashes)",
)


def find_locked_installs(repository: Repository, patterns: tuple[str, str]) -> Findings:
    """Return whether each Dockerfile that installs packages of a language installs exactly the locked ones."""
    installs, locked = patterns
    for file in dockerfiles(repository):
        for entry in instructions(repository, file):
            if entry.name == "RUN" and (found := re.search(installs, entry.value)):
                is_exact = re.search(locked, entry.value)
                yield judge(is_exact, found[0], "a command that installs exactly the locked packages", entry.place)


@check("node", "lock-matches-manifest")
def npm_lock_matches_manifest(repository: Repository) -> Findings:
    if not repository.is_emitted:
        yield from find_node_locks(repository)
        return
    manifest = json.loads(repository.text("package.json"))
    locked = get(json.loads(repository.text("package-lock.json")), "packages", "", default={})
    for kind in ("dependencies", "devDependencies"):
        for name, required in manifest.get(kind, {}).items():
            place = repository.find(rf'^\s+"{re.escape(name)}":', "package.json")
            yield judge(
                get(locked, kind, name) == required,
                f"{name} {required}",
                "the same in package-lock.json (make lock)",
                place,
            )
        for name in get(locked, kind, default={}).keys() - manifest.get(kind, {}).keys():
            yield judge(False, f"{name} is locked", "it in package.json (make lock)", ("package-lock.json", 0))


@check("node", "installs-from-lock")
def npm_installs_from_lock(repository: Repository) -> Findings:
    if not repository.is_emitted:
        yield from find_locked_installs(repository, NPM_INSTALLS)
        return
    for file in ("Dockerfile", "Makefile"):
        yield repository.expect_match(r"\bnpm ci\b", file, seen="npm ci", expected="this command")
    yield repository.expect_no_match(r"\bnpm (install|i)\b", "Dockerfile", seen="npm ci", expected="no npm install")


@check("go", "lock-matches-manifest")
def go_lock_matches_manifest(repository: Repository) -> Findings:
    if not repository.is_emitted:
        yield from find_go_locks(repository)
        return
    locked = set(re.findall(r"^(\S+ v\S+?)(?:/go\.mod)? h1:", repository.text("go.sum"), re.MULTILINE))
    for line, text in enumerate(repository.text("go.mod").splitlines(), start=1):
        if required := re.match(r"(?:require)?\s+([^\s/]+\.\S+ v\S+)", text):
            yield judge(required[1] in locked, required[1], "its checksum in go.sum (make lock)", ("go.mod", line))


@check("go", "installs-from-lock")
def go_installs_from_lock(repository: Repository) -> Findings:
    if not repository.is_emitted:
        # Go refuses to change go.mod unless a build asks for it.
        files = [*dockerfiles(repository), *repository.matching("[Mm]akefile", ".github/workflows/*.y*ml")]
        yield repository.expect_no_match(
            r"go (build|install|run|test)\b.*-mod=mod\b", *files, seen="go build", expected="no -mod=mod"
        )
        return
    for file in ("Dockerfile", "Makefile"):
        yield repository.expect_match(
            r"go build .*-mod=readonly",
            file,
            seen="go build -mod=readonly",
            expected="this flag",
        )


@check("python", "lock-matches-manifest")
def uv_lock_matches_manifest(repository: Repository) -> Findings:
    if not repository.is_emitted:
        yield from find_python_locks(repository)
        return
    project = tomllib.loads(repository.text("pyproject.toml"))
    packages = {package["name"]: package for package in tomllib.loads(repository.text("uv.lock"))["package"]}
    locked = packages.get(project["project"]["name"], {})
    groups = {"project": project["project"]["dependencies"], **project.get("dependency-groups", {})}
    for group, required in groups.items():
        kept = get(locked, "metadata", "requires-dist", default=[])
        if group != "project":
            kept = get(locked, "metadata", "requires-dev", group, default=[])
        known = {entry["name"]: set(entry.get("specifier", "").split(",")) for entry in kept}
        for requirement in required:
            name, specifier = re.findall(r"^([\w.-]+)(?:\[.*\])?\s*(.*)$", requirement)[0]
            is_locked = known.get(name) == set(specifier.split(","))
            place = repository.find(rf'^\s+"{re.escape(requirement)}"', "pyproject.toml")
            yield judge(is_locked, requirement, "the same in uv.lock (make lock)", place)


@check("python", "installs-from-lock")
def uv_installs_from_lock(repository: Repository) -> Findings:
    if not repository.is_emitted:
        yield from find_locked_installs(repository, PYTHON_INSTALLS)
        return
    for file in ("Dockerfile", "Makefile"):
        yield repository.expect_match(
            r"\buv sync --locked\b",
            file,
            seen="uv sync --locked",
            expected="this command",
        )
        yield repository.expect_no_match(r"\buv sync(?! --locked)", file, seen="uv sync", expected="--locked in each")
