"""What all tests share: rendered projects, the template's releases, and what pytest prints."""

import fcntl
import functools
import hashlib
import json
import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import copier
import jinja2
import pytest
import yaml

from hooks.template import copy_template
from tests import containers, machine, updates
from tests.lanes import Lanes, start_with_the_longest

Render = Callable[..., Path]

# `make test` exports them, and each `make` that a test starts would print the folders that it enters.
for variable in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(variable, None)


def pytest_sessionstart() -> None:
    """Handle SIGINT, which a shell ignores for a job in the background and the tests' child processes would inherit."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> list[str]:
    """Print, before the tests start, which of them will be skipped and why."""
    return machine.missing_tools() or ["skipped: nothing; this machine has every tool that the tests require"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[pytest.TestReport]:
    """Print with each failure the command that runs the test alone."""
    report = yield
    if report.failed:
        report.sections.append(("run it alone", f"uv run pytest {shlex.quote(item.nodeid)}\n"))
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log) -> Lanes:
    """Return the scheduler by which pytest-xdist distributes the tests."""
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests, and skip those that require a tool that is missing, unless REQUIRE names it."""
    start_with_the_longest(items)
    for item in items:
        for tool, reason in missing_for(item).items():
            if tool not in machine.required():
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let a test fail that requires a tool that is missing and that REQUIRE names."""
    if reasons := "; ".join(reason for tool, reason in missing_for(item).items() if tool in machine.required()):
        pytest.fail(f"REQUIRE={os.environ['REQUIRE']} is set, but {reasons}", pytrace=False)


def missing_for(item: pytest.Item) -> dict[str, str]:
    """Return the tools that a test requires and this machine has not, with the reason."""
    tools = [tool for marker in item.iter_markers("needs") for tool in marker.args]
    return {tool: reason for tool in tools if (reason := machine.missing(tool))}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the working tree without its history: Copier then renders the files as they are now."""
    destination = tmp_path_factory.mktemp("template") / "deployment-patterns"
    copy_template(destination)
    return destination


@pytest.fixture(scope="session", autouse=True)
def renders_are_fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make Copier faster without changing what it renders; test_render.py compares with the unchanged command line.

    Copier compiles each file of the template for each project, and clones the template several times for each update;
    here each text is compiled once and each commit is cloned once. PyYAML reads and writes with its C extension.
    Copier's temporary folders are in memory if there is a memory-backed file system. Copier does not read the mode of
    every file from Git, which matters only on file systems without file modes.
    """
    compiled: dict[tuple, object] = {}
    compile_text = jinja2.Environment.compile
    tmp_path_factory.getbasetemp()  # before tempdir changes, so that pytest's own folders stay on disk
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

    def compile_once(
        environment: jinja2.Environment,
        source: str,
        name: str | None = None,
        filename: str | None = None,  # not part of the key: it differs for each clone and only tracebacks show it
        **options: object,
    ) -> object:
        key = (environment.block_start_string, source, name, *sorted(options.items()))
        if key not in compiled:
            compiled[key] = compile_text(environment, source, name, filename, **options)
        return compiled[key]

    clones: dict[tuple[str, str, str], str] = {}
    clone = copier._template.clone

    def clone_once(url: str, ref: str = "HEAD", location: str | None = None) -> str:
        if ref == "HEAD" or location is None:  # HEAD includes changes that are not committed
            return clone(url, ref, location)
        key = (url, ref, updates.git(Path(url), "show-ref", "--head"))
        if key not in clones:
            clones[key] = clone(url, ref, tempfile.mkdtemp(dir=cloned))
        shutil.copytree(clones[key], location, symlinks=True, copy_function=os.link, dirs_exist_ok=True)
        return location

    with (
        tempfile.TemporaryDirectory(dir=memory) as cloned,
        mock.patch.object(copier._template, "clone", clone_once),
        mock.patch.object(jinja2.Environment, "compile", compile_once),
        mock.patch.object(yaml, "SafeLoader", yaml.CSafeLoader),
        mock.patch.object(yaml, "SafeDumper", yaml.CSafeDumper),
        mock.patch.object(tempfile, "tempdir", memory),
        mock.patch("copier._main.Worker._sync_git_index_executable_bit"),
    ):
        yield


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Return a function that makes a folder by its name, once for all workers: the folder is only to be read."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    shared.mkdir(exist_ok=True)

    def once(name: str, make: Callable[[Path], object]) -> Path:
        # A worker waits for another one that makes the same folder.
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / name).exists():
                folder = tmp_path_factory.mktemp(name)
                make(folder)
                folder.rename(shared / name)
        return shared / name

    return once


@pytest.fixture(scope="session")
def render(template: Path, once: Callable[..., Path]) -> Render:
    """Return a function that renders answers without trust, once for all workers: the project is only to be read."""

    @functools.cache
    def render_once(answers_as_json: str) -> Path:
        answers = json.loads(answers_as_json)
        name = answers.get("project_name", "my-service")

        def make(folder: Path) -> None:
            copier.run_copy(str(template), folder / name, data=answers, defaults=True, quiet=True)

        return once(f"render-{hashlib.sha256(answers_as_json.encode()).hexdigest()[:16]}", make) / name

    def render(**answers: object) -> Path:
        return render_once(json.dumps(answers, sort_keys=True))

    return render


@pytest.fixture
def emit(render: Render, tmp_path: Path) -> Render:
    """Return a function that renders answers into a project that the test may change."""

    def emit(**answers: object) -> Path:
        source = render(**answers)
        return Path(shutil.copytree(source, tmp_path / source.name, symlinks=True))

    return emit


@pytest.fixture(scope="session")
def tagged(once: Callable[..., Path]) -> Path:
    """Return the template with a tag for each release and the working tree, once for all workers: only to be read."""
    return once("tagged", updates.tagged_template) / "template"


@pytest.fixture(scope="session")
def images(render: Render) -> Callable[[str, list[str]], str]:
    """Return a function that builds a language's image for some services, once per session."""

    @functools.cache
    def build(language: str, services: tuple[str, ...]) -> str:
        tag = f"deployment-patterns-test/{language}-{'-'.join(services) or 'none'}"
        return containers.build(render(language=language, services=list(services)), tag)

    return lambda language, services: build(language, tuple(services))
