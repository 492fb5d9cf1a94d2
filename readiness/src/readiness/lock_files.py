"""Compare lock files with the files that name the dependencies, in repositories of any origin."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from readiness.detection import dependency_files
from readiness.documents import get
from readiness.findings import Finding, Findings, failed, judge, passed, unknown
from readiness.repository import Repository

KINDS = ("devDependencies", "optionalDependencies", "dependencies")  # of a package in several, the last counts
NODE_LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb")
PYTHON_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")


def nearest(repository: Repository, file: str, names: tuple[str, ...]) -> str | None:
    """Return the lock file in the folder of a file, or in the nearest folder above it, as of a workspace."""
    for folder in PurePosixPath(file).parents:
        for name in names:
            if (found := (folder / name).as_posix()) in repository.files:
                return found
    return None


def member_of(lock: str, manifest: str) -> str:
    """Return the folder of a manifest as its workspace's lock file names it: an empty text for the same folder."""
    folder = PurePosixPath(manifest).parent.relative_to(PurePosixPath(lock).parent).as_posix()
    return "" if folder == "." else folder


def read_npm(text: str, member: str) -> dict[str, str] | None:
    """Return what package-lock.json records of a manifest, None if it does not record the manifest."""
    return flatten(get(json.loads(text), "packages", member))


def read_bun(text: str, member: str) -> dict[str, str] | None:
    """Return what bun.lock records of a manifest."""
    without_trailing_commas = re.sub(r",(\s*[}\]])", r"\1", text)
    return flatten(get(json.loads(without_trailing_commas), "workspaces", member))


def flatten(package: Any) -> dict[str, str] | None:
    """Return the requirements of a package by name."""
    if package is None:
        return None
    return {name: required for kind in KINDS for name, required in get(package, kind, default={}).items()}


def read_pnpm(text: str, member: str) -> dict[str, str] | None:
    """Return what pnpm-lock.yaml records of a manifest; only the part on the manifests is read."""
    part = re.search(r"^importers:\n(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    entry = re.search(
        rf"^  '?{re.escape(member or '.')}'?:(?: \{{\}})?\n(.*?)(?=^  \S|\Z)", part[1] if part else "", re.M | re.S
    )
    if not entry:
        return None
    found = re.findall(r"^      (\S+):\n        specifier: (.+)$", entry[1], re.MULTILINE)
    return {name.strip("'"): required.strip("'\"") for name, required in found}


def read_yarn(text: str, _: str) -> dict[str, str]:
    """Return the requirements of yarn.lock; if it has several of a package, the last."""
    headers = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    entries = [entry.strip().strip('"') for header in headers for entry in header.split(",")]
    pairs = [entry.rpartition("@") if "@npm:" not in entry else entry.partition("@npm:") for entry in entries]
    return {f"{name}@{required}": required for name, _, required in pairs}


READERS: dict[str, Callable[[str, str], dict[str, str] | None]] = {
    "package-lock.json": read_npm,
    "npm-shrinkwrap.json": read_npm,
    "pnpm-lock.yaml": read_pnpm,
    "bun.lock": read_bun,
    "yarn.lock": read_yarn,
}


def find_node_locks(repository: Repository) -> Findings:
    """Return whether each package.json is in step with a lock file."""
    for file in dependency_files(repository, "node"):
        required = flatten(json.loads(repository.text(file))) or {}
        lock = nearest(repository, file, NODE_LOCKS)
        if not required:
            continue
        if not lock:
            yield failed(f"{file} has no lock file: expected one, in Git", (file, 1))
        elif lock.endswith(".lockb"):
            yield unknown(f"{lock} is binary: expected bun.lock, which can be reviewed", (lock, 0))
        else:
            yield compare(repository, file, lock, required)


def compare(repository: Repository, file: str, lock: str, required: dict[str, str]) -> Finding:
    """Return whether a lock file records the requirements of a manifest."""
    name = lock.rpartition("/")[2]
    locked = READERS[name](repository.text(lock), member_of(lock, file))
    if locked is None:
        return failed(f"{file} is not in {lock}: expected its dependencies there", (lock, 0))
    if name == "yarn.lock":
        locked = {package: version for package, version in required.items() if f"{package}@{version}" in locked}
    # The catalogs and overrides of a workspace replace what a manifest requires.
    own = {
        package: version
        for package, version in required.items()
        if not re.match(r"(catalog|workspace|file|link):", version)
    }
    different = [package for package, version in own.items() if locked.get(package) != version]
    if different:
        place = repository.find(rf'^\s+"{re.escape(different[0])}":', file)
        return failed(f"{', '.join(different)}: expected the same version in {lock}", place)
    return passed(f"{len(required)} dependencies are in {lock}", (file, 1))


def normalize(name: str) -> str:
    """Return the name of a Python package as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def python_requirements(repository: Repository, file: str) -> list[str]:
    """Return the names of the packages that a pyproject.toml requires."""
    project = tomllib.loads(repository.text(file))
    poetry = [name for name in get(project, "tool", "poetry", "dependencies", default={}) if name != "python"]
    listed = [*get(project, "project", "dependencies", default=[]), *poetry]
    return [normalize(found[0]) for entry in listed if (found := re.match(r"[\w.-]+", entry))]


def find_python_locks(repository: Repository) -> Findings:
    """Return whether the packages of each Python project are locked."""
    for file in dependency_files(repository, "python"):
        name = file.rpartition("/")[2]
        lock = nearest(repository, file, PYTHON_LOCKS)
        if name == "requirements.txt":
            yield from () if lock else check_requirements(repository, file)
        elif name == "pyproject.toml" and (required := python_requirements(repository, file)):
            compiled = nearest(repository, file, ("requirements.txt",))
            if lock:
                packages = {normalize(package) for package in locked_packages(repository, lock)}
                missing = [package for package in required if package not in packages]
                seen = f"{', '.join(missing)} of {file}" if missing else f"{len(required)} dependencies are in {lock}"
                yield judge(not missing, seen, f"the same in {lock}", (file, 1))
            elif not compiled:
                yield failed(f"{file} has no lock file: expected one, in Git", (file, 1))


def locked_packages(repository: Repository, lock: str) -> Iterator[str]:
    """Return the names of the packages of a lock file."""
    if lock.endswith("Pipfile.lock"):
        locked = json.loads(repository.text(lock))
        yield from [*get(locked, "default", default={}), *get(locked, "develop", default={})]
        return
    locked = tomllib.loads(repository.text(lock))
    yield from (package["name"] for package in locked.get("package", locked.get("packages", [])))


def check_requirements(repository: Repository, file: str) -> Findings:
    """Return whether a requirements.txt locks every package: with hashes, or compiled with exact versions."""
    text = repository.text(file)
    lines = [line for line in text.replace("\\\n", " ").splitlines() if re.match(r"[A-Za-z]", line)]
    loose = [line.split()[0] for line in lines if "==" not in line and " @ " not in line]
    if loose:
        place = repository.find(rf"^{re.escape(loose[0])}", file)
        yield failed(f"{', '.join(loose[:5])}: expected exact versions, or a lock file", place)
    elif not lines or "--hash=" in text or re.search(r"autogenerated|pip-compile|uv pip compile|# +via ", text):
        yield passed(f"{len(lines)} packages are locked", (file, 1))
    else:
        yield unknown(f"{file} has exact versions: whether it lists indirect dependencies is not known", (file, 1))


def find_go_locks(repository: Repository) -> Findings:
    """Return whether the modules that each go.mod requires have checksums in go.sum."""
    for file in dependency_files(repository, "go"):
        lock = f"{file.removesuffix('go.mod')}go.sum"
        required = re.findall(r"^(?:require)?\s+([^\s/]+\.\S+ v\S+)", repository.text(file), re.MULTILINE)
        if not required:
            yield passed(f"{file} requires no module", (file, 1))
        elif lock not in repository.files:
            yield failed(f"{file} has no go.sum: expected one, in Git", (file, 1))
        else:
            locked = set(re.findall(r"^(\S+ v\S+?)(?:/go\.mod)? h1:", repository.text(lock), re.MULTILINE))
            missing = [module for module in required if module not in locked]
            seen = f"{missing[0]} of {file}" if missing else f"{len(required)} modules of {file}"
            yield judge(not missing, seen, f"checksums in {lock}", (file, 1))
