"""The steps of docs/developing.md: the files to create and edit and the commands to run, in the page's order.

A step is a paragraph that ends with one of the phrases of PHRASES, and the code block that follows it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

CODE = r"`(?P<{}>[^`]+)`"
PATH, ANCHOR = CODE.format("path"), CODE.format("anchor")
PHRASES = {
    "create": rf"Create {PATH}:",
    "append": rf"Append to {PATH}:",
    "after": rf"In {PATH}, add after {ANCHOR}:",
    "before": rf"In {PATH}, add before {ANCHOR}:",
    "replace": rf"In {PATH}, replace {ANCHOR} with:",
    "delete": rf"In {PATH}, delete the line with {ANCHOR}\.",
    "run": r"Run:",
    "request": r"With `make dev` running:",
    "answer": r"It answers:",
}


@dataclass(frozen=True)
class Step:
    """One step: its kind (a key of PHRASES), the code block and, for an edit, its file and the line it is placed by."""

    kind: str
    text: str
    path: str = ""
    anchor: str = ""


class PageError(Exception):
    """A step that cannot be followed: the page and the repository contradict each other."""


def sections(page: str) -> dict[str, list[Step]]:
    """Return the steps of each section (`## Add a route`), in the page's order.

    Raises:
        PageError: a phrase describes an edit, but no code block follows it.

    """
    found: dict[str, list[Step]] = {}
    tokens = MarkdownIt("commonmark").parse(page)
    paragraph = heading = ""
    for previous, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "inline" and previous is not None and previous.type == "heading_open":
            refuse_without_block(paragraph)
            heading, paragraph = token.content, ""
            found[heading] = []
        elif token.type == "inline":
            refuse_without_block(paragraph)
            paragraph = token.content
            if (change := step(paragraph, "")).kind == "delete":
                found[heading].append(change)
                paragraph = ""
        elif token.type == "fence":
            found.setdefault(heading, []).append(step(paragraph, token.content))
            paragraph = ""
    refuse_without_block(paragraph)
    return found


def refuse_without_block(paragraph: str) -> None:
    """Raise PageError if a paragraph announces a step; no code block has followed it."""
    if step(paragraph, "").kind != "shown":
        raise PageError(f"no code block follows: {paragraph}")


def step(paragraph: str, text: str) -> Step:
    """Return the step that a paragraph and the code block below it describe; a block without a phrase is `shown`."""
    sentence = " ".join(paragraph.split())
    for kind, phrase in PHRASES.items():
        if match := re.search(rf"(?:^|[.:;] ){phrase}$", sentence):
            return Step(kind, text, **match.groupdict())
    return Step("shown", text)


def apply(change: Step, project: Path) -> None:
    """Make the edit that a step describes.

    Raises:
        PageError: the file to create exists already, or the text to find stands in no line or in several.

    """
    path = project / change.path
    if change.kind == "create":
        if path.exists():
            raise PageError(f"{change.path} exists already, so nobody can create it")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(change.text)
        return
    lines = path.read_text().splitlines(keepends=True)
    if change.kind == "append":
        path.write_text("".join([*lines, change.text]))
        return
    places = [number for number, line in enumerate(lines) if change.anchor in line]
    if len(places) != 1:
        raise PageError(f"{change.path} has {len(places)} lines with `{change.anchor}`; the step requires one")
    first, last = {"after": (1, 1), "before": (0, 0), "replace": (0, 1), "delete": (0, 1)}[change.kind]
    lines[places[0] + first : places[0] + last] = [change.text] if change.text else []
    path.write_text("".join(lines))
