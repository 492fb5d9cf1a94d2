"""The generated blocks of the documentation: what stands between `<!-- kind option=value … -->` and `<!-- /kind -->`.

matrix                      platforms and the strategies that each supports
refusals                    the strategies that a platform does not support, with the reason
pods                        how many pods each strategy has on Kubernetes
commands ANSWERS            the make targets of an emitted repository without help, and what each runs
tree ANSWERS [under=…]      the files of an emitted repository by folder; `under` lists folders, separated by commas
file ANSWERS path=…         one file of an emitted repository

ANSWERS are those of `copier copy`, such as language=go services=postgres,redis; the others have their defaults.
"""

import re
import textwrap
from collections.abc import Callable
from functools import cache
from itertools import groupby
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"^(?P<begin><!-- (?P<kind>\w+)(?P<options>(?: \w+=\S+)*) -->\n).*?^(?P<end><!-- /(?P=kind) -->)$",
    re.DOTALL | re.MULTILINE,
)
END = re.compile(r"^<!-- /\w+ -->$", re.MULTILINE)
TARGET = re.compile(r"^(?P<name>[a-z]+):[^#\n]*## (?P<does>[^:\n]*).*(?P<runs>(?:\n\t.*)+)", re.MULTILINE)
VERTICAL_BAR = r"\|"  # one that does not end a table's cell
WIDTH_CHARACTERS = 110
LANGUAGES = {".go": "go", ".json": "json", ".py": "python", ".sql": "sql", ".ts": "ts", ".yaml": "yaml", ".yml": "yaml"}

Render = Callable[..., Path]
"""Takes answers; returns the folder of the emitted repository."""


class BlockError(Exception):
    """Why a block is invalid, as a message for the person who wrote it."""


def fill(text: str, render: Render) -> str:
    """Return a page's text with each block refreshed; raise BlockError if one is invalid."""
    blocks = list(BLOCK.finditer(text))
    if len(blocks) != len(END.findall(text)):
        raise BlockError("a comment <!-- /… --> has no start, or its start has an option that is not name=value")

    def filled(block: re.Match) -> str:
        options = dict(option.split("=", 1) for option in block["options"].split())
        return block["begin"] + content(block["kind"], options, render) + block["end"]

    return BLOCK.sub(filled, text)


def content(kind: str, options: dict[str, str], render: Render) -> str:
    """Return the content of a block of this kind with these options."""
    try:
        match kind:
            case "matrix":
                return matrix(**options)
            case "refusals":
                return refusals(**options)
            case "pods":
                return pods(**options)
            case "commands":
                return commands(render(**answers(options)))
            case "tree":
                under = options.pop("under", "")
                return tree(render(**answers(options)), under.split(",") if under else [])
            case "file":
                path = options.pop("path")
                return file(render(**answers(options)) / path)
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise BlockError(f"cannot fill the block {kind} {options}: {error}") from error
    raise BlockError(f"there is no block of the kind {kind}")


def answers(options: dict[str, str]) -> dict[str, str | list[str]]:
    """Return a block's options as answers for Copier."""
    return {name: value.split(",") if name == "services" else value for name, value in options.items()}


@cache
def facts(name: str) -> dict:
    """Return the data of a file in facts/."""
    return yaml.safe_load((ROOT / "facts" / f"{name}.yml").read_text())


def table(rows: list[list[str]]) -> str:
    """Return a Markdown table, whose first row is its heading."""
    heading, *others = rows
    return "".join(f"| {' | '.join(row)} |\n" for row in [heading, ["---"] * len(heading), *others])


def matrix() -> str:
    """Return the table of facts/platforms.yml: one row per platform, one column per strategy."""
    platforms = facts("platforms")
    strategies = list(next(iter(platforms.values()))["strategies"])
    rows = [["", *(f"`{strategy}`" for strategy in strategies)]]
    for name, platform in platforms.items():
        row = [f"{platform['title']}, `{name}`"]
        for strategy in strategies:
            verdict = platform["strategies"][strategy]
            row.append("not supported" if verdict["refused"] else verdict["how"])
        rows.append(row)
    return table(rows)


def refusals() -> str:
    """Return the refused strategies of facts/platforms.yml as a list."""
    return "\n".join(
        [
            "",
            *(
                f"- **{platform['title']}, {strategy}:** {verdict['refused']}."
                for platform in facts("platforms").values()
                for strategy, verdict in platform["strategies"].items()
                if verdict["refused"]
            ),
            "",
            "",
        ]
    )


def pods() -> str:
    """Return the table of each strategy's number of pods on Kubernetes."""
    rows = [["strategy", "pods in staging", "pods in production", "kind of workload"]]
    for strategy, verdict in facts("platforms")["kubernetes"]["strategies"].items():
        production = verdict["pods"]["production"]
        in_production = f"{production['minimum']} to {production['maximum']}, by load"
        rows.append([f"`{strategy}`", str(verdict["pods"]["minimum"]), in_production, verdict["workload"]["kind"]])
    return table(rows)


def commands(project: Path) -> str:
    """Return the table of a project's make targets and their commands, in the Makefile's order."""
    rows = [["target", "does", "runs"]]
    for target in TARGET.finditer((project / "Makefile").read_text()):
        if target["name"] != "help":
            lines = target["runs"].replace("$$", "$").replace("|", VERTICAL_BAR).split("\n\t")[1:]
            rows.append([f"`make {target['name']}`", target["does"], "<br>".join(f"`{line}`" for line in lines)])
    return table(rows)


def tree(project: Path, under: list[str]) -> str:
    """Return the files of a project, or of the folders in `under`, grouped by folder."""
    paths = sorted(path.relative_to(project) for path in project.rglob("*") if path.is_file())
    chosen = [path for path in paths if not under or path.parts[0] in under]
    if missing := set(under) - {path.parts[0] for path in paths}:
        raise ValueError(f"the repository has no {', '.join(sorted(missing))}")
    folders = {
        "" if folder == Path() else f"{folder}/": [path.name for path in inside]
        for folder, inside in groupby(sorted(chosen, key=lambda path: (path.parent, path)), lambda path: path.parent)
    }
    column = max(map(len, folders)) + 2
    lines = [
        textwrap.fill(
            "  ".join(names),
            WIDTH_CHARACTERS,
            initial_indent=folder.ljust(column),
            subsequent_indent=" " * column,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for folder, names in folders.items()
    ]
    return fenced("text", "\n".join(lines))


def file(path: Path) -> str:
    """Return a file as a block of code."""
    return fenced(LANGUAGES.get(path.suffix, "text"), path.read_text().rstrip("\n"))


def fenced(language: str, text: str) -> str:
    """Return a fenced block of code, between blank lines."""
    return f"\n```{language}\n{text}\n```\n\n"
