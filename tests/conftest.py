"""Fixtures that every test shares: rendered projects and what the machine offers."""

import fcntl
import functools
import hashlib
import json
import os
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
from tests import containers, machine
from tests.lanes import Lanes, begin_with_what_takes_long

Render = Callable[..., Path]


def pytest_sessionstart() -> None:
    """Let what the tests start be interrupted even where a shell runs the tests in the background, ignoring SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log) -> Lanes:
    """Tell pytest-xdist how to distribute the tests."""
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests; skip one whose tools are not here, or make it fail where REQUIRE names the missing one."""
    begin_with_what_takes_long(items)
    for item in items:
        for marker in item.iter_markers("needs"):
            for tool in marker.args:
                if not (reason := machine.missing(tool)):
                    continue
                if tool in machine.required():
                    item.add_marker(pytest.mark.usefixtures("requirement_is_not_met"))
                    item.user_properties.append(("missing", reason))
                else:
                    item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def requirement_is_not_met(request: pytest.FixtureRequest) -> None:
    reasons = "; ".join(value for name, value in request.node.user_properties if name == "missing")
    pytest.fail(f"REQUIRE={os.environ['REQUIRE']} asks for it, but {reasons}", pytrace=False)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the working tree without its history, so that a render takes the files as they are now."""
    destination = tmp_path_factory.mktemp("template") / "deployment-patterns"
    copy_template(destination)
    return destination


@pytest.fixture(scope="session", autouse=True)
def renders_are_fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what Jinja compiles, which Copier does anew for each project, and let PyYAML read and write in C.

    What Copier clones and throws away goes to memory where there is some. It need not ask Git about the mode of every
    file either: that changes something on file systems only that know no modes.
    """
    compiled: dict[tuple, object] = {}
    compile_text = jinja2.Environment.compile
    tmp_path_factory.getbasetemp()  # pytest's own folders, settled before, stay where they are
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

    def compile_once(
        environment: jinja2.Environment,
        source: str,
        name: str | None = None,
        filename: str | None = None,  # where this clone of the template is: it only shows in tracebacks
        **options: object,
    ) -> object:
        key = (environment.block_start_string, source, name, *sorted(options.items()))
        if key not in compiled:
            compiled[key] = compile_text(environment, source, name, filename, **options)
        return compiled[key]

    with (
        mock.patch.object(jinja2.Environment, "compile", compile_once),
        mock.patch.object(yaml, "SafeLoader", yaml.CSafeLoader),
        mock.patch.object(yaml, "SafeDumper", yaml.CSafeDumper),
        mock.patch.object(tempfile, "tempdir", memory),
        mock.patch("copier._main.Worker._sync_git_index_executable_bit"),
    ):
        yield


@pytest.fixture(scope="session")
def render(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Return a function that renders answers without trust, once for all workers: its result is only to be read."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "renders"
    shared.mkdir(exist_ok=True)

    @functools.cache
    def render_once(answers_as_json: str) -> Path:
        answers = json.loads(answers_as_json)
        name = answers.get("project_name", "my-service")
        key = hashlib.sha256(answers_as_json.encode()).hexdigest()[:16]
        # A worker waits for the one that renders the same project, rather than doing its work once more.
        with (shared / f"{key}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / key).exists():
                folder = tmp_path_factory.mktemp("render")
                copier.run_copy(str(template), folder / name, data=answers, defaults=True, quiet=True)
                folder.rename(shared / key)
        return shared / key / name

    def render(**answers: object) -> Path:
        return render_once(json.dumps(answers, sort_keys=True))

    return render


@pytest.fixture
def emit(render: Render, tmp_path: Path) -> Render:
    """Return a function that renders answers into a repository of the test's own, to be changed at will."""

    def emit(**answers: object) -> Path:
        source = render(**answers)
        return Path(shutil.copytree(source, tmp_path / source.name, symlinks=True))

    return emit


@pytest.fixture(scope="session")
def images(render: Render) -> Callable[[str, list[str]], str]:
    """Return a function that builds a language's image for some services, once per session."""

    @functools.cache
    def build(language: str, services: tuple[str, ...]) -> str:
        tag = f"deployment-patterns-test/{language}-{'-'.join(services) or 'none'}"
        return containers.build(render(language=language, services=list(services)), tag)

    return lambda language, services: build(language, tuple(services))
