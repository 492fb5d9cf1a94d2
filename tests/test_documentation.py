"""Promise: the documentation matches what is emitted, and its commands and examples work."""

import io
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import copier
import pytest
import yaml

from hooks.blocks import BlockError, fill
from tests.combinations import LANGUAGES, ROOT, SERVICES, cells, platforms, questions, refusals

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").iterdir())


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_generated_blocks_are_current(render, page):
    assert fill(page.read_text(), render) == page.read_text(), "run hooks/refresh-docs"


def test_every_cell_of_the_matrix_is_in_the_readme():
    text = (ROOT / "README.md").read_text()
    for platform, strategy in cells():
        assert f" {platforms()[platform]['strategies'][strategy]['how']} |" in text
    assert text.count(" not supported |") == len(refusals())


@pytest.mark.parametrize("page", ["AGENTS.md", "docs/choosing-a-strategy.md"])
def test_each_refusal_is_explained(page):
    text = (ROOT / page).read_text()
    for platform, strategy, reason in refusals():
        assert f"- **{platforms()[platform]['title']}, {strategy}:** {reason}." in text


def test_the_readme_is_readable_at_100_columns():
    lines = [re.sub(r"\]\([^)]*\)", "]", line) for line in (ROOT / "README.md").read_text().splitlines()]
    assert not [line for line in lines if len(line) > 100]


@pytest.mark.needs("uv")
def test_the_readme_copy_command_works_as_printed(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True, timeout=60)
    command = next(line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("uvx copier"))
    done = subprocess.run(["sh", "-c", f"{command} --defaults"], cwd=clone, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    answers = yaml.safe_load((tmp_path / "my-service/.copier-answers.yml").read_text())
    assert answers["_src_path"] == str(ROOT)  # the address of the clone's origin, from which an update works


@pytest.mark.parametrize(
    ("before", "inside"),
    [
        ("<!-- matrix -->\n", "| not supported |"),
        ("<!-- refusals -->\n", "**Railway, canary:**"),
        ("<!-- pods -->\n", "| `canary` | 5 | 5 to 20, by load | Rollout |"),
        (
            "<!-- tree language=go under=cmd,migrations services=postgres -->\n",
            "\nmigrations/  00001_create_notes.sql",
        ),
        ("<!-- file language=python path=api/urls.py -->\n", "```python\n"),
        ("<!-- commands language=node -->\n", "| `make typecheck` | Check types | `npm run typecheck` |"),
    ],
)
def test_only_a_block_is_refreshed(render, before, inside):
    end = f"<!-- /{before.split()[1]} -->"
    filled = fill(f"text\n{before}out of date\n{end}\nmore\n", render)
    assert filled.startswith(f"text\n{before}")
    assert filled.endswith(f"{end}\nmore\n")
    assert inside in filled
    assert "out of date" not in filled


@pytest.mark.parametrize(
    "block",
    [
        "<!-- trees -->\n<!-- /trees -->",
        "<!-- tree language = go -->\n<!-- /tree -->",
        "<!-- tree language=go -->\n<!-- /file -->",
        "<!-- tree language=cobol -->\n<!-- /tree -->",
        "<!-- tree language=go under=nowhere -->\n<!-- /tree -->",
        "<!-- file language=go path=nowhere -->\n<!-- /file -->",
        "<!-- matrix language=go -->\n<!-- /matrix -->",
    ],
)
def test_an_invalid_block_is_an_error(render, block):
    with pytest.raises(BlockError):
        fill(block, render)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return a small copy of this repository: hooks, template, one page and the picture."""
    repository = tmp_path / "repository"
    for path in ("hooks", "facts", "includes", "locks", "readiness", "template", "docs/pictures"):
        shutil.copytree(ROOT / path, repository / path)
    shutil.copy2(ROOT / "copier.yml", repository)
    (repository / "README.md").write_text("<!-- pods -->\n<!-- /pods -->\n")
    return repository


def run(repository: Path, hook: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, repository / "hooks" / hook, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_refresh_docs_checks_and_writes(elsewhere):
    done = run(elsewhere, "refresh-docs", "--check")
    assert (done.returncode, done.stderr) == (1, "error: out of date: README.md. Run hooks/refresh-docs.\n")
    assert (elsewhere / "README.md").read_text() == "<!-- pods -->\n<!-- /pods -->\n"
    done = run(elsewhere, "refresh-docs")
    assert (done.returncode, done.stdout) == (0, "README.md: refreshed\n")
    assert run(elsewhere, "refresh-docs", "--check").returncode == 0
    (elsewhere / "README.md").write_text("<!-- podz -->\n<!-- /podz -->\n")
    done = run(elsewhere, "refresh-docs")
    assert (done.returncode, done.stderr) == (2, "error: README.md: there is no block of the kind podz\n")


def test_the_picture_is_current():
    done = run(ROOT, "refresh-picture", "--check")
    assert done.returncode == 0, done.stderr


def test_a_changed_question_outdates_the_picture(elsewhere):
    questions = elsewhere / "copier.yml"
    questions.write_text(questions.read_text().replace("smallest image", "small image"))
    done = run(elsewhere, "refresh-picture", "--check")
    assert done.returncode == 1
    assert "out of date" in done.stderr


def test_each_supported_cell_has_one_example():
    assert [path.name for path in EXAMPLES] == sorted(f"{platform}-{strategy}.yml" for platform, strategy in cells())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_renders_without_a_prompt(template, tmp_path, example, monkeypatch):
    answers = yaml.safe_load(example.read_text())
    expected = [name for name in questions() if name != "cluster_login" or answers["platform"] == "kubernetes"]
    assert list(answers) == expected
    assert example.stem == f"{answers['platform']}-{answers['strategy']}"
    monkeypatch.setattr("sys.stdin", io.StringIO())
    destination = tmp_path / answers["project_name"]
    copier.run_copy(str(template), destination, data=answers, quiet=True)
    stored = yaml.safe_load((destination / ".copier-answers.yml").read_text())
    assert {question: stored[question] for question in expected} == answers


def test_the_documented_command_accepts_an_example(template, tmp_path):
    example = ROOT / "examples/kubernetes-canary.yml"
    command = [sys.executable, "-m", "copier", "copy", "--quiet", "--data-file", example, template, tmp_path / "search"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "search/deploy/base/rollout.yaml").exists()


def test_a_question_without_an_answer_is_not_answered_silently(template, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(copier.errors.InteractiveSessionError):
        copier.run_copy(str(template), tmp_path / "orders", data={"project_name": "orders"}, quiet=True)


def test_each_language_and_platform_has_a_page():
    assert {path.stem for path in (ROOT / "docs/languages").iterdir()} == set(LANGUAGES)
    assert {path.stem for path in (ROOT / "docs/platforms").iterdir()} == set(platforms())


@pytest.mark.parametrize("kind", ["languages", "platforms"])
def test_pages_of_a_kind_have_the_same_sections(kind):
    heading = re.compile(r"^## (.*)", re.MULTILINE)
    sections = [set(heading.findall(path.read_text())) for path in (ROOT / "docs" / kind).iterdir()]
    assert len(set.intersection(*sections)) >= 5


def dependencies(project: Path, language: str) -> set[str]:
    """Return the names of a project's direct dependencies, those of its tests and tools included."""
    match language:
        case "go":
            required = re.findall(r"^\t(\S+) v\S+$", (project / "go.mod").read_text(), re.MULTILINE)
            return {"/".join(re.sub(r"/v\d+$", "", module).split("/")[-2:]) for module in required}
        case "node":
            manifest = yaml.safe_load((project / "package.json").read_text())
            return {*manifest["dependencies"], *manifest["devDependencies"]}
        case "python":
            manifest = tomllib.loads((project / "pyproject.toml").read_text())
            listed = [*manifest["project"]["dependencies"], *manifest["dependency-groups"]["dev"]]
            return {re.match(r"[\w-]+", requirement)[0] for requirement in listed}
    raise ValueError(f"unknown language {language}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_library_is_explained(render, language):
    page = (ROOT / f"docs/languages/{language}.md").read_text()
    found = dependencies(render(language=language, services=list(SERVICES)), language)
    assert len(found) > 7
    assert not [library for library in found if f"`{library}`" not in page]


def test_the_assistants_page_names_every_question_and_choice():
    text = (ROOT / "AGENTS.md").read_text()
    for question, specification in questions().items():
        choices = specification.get("choices", {}).values()
        for word in [question, *(choice["value"] if isinstance(choice, dict) else choice for choice in choices)]:
            assert f"`{word}`" in text
