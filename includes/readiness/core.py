import datetime
import fnmatch
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

ROOT = Path(__file__).resolve().parent.parent
CHECKLIST = "READINESS.md"
SIGN_OFFS = "readiness.yml"
SECTIONS = ("Application", "Infrastructure", "Monitoring", "Security", "Operations")
EXAMPLE = ".env.example"
COMMAND_SECONDS = 120

# Folders that are built or installed, for a repository that Git does not know yet.
NOT_OURS = {".git", ".venv", "node_modules", "dist", "bin", "coverage", "__pycache__", ".env"}

SECRET_NAME = re.compile(r"(SECRET|TOKEN|PASSWORD|KEY)$")
PASSWORD_IN_URL = re.compile(r"://[^/\s:@]+:[^/\s@]+@")

Place = tuple[str, int]
NOWHERE: Place = ("", 0)


class ArgumentError(Exception):
    """What is wrong with an argument, for the person who gave it."""


@dataclass(frozen=True)
class Finding:
    """What one look has shown: whether it is as it should be, and the file and line that show it."""

    is_good: bool
    text: str
    place: Place = NOWHERE

    def __str__(self) -> str:
        file, line = self.place
        return f"{file}:{line}: {self.text}" if line else f"{file}: {self.text}" if file else self.text


Findings = Iterator[Finding]


class ReadinessError(Exception):
    """Why something cannot be checked, and the file and line that are to blame."""

    def __init__(self, text: str, place: Place = NOWHERE) -> None:
        self.finding = Finding(False, text, place)
        super().__init__(str(self.finding))


def verdict(is_good: bool, seen: str, expected: str, place: Place = NOWHERE) -> Finding:
    """Return a finding that says what was seen and, where it is wrong, what is expected instead."""
    return Finding(bool(is_good), seen if is_good else f"{seen}: expects {expected}", place)


@cache
def parse_yaml(text: str) -> list:
    """Return the documents of a YAML text; maps and lists in them know their lines."""
    return [document for document in YAML().load_all(text) if document is not None]


def at(node: object, *keys: str | int, default: object = None) -> object:
    """Return what a path of keys leads to in nested maps and lists, or the default."""
    for key in keys:
        try:
            node = node[key]
        except (KeyError, IndexError, TypeError):
            return default
    return default if node is None else node


def shown(value: object) -> str:
    """Return a value as YAML has it."""
    return "missing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def line_of(node: object, *keys: str | int) -> int:
    """Return the line of what a path of keys leads to, or of as much of the path as exists."""
    line = 1
    for key in keys:
        try:
            line = (node.lc.item(key) if isinstance(key, int) else node.lc.key(key))[0] + 1
            node = node[key]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line


@dataclass(frozen=True, eq=False)
class Repository:
    """The files of a service's repository; what was read of them once is kept."""

    root: Path
    texts: dict[str, str] = field(default_factory=dict)

    @cached_property
    def files(self) -> list[str]:
        """Every file that Git tracks or would add; without Git, every file outside of what is built."""
        listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        try:
            done = subprocess.run(listing, cwd=self.root, capture_output=True, text=True, timeout=COMMAND_SECONDS)
            names = done.stdout.split("\0") if done.returncode == 0 else None
        except FileNotFoundError:
            names = None
        if names is None:
            paths = (path.relative_to(self.root) for path in self.root.rglob("*"))
            names = [path.as_posix() for path in paths if not NOT_OURS & set(path.parts)]
        return sorted(name for name in names if name and (self.root / name).is_file())

    def matching(self, *patterns: str) -> list[str]:
        """Return the files that one of the patterns matches, such as `deploy/*.yaml`."""
        return sorted({name for pattern in patterns for name in fnmatch.filter(self.files, pattern)})

    def text(self, name: str) -> str:
        """Return a file's text."""
        if name not in self.texts:
            self.texts[name] = (self.root / name).read_text()
        return self.texts[name]

    def documents(self, name: str) -> list:
        """Return the documents of a YAML file."""
        try:
            return parse_yaml(self.text(name))
        except MarkedYAMLError as error:
            raise ReadinessError(error.problem, (name, error.problem_mark.line + 1)) from error
        except YAMLError as error:
            raise ReadinessError(str(error), (name, 0)) from error

    def search(self, pattern: str, *names: str) -> Place:
        """Return where a pattern first matches in these files, or NOWHERE."""
        for name in names:
            if found := re.search(pattern, self.text(name), re.MULTILINE):
                return name, self.text(name).count("\n", 0, found.start()) + 1
        return NOWHERE

    def place(self, pattern: str, *names: str) -> Place:
        """Return where a pattern first matches in these files, or else the first of them."""
        place = self.search(pattern, *names)
        return (names[0], 0) if names and place == NOWHERE else place

    def shows(self, pattern: str, *names: str, seen: str, expected: str) -> Finding:
        """Return whether a pattern matches in one of these files."""
        is_there = self.search(pattern, *names) != NOWHERE
        return verdict(is_there, seen, expected, self.place(pattern, *names))

    def is_executable(self, name: str) -> bool:
        """Tell whether a file exists and may be run."""
        return (self.root / name).is_file() and os.access(self.root / name, os.X_OK)


def run(*command: str, folder: Path | None = None, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command; return its exit code and what it printed. A missing one has the shell's exit code, 127."""
    try:
        return subprocess.run(
            command, cwd=folder, input=text, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]} is missing")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"{command[0]} took longer than {COMMAND_SECONDS} seconds")


# An item's check has the item's name, with underscores; it yields what it saw. One that saw nothing has not passed.
CHECKS: dict[str, Callable[..., Findings]] = {}

# What can be looked at beside the repository, by the name of the option that names it: what that shows, by item.
SUBJECTS: dict[str, Callable[..., dict[str, list[Finding]]]] = {}


def check(function: Callable[..., Findings]) -> Callable[..., Findings]:
    """Register the check of the item that the function is named after."""
    CHECKS[function.__name__.replace("_", "-")] = function
    return function


# --- The checklist ---


@dataclass(frozen=True)
class Item:
    """An item of the checklist."""

    name: str
    section: str
    statement: str
    mark: str


@cache
def read_checklist(repository: Repository) -> list[Item]:
    """Return the items of READINESS.md."""
    items, section = [], ""
    lines = repository.text(CHECKLIST).splitlines()
    for number, (line, detail) in enumerate(zip(lines, [*lines[1:], ""], strict=True), start=1):
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif section in SECTIONS and line.startswith("- "):
            statement = re.fullmatch(r"- \*\*(.+?)\*\* .+\\", line)
            rest = re.match(r"  \*(checked|yours)\* `([a-z-]+)`: ", detail)
            if not statement or not rest:
                raise ReadinessError("not an item as the others are", (CHECKLIST, number))
            items.append(Item(rest[2], section, statement[1], rest[1]))
    listed, known = {item.name for item in items if item.mark == "checked"}, {item.name for item in items}
    if listed - CHECKS.keys():
        raise ReadinessError(
            f"{CHECKLIST} calls these checked, but nothing checks them: {', '.join(sorted(listed - CHECKS.keys()))}"
        )
    if CHECKS.keys() - known:
        raise ReadinessError(f"{CHECKLIST} does not list what is checked: {', '.join(sorted(CHECKS.keys() - known))}")
    return items


# --- Sign-offs ---


@cache
def sign_offs(repository: Repository) -> dict:
    """Return what readiness.yml says, by item; nothing where there is no such file."""
    if SIGN_OFFS not in repository.files:
        return {}
    signed = at(repository.documents(SIGN_OFFS), 0, default={})
    if not hasattr(signed, "items"):
        raise ReadinessError("expects a map from items to name, date and expires", (SIGN_OFFS, 1))
    return signed


def signed_off(repository: Repository, name: str) -> Finding | None:
    """Return what a sign-off says of an item, None where there is none."""
    signed = sign_offs(repository)
    if name not in signed:
        return None
    place = (SIGN_OFFS, line_of(signed, name))
    entry = signed[name]
    person, date, expires = (at(entry, key) for key in ("name", "date", "expires"))
    is_whole = hasattr(entry, "keys") and set(entry) == {"name", "date", "expires"}
    if (
        not is_whole
        or not (isinstance(person, str) and person.strip())
        or not all(type(day) is datetime.date for day in (date, expires))
    ):
        return Finding(False, f"{name}: expects name, date and expires, both as YYYY-MM-DD", place)
    today = datetime.datetime.now(tz=datetime.UTC).date()
    if not date <= today or not date < expires:
        return Finding(
            False, f"{name}: signed {date}, expires {expires}: expects a day not after today, and a later one", place
        )
    return verdict(today <= expires, f"{person}, {date}, until {expires}", "a new look, and a new date", place)
