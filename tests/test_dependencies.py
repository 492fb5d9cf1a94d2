"""Promise: pyproject.toml names every package that this repository's Python imports."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.combinations import ROOT

FOLDERS = ["tests", "hooks", "scripts", "benchmarks"]


def python_files() -> Iterator[Path]:
    """Yield the tracked Python programs and modules; those that `uv run --script` starts name their own packages."""
    names = subprocess.run(["git", "ls-files", "-z", *FOLDERS], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, names.stdout.split("\0")):
        path = ROOT / name
        if name.startswith(("tests/owner_edits/", "benchmarks/bare/")) or not path.is_file():  # run in services' images
            continue
        first = path.read_bytes()[:200].splitlines()[:1]
        is_program = bool(first) and first[0].startswith(b"#!") and b"python" in first[0]
        if (path.suffix == ".py" or is_program) and "# /// script" not in path.read_text():
            yield path


def imported(text: str) -> set[str]:
    """Return the top-level modules that Python code imports."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_every_imported_package_is_named():
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    named = {re.match(r"[\w.-]+", entry)[0].lower().replace("_", "-") for entry in group if isinstance(entry, str)}
    distributions = packages_distributions()
    files = list(python_files())
    assert len(files) > 40
    missing = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in files
        for module in imported(path.read_text()) - set(sys.stdlib_module_names) - set(FOLDERS)
        if not (ROOT / f"{module}").is_dir()
        and not any(name.lower().replace("_", "-") in named for name in distributions.get(module, []))
    }
    assert not missing


def test_the_oldest_gunicorn_that_a_service_allows_is_the_locked_one(render):
    """The service tests the locked one: config/worker.py extends a class that any release may change."""
    project = render(language="python")
    oldest = re.search(r'"gunicorn>=([\d.]+),<', (project / "pyproject.toml").read_text())[1]
    packages = tomllib.loads((project / "uv.lock").read_text())["package"]
    assert [package["version"] for package in packages if package["name"] == "gunicorn"] == [oldest]
