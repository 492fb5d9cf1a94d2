"""Fixtures that every test shares: rendered projects and what the machine offers."""

import functools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import copier
import pytest

from tests import containers, machine
from tests.combinations import ROOT

THE_TEMPLATE = ("copier.yml", "facts", "includes", "locks", "template")

Render = Callable[..., Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip a test whose tools are not here, or make it fail where REQUIRE names the missing one."""
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
    destination.mkdir()
    for name in THE_TEMPLATE:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, destination / name)
    return destination


@pytest.fixture(scope="session")
def render(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Return a function that renders answers without trust, once per session: its result is only to be read."""
    rendered: dict[str, Path] = {}

    def render(**answers: object) -> Path:
        key = json.dumps(answers, sort_keys=True)
        if key not in rendered:
            destination = tmp_path_factory.mktemp("render") / str(answers.get("project_name", "my-service"))
            copier.run_copy(str(template), destination, data=answers, defaults=True, quiet=True)
            rendered[key] = destination
        return rendered[key]

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
