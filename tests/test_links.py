"""Promise: every link of the documentation, here and in emitted repositories, has a target."""

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

from tests.combinations import LANGUAGES, ROOT, SERVICES, cells, platforms

MARKDOWN = MarkdownIt("commonmark").enable("table")
OUTSIDE = re.compile(r"[a-z]+:")


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub creates for a page's headings."""
    tokens = MARKDOWN.parse(page)
    found: set[str] = set()
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        words = "".join(part.content for part in inline.children or [] if part.type in ("text", "code_inline"))
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        copies = (f"{anchor}-{number}" for number in range(1, 99))
        found.add(anchor if anchor not in found else next(copy for copy in copies if copy not in found))
    return found


def links(page: str) -> list[str]:
    """Return the targets of a page's links and pictures, without external addresses."""
    targets = []
    for token in MARKDOWN.parse(page):
        for part in token.children or []:
            target = part.attrs.get("href") or part.attrs.get("src")
            if target and not OUTSIDE.match(target):
                targets.append(unquote(target))
    return targets


def broken(folder: Path) -> list[str]:
    """Return the links of a repository's pages without an existing file, folder or heading."""
    problems = []
    for page in sorted(folder.rglob("*.md")):
        if {"node_modules", ".venv"} & set(page.relative_to(folder).parts):
            continue
        for link in links(page.read_text()):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.is_relative_to(folder.resolve()) or not target.exists():
                problems.append(f"{page.relative_to(folder)}: {link} does not exist")
            elif anchor and anchor not in anchors(target.read_text()):
                problems.append(f"{page.relative_to(folder)}: {path or page.name} has no heading #{anchor}")
    return problems


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """Return a copy of the files of this repository that Git tracks or would add, without the template's layers."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", ":!template", ":!includes"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    folder = tmp_path_factory.mktemp("repository")
    for path in filter(None, listed.split("\0")):
        if (ROOT / path).exists():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, folder / path)
    return folder


def test_links_of_this_repository_have_targets(repository):
    assert sum(len(links(page.read_text())) for page in repository.rglob("*.md")) > 50
    assert not broken(repository)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("platform", "strategy"), cells())
def test_links_of_an_emitted_repository_have_targets(render, platform, strategy, language):
    project = render(platform=platform, strategy=strategy, language=language, services=list(SERVICES))
    assert sum(len(links(page.read_text())) for page in project.rglob("*.md")) > 50
    assert not broken(project)


@pytest.mark.parametrize("platform", platforms())
def test_links_have_targets_without_any_service(render, platform):
    project = render(platform=platform, repository="public")
    assert sum(len(links(page.read_text())) for page in project.rglob("*.md")) > 50
    assert not broken(project)


def test_broken_links_are_reported(tmp_path):
    (tmp_path / "other.md").write_text("# One `code` heading\n\n# Twice\n\n# Twice\n\n```md\n# None\n```\n")
    good = ["other.md", "other.md#one-code-heading", "other.md#twice-1", "#here", "https://example.com/x", "."]
    bad = ["missing.md", "other.md#none", "#there", "../outside.md", "other.md#twice-2"]
    (tmp_path / "page.md").write_text("# Here\n\n" + "\n".join(f"| [a]({link}) |" for link in [*good, *bad]))
    assert len(broken(tmp_path)) == len(bad)
