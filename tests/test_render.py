"""Promise: every valid combination of answers renders, without trust, into clean files that parse."""

import functools
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.combinations import all_services, every_combination, label, platforms

COMBINATIONS = every_combination()
LEFTOVER = re.compile(r"\[\[ |\[%|%\]|\[# ")
TWO_BLANK_LINES_ARE_STYLE = {".py", ".lock"}
RUFF = Path(sys.executable).parent / "ruff"
SYNTAX_ONLY = ("--quiet", "--no-cache", "--isolated", "--select=E9", "--target-version=py313")


def files(project: Path) -> list[Path]:
    """Return every file of a rendered project."""
    return sorted(path for path in project.rglob("*") if path.is_file())


def debris(path: Path) -> list[str]:
    """Return what templating left behind in a file: delimiters, stray blank lines, trailing spaces."""
    text = path.read_text()
    return [f"{path}: {problem}" for problem in debris_in(kind(path, text), text)]


def kind(path: Path, text: str) -> str:
    """Return a file's suffix, or the one that a script's interpreter stands for."""
    return ".py" if re.match(r"#!.* (uv run|python)", text) else path.suffix


@functools.cache
def debris_in(kind: str, text: str) -> list[str]:
    blank_lines = 3 if kind in TWO_BLANK_LINES_ARE_STYLE else 2
    problems = {
        "a template delimiter": LEFTOVER.search(text),
        "a blank line at the beginning": text.startswith("\n"),
        "no line break, or more than one, at the end": text and (not text.endswith("\n") or text.endswith("\n\n")),
        f"{blank_lines} blank lines in a row": "\n" * (blank_lines + 1) in text,
        "a space at the end of a line": re.search(r"[ \t]$", text, re.MULTILINE),
    }
    return [problem for problem, found in problems.items() if found]


@functools.cache
def parse(kind: str, text: str) -> None:
    """Parse a file's text by its kind; raise an error where it cannot be."""
    match kind:
        case ".json":
            json.loads(text)
        case ".py":  # by Ruff: the emitted code may be for a newer Python than the one that runs the tests
            subprocess.run([RUFF, "check", *SYNTAX_ONLY, "-"], input=text, text=True, timeout=60, check=True)
        case ".toml" | ".lock":
            tomllib.loads(text)
        case ".yaml" | ".yml":
            list(yaml.safe_load_all(text))


def test_there_are_combinations():
    assert len(COMBINATIONS) == 3 * 6 * (8 + 2)


@pytest.mark.parametrize("answers", COMBINATIONS, ids=label)
def test_renders_clean_files_that_parse(render, answers):
    project = render(**answers)
    emitted = files(project)
    assert len(emitted) > 30
    assert not [problem for path in emitted for problem in debris(path)]
    for path in emitted:
        text = path.read_text()
        parse(kind(path, text), text)


def test_debris_is_noticed(tmp_path):
    for text in ("\na\n", "a\n\n\nb\n", "a\n\n", "a", "a \n", "[[ a ]]\n", "[% if a %]\n"):
        path = tmp_path / "file.txt"
        path.write_text(text)
        assert debris(path), text


@pytest.mark.parametrize(
    ("kind", "text"), [(".json", "{,}"), (".py", "def\n"), (".toml", "a = \n"), (".lock", "a = \n"), (".yml", "a: [\n")]
)
def test_what_cannot_be_parsed_is_noticed(kind, text):
    with pytest.raises((ValueError, subprocess.CalledProcessError, yaml.YAMLError)):
        parse(kind, text)


@pytest.mark.parametrize("services", all_services(), ids="+".join)
@pytest.mark.parametrize("language", ["node", "go", "python"])
@pytest.mark.parametrize("platform", platforms())
def test_nothing_is_emitted_for_a_service_that_was_not_chosen(render, platform, language, services):
    traces = {
        "postgres": r"postgres|DATABASE_URL|\bpgx?\b|psycopg|goose",
        "redis": r"redis",
        "external-api": r"external.?api",
    }
    project = render(platform=platform, language=language, services=services)
    for service, trace in traces.items():
        found = [
            f"{path.relative_to(project)}: {line.strip()}"
            for path in files(project)
            if path.name not in {"go.sum", "package-lock.json", "uv.lock", ".copier-answers.yml"}
            for line in [str(path.relative_to(project)), *path.read_text().splitlines()]
            if re.search(trace, line, re.IGNORECASE)
        ]
        assert bool(found) == (service in services), found[:5]


def test_rooms_that_are_active_together_never_write_the_same_file(template):
    rooms = re.compile(r"\[\[(\w+)\]\]")
    origins: dict[str, list[set[str]]] = {}
    for path in files(template / "template"):
        relative = str(path.relative_to(template / "template"))
        if "_copier_conf" in relative:
            continue
        target = re.sub(r"\[\[\w+\]\]/", "", relative).removesuffix(".jinja")
        origins.setdefault(target, []).append(set(rooms.findall(relative)))
    strategies = [{"rolling", "blue_green", "canary"}, {"rolling", "argo_rollouts"}]
    exclusive = [{"node", "go", "python"}, set(platforms()), *strategies]
    collisions = [
        target
        for target, rooms_of in origins.items()
        for number, one in enumerate(rooms_of)
        for other in rooms_of[number + 1 :]
        if not any((one & group) and (other & group) and (one & group) != (other & group) for group in exclusive)
    ]
    assert not collisions


def test_template_paths_are_portable(template):
    paths = [str(path.relative_to(template)) for path in files(template / "template")]
    assert not [path for path in paths if re.search(r'["|<>*?:\\]|\{[{%]', path)]
