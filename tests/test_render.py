"""Promise: Copier renders every combination of answers, without trust, into clean files that parse."""

import functools
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.combinations import LANGUAGES, SERVICES, covering_rows, label, on, platforms

LEFTOVER = re.compile(r"\[\[ |\[%|%\]|\[# ")
TWO_BLANK_LINES_ARE_STYLE = {".py", ".lock"}
COPIER = Path(sys.executable).parent / "copier"
RUFF = Path(sys.executable).parent / "ruff"
SYNTAX_ONLY = ("--quiet", "--no-cache", "--isolated", "--select=E9", "--target-version=py313")


def files(project: Path) -> list[Path]:
    """Return every file of a rendered project."""
    return sorted(path for path in project.rglob("*") if path.is_file())


def traces(path: Path) -> list[str]:
    """Return the traces of templating in a file: delimiters, superfluous blank lines, trailing spaces."""
    text = path.read_text()
    return [f"{path}: {problem}" for problem in traces_in(kind(path, text), text)]


def kind(path: Path, text: str) -> str:
    """Return a file's suffix, or that of the language in which a script without a suffix is written."""
    return ".py" if re.match(r"#!.* (uv run|python)", text) else path.suffix


@functools.cache
def traces_in(kind: str, text: str) -> list[str]:
    blank_lines = 3 if kind in TWO_BLANK_LINES_ARE_STYLE else 2
    problems = {
        "a template delimiter": LEFTOVER.search(text),
        "a blank line at the beginning": text.startswith("\n"),
        "no line break, or more than one, at the end": text and (not text.endswith("\n") or text.endswith("\n\n")),
        # Code in documents has the style of its language.
        f"{blank_lines} blank lines in a row": "\n" * (blank_lines + 1) in re.sub(r"(?ms)^ *```.*?```$", "code", text),
        "a space at the end of a line": re.search(r"[ \t]$", text, re.MULTILINE),
    }
    return [problem for problem, found in problems.items() if found]


@functools.cache
def parse(kind: str, text: str) -> None:
    """Parse a file's text by its kind; raise an error if the text is invalid."""
    match kind:
        case ".json":
            json.loads(text)
        case ".py":  # by Ruff: the emitted code may be for a newer Python than the one that runs the tests
            subprocess.run([RUFF, "check", *SYNTAX_ONLY, "-"], input=text, text=True, timeout=60, check=True)
        case ".toml" | ".lock":
            tomllib.loads(text)
        case ".yaml" | ".yml":
            list(yaml.safe_load_all(text))


@pytest.mark.parametrize("answers", covering_rows(), ids=label)
def test_renders_clean_files_that_parse(render, answers):
    project = render(**answers)
    emitted = files(project)
    assert len(emitted) > 30
    assert not [problem for path in emitted for problem in traces(path)]
    for path in emitted:
        text = path.read_text()
        parse(kind(path, text), text)


def test_traces_of_templating_are_found(tmp_path):
    for text in ("\na\n", "a\n\n\nb\n", "a\n\n", "a", "a \n", "[[ a ]]\n", "[% if a %]\n"):
        path = tmp_path / "file.txt"
        path.write_text(text)
        assert traces(path), text


@pytest.mark.parametrize(
    ("kind", "text"), [(".json", "{,}"), (".py", "def\n"), (".toml", "a = \n"), (".lock", "a = \n"), (".yml", "a: [\n")]
)
def test_invalid_files_are_found(kind, text):
    with pytest.raises((ValueError, subprocess.CalledProcessError, yaml.YAMLError)):
        parse(kind, text)


def test_the_command_line_renders_the_same_files(render, template, tmp_path):
    """The other tests render in this process, with the patches of the fixture renders_are_fast."""
    answers = on("kubernetes", "python", "canary", ["postgres", "redis", "external-api"], "public")
    data = tmp_path / "answers.yml"
    data.write_text(yaml.safe_dump(answers))
    project = tmp_path / "my-service"
    command = [COPIER, "copy", "--quiet", "--defaults", "--data-file", data, template, project]
    subprocess.run(command, check=True, timeout=60)
    assert snapshot(project) == snapshot(render(**answers))


def snapshot(project: Path) -> dict[Path, tuple[bytes, int]]:
    """Return the content and the mode of each file of a project."""
    return {path.relative_to(project): (path.read_bytes(), path.stat().st_mode) for path in files(project)}


@pytest.mark.parametrize("answers", covering_rows(), ids=label)
def test_no_file_mentions_a_service_that_was_not_chosen(render, answers):
    mentions = {
        "postgres": r"postgres|DATABASE_URL|\bpgx?\b|psycopg|goose",
        "redis": r"redis",
        "external-api": r"external.?api",
    }
    assert set(mentions) == set(SERVICES)
    project = render(**answers)
    for service, mention in mentions.items():
        found = [
            f"{path.relative_to(project)}: {line.strip()}"
            for path in files(project)
            if path.name not in {"go.sum", "package-lock.json", "uv.lock", ".copier-answers.yml"}
            for line in [str(path.relative_to(project)), *path.read_text().splitlines()]
            if re.search(mention, line, re.IGNORECASE)
        ]
        assert bool(found) == (service in answers["services"]), found[:5]


def test_layers_that_are_active_together_never_write_the_same_file(template):
    layer = re.compile(r"\[\[(\w+)\]\]")
    origins: dict[str, list[set[str]]] = {}
    for path in files(template / "template"):
        relative = str(path.relative_to(template / "template"))
        if "_copier_conf" in relative:
            continue
        target = re.sub(r"\[\[\w+\]\]/", "", relative).removesuffix(".jinja")
        origins.setdefault(target, []).append(set(layer.findall(relative)))
    strategies = [{"rolling", "blue_green", "canary"}, {"rolling", "argo_rollouts"}]
    exclusive = [set(LANGUAGES), set(platforms()), *strategies]
    collisions = [
        target
        for target, layers in origins.items()
        for number, one in enumerate(layers)
        for other in layers[number + 1 :]
        if not any((one & group) and (other & group) and (one & group) != (other & group) for group in exclusive)
    ]
    assert not collisions


def test_template_paths_are_portable(template):
    paths = [str(path.relative_to(template)) for path in files(template / "template")]
    assert not [path for path in paths if re.search(r'["|<>*?:\\]|\{[{%]', path)]
