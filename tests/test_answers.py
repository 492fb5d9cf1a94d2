"""Promise: wrong answers are refused with a message to act on, and nothing is half-written or overwritten."""

import re
import subprocess
import sys
from pathlib import Path

import copier
import pytest
import yaml

from tests.combinations import LANGUAGES, ROOT, cells, platforms, questions, refusals

REFUSED_NAMES = {
    "Orders": "lower-case",
    "1orders": "starting with a letter",
    "order_history": "hyphens",
    "-orders": "starting with a letter",
    "orders-": "hyphens",
    "order--history": "single hyphens",
    "order.history": "lower-case",
    "order history": "lower-case",
    "": "lower-case",
    "bestellübersicht": "lower-case",
    "../orders": "lower-case",
    "o" * 41: "has 41",
    "kube-orders": "Kubernetes reserves",
    "fastify": "that the service uses",
    "django": "that the service uses",
    "http": "that the service uses",
    "node-modules-": "hyphens",
}


def copier_copy(template: Path, destination: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run Copier's command line without a terminal, as a script would."""
    command = [sys.executable, "-m", "copier", "copy", "--quiet", *arguments, str(template), str(destination)]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def assert_refused(done: subprocess.CompletedProcess, destination: Path, *words: str) -> None:
    assert done.returncode != 0
    last_line = done.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last_line
    assert not destination.exists() or not list(destination.iterdir())


@pytest.mark.parametrize(("name", "word"), REFUSED_NAMES.items(), ids=repr)
def test_project_names_that_something_refuses_are_refused(template, tmp_path, name, word):
    destination = tmp_path / "project"
    with pytest.raises(ValueError, match="project_name") as refusal:
        copier.run_copy(str(template), destination, data={"project_name": name}, defaults=True, quiet=True)
    assert word in str(refusal.value)
    assert not destination.exists() or not list(destination.iterdir())


@pytest.mark.parametrize("name", ["a", "orders", "order-history", "s3-proxy", "o" * 40, "redis-proxy", "x2"])
def test_other_project_names_are_taken(render, name):
    assert (render(project_name=name) / "README.md").read_text().startswith(f"# {name}\n")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("description", ""),
        ("description", " padded "),
        ("description", 'He said "no"'),
        ("description", "costs $5"),
        ("description", "a`b"),
        ("description", "two\nlines"),
        ("description", "back\\slash"),
        ("description", "x" * 201),
        ("github_owner", ""),
        ("github_owner", "-acme"),
        ("github_owner", "acme-"),
        ("github_owner", "ac--me"),
        ("github_owner", "_acme"),
        ("github_owner", "octocat_"),
        ("github_owner", "octocat_acme_inc"),
        ("github_owner", "a" * 40),
        ("language", "rust"),
        ("platform", "heroku"),
        ("strategy", "big-bang"),
        ("services", ["mongodb"]),
        ("repository", "secret"),
    ],
)
def test_other_wrong_answers_are_refused(template, tmp_path, question, answer):
    destination = tmp_path / "project"
    with pytest.raises(ValueError, match=question):
        copier.run_copy(str(template), destination, data={question: answer}, defaults=True, quiet=True)
    assert not destination.exists() or not list(destination.iterdir())


def test_a_managed_user_is_an_owner(render):
    """With the enterprise's short code: docs.github.com, "Username considerations for external authentication"."""
    project = render(github_owner="Octo-Cat_acme", language="go")
    assert "ghcr.io/octo-cat_acme/my-service" in (project / ".github/workflows/pipeline.yml").read_text()


@pytest.mark.parametrize("description", ["It's 100 % “fine” & <ok>: #1, {{ x }} [[ y ]] ${{ z".replace("$", ""), "é"])
def test_descriptions_that_look_like_syntax_are_emitted_as_they_are(template, tmp_path, description):
    for language in LANGUAGES:
        destination = tmp_path / language
        data = {"language": language, "description": description}
        copier.run_copy(str(template), destination, data=data, defaults=True, quiet=True)
        assert description in (destination / "README.md").read_text()


@pytest.mark.parametrize(("platform", "strategy", "reason"), refusals())
def test_what_a_platform_cannot_do_is_refused_with_the_reason_and_an_alternative(
    template, tmp_path, platform, strategy, reason
):
    destination = tmp_path / "project"
    answers = ["--data", f"platform={platform}", "--data", f"strategy={strategy}"]
    assert_refused(copier_copy(template, destination, "--defaults", *answers), destination, "strategy", reason)
    alternatives = [other for other, verdict in platforms()[platform]["strategies"].items() if not verdict["refused"]]
    assert any(f"Choose {alternative}" in reason for alternative in alternatives)


def test_the_refusals_are_the_three_that_are_known():
    known = {("vercel", "rolling"), ("railway", "blue-green"), ("railway", "canary")}
    assert {(platform, strategy) for platform, strategy, _ in refusals()} == known


@pytest.mark.parametrize("platform", platforms())
def test_a_platform_alone_is_answer_enough(render, platform):
    """The default strategy is one that the platform can do."""
    answers = yaml.safe_load((render(platform=platform) / ".copier-answers.yml").read_text())
    assert (platform, answers["strategy"]) in cells()


def test_a_misspelt_question_is_refused(template, tmp_path):
    destination = tmp_path / "project"
    assert_refused(copier_copy(template, destination, "--defaults", "-d", "langauge=go"), destination, '"langauge"')


def test_the_command_line_refuses_a_wrong_choice(template, tmp_path):
    destination = tmp_path / "project"
    assert_refused(copier_copy(template, destination, "--defaults", "-d", "language=rust"), destination, "language")


def test_files_that_exist_are_never_overwritten_without_a_question(template, tmp_path):
    (tmp_path / "README.md").write_text("mine\n")
    done = copier_copy(template, tmp_path, "--defaults")
    assert done.returncode != 0
    assert (tmp_path / "README.md").read_text() == "mine\n"


def test_the_validator_knows_the_questions(template):
    names = re.search(r"questions = (\[.*?\])", (template / "includes/validators/project_name.jinja").read_text())
    assert yaml.safe_load(names[1]) == list(questions())


def test_every_question_has_a_default_and_help():
    for name, spec in questions().items():
        assert "default" in spec, name
        assert spec["help"], name


def test_no_setting_asks_for_trust():
    settings = yaml.safe_load((ROOT / "copier.yml").read_text())
    assert not {"_tasks", "_migrations", "_jinja_extensions"} & set(settings)


def test_default_answers_through_pytest_copie(copie):
    result = copie.copy()
    assert result.exception is None
    assert result.exit_code == 0
    assert (result.project_dir / "README.md").read_text().startswith("# my-service\n")
    assert set(questions()) <= set(result.answers)
