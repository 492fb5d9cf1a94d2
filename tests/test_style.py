"""Promise: what people read, here and in what is emitted, uses the field's terms (tests/style/terms.yml)."""

import functools
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.combinations import ROOT, on

ALL = ["postgres", "redis", "external-api"]
# Every layer at least once: each language on each platform, each strategy, with all services and with none.
RENDERS = [
    on("kubernetes", "node", "rolling", ALL, "public"),
    on("kubernetes", "go", "blue-green", ALL, "private"),
    on("kubernetes", "python", "canary", [], "public"),
    on("vercel", "go", "canary", ALL, "private"),
    on("vercel", "node", "blue-green", ["postgres"], "public"),
    on("railway", "python", "rolling", ALL, "private"),
]
# Other people's text, and the data of this test.
NOT_PROSE = re.compile(
    r"(\.lock|lock\.json|go\.sum|\.svg|LICENSE|schema\.graphql|tests/style/.*|tests/test_style\.py)$"
)
# Commands and names that a sentence quotes are not this project's choice of words.
QUOTED = re.compile(r"`[^`\n]*`|https?://\S+")


@functools.cache
def terms() -> list[tuple[re.Pattern[str], str, re.Pattern[str] | None]]:
    """Return the words not to use, the term to use instead, and the uses that are right."""
    entries = yaml.safe_load((ROOT / "tests/style/terms.yml").read_text())
    return [
        (
            re.compile(entry["not"], re.IGNORECASE),
            entry["but"],
            re.compile(entry["except"], re.IGNORECASE) if "except" in entry else None,
        )
        for entry in entries
    ]


def findings(text: str) -> list[str]:
    """Return each use of a word that the terms replace, with its line number and the term to use instead."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        # A quoted name leaves a mark, so that the words around it stay apart.
        prose = QUOTED.sub("`", line)
        for wrong, right, exception in terms():
            for match in wrong.finditer(prose):
                context = prose[max(0, match.start() - 40) : match.end() + 20]
                if not (exception and exception.search(context)):
                    found.append(f"{number}: '{match[0]}': write '{right}': {line.strip()[:120]}")
    return found


def tracked(folder: Path) -> list[Path]:
    """Return the files that Git tracks or would add."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listing, cwd=folder, capture_output=True, text=True, check=True).stdout.split("\0")
    return [folder / name for name in names if name and (folder / name).is_file()]


def style_of(folder: Path, files: list[Path]) -> list[str]:
    """Return the findings in all files of a folder that hold prose."""
    return [
        f"{path.relative_to(folder)}:{finding}"
        for path in files
        if not NOT_PROSE.search(path.relative_to(folder).as_posix())
        for finding in findings(path.read_text())
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "The release before is restored.",
        "It mends the fault.",
        "The service is not well.",
        "the script tells why",
        "Docker needs a socket",
        "# hand_over: a Deployment takes its place",
        "a room of the template",
    ],
)
def test_a_replaced_word_is_found(sentence):
    assert findings(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Roll back to the previous release.",
        "    needs: [check, integration]",
        "Run `scripts/mend` first.",
        "Copier asks eight questions.",
        "The host is unreachable.",
    ],
)
def test_the_terms_of_the_field_pass(sentence):
    assert not findings(sentence)


def test_this_repository_uses_the_terms():
    found = style_of(ROOT, tracked(ROOT))
    assert not found, f"{len(found)} findings:\n" + "\n".join(found)


@pytest.mark.parametrize("answers", RENDERS, ids=lambda answers: "-".join(map(str, answers.values())))
def test_an_emitted_repository_uses_the_terms(render, answers):
    project = render(**answers)
    found = style_of(project, [path for path in sorted(project.rglob("*")) if path.is_file()])
    assert not found, f"{len(found)} findings:\n" + "\n".join(found)
