"""Promise: for any answers and edits, an update finishes, keeps the lines of both sides and reports every conflict.

Copier deletes a file that the template no longer has, with the edits in it. CHANGELOG.md lists these files, and Git
shows them as deleted; all other edits stay.

Each round prints its seed; set FUZZING_SEED to run that round alone.
"""

import os
import random
import time
from collections import Counter, defaultdict
from pathlib import Path

import copier
import pytest
import yaml

from tests.combinations import LANGUAGES, REPOSITORIES, ROOT, SERVICES, cells
from tests.test_render import files
from tests.test_updates import contents, copy, owners_patterns, update
from tests.updates import WORKING_TREE, commit_all, find_conflicts, git, offered, releases

ROUNDS = 12
SECONDS = 90
# Copier's own file, and the script that finds conflicts.
NOT_EDITED = {".copier-answers.yml", "scripts/check-conflicts"}
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_random_projects_with_random_edits_update_from_a_random_release(tagged, tmp_path_factory):
    seeds = [int(os.environ["FUZZING_SEED"])] if "FUZZING_SEED" in os.environ else random.sample(range(10**6), ROUNDS)
    deadline = time.monotonic() + SECONDS
    conflicts = 0
    for number, seed in enumerate(seeds):
        if number and time.monotonic() > deadline:
            break
        print(f"FUZZING_SEED={seed}")
        conflicts += fuzz(random.Random(seed), tagged, tmp_path_factory.mktemp("round"))
    print(f"updated {number + 1} projects, {conflicts} of them with a conflict")


def fuzz(chance: random.Random, template: Path, folder: Path) -> bool:
    """Make, edit and update a project; return whether the update conflicted with an edit."""
    version, answers = choose(chance)
    print(version, answers)
    project = copy(template, folder / "project", version, **answers)
    before = contents(project)
    added, deleted, removed = edit(chance, project)
    commit_all(project, "Edit")
    update(project, WORKING_TREE)
    after = contents(project)
    fresh = contents(copy(template, folder / "fresh", WORKING_TREE, **answers))

    marked = {name for name, text in after.items() if "\n<<<<<<< " in f"\n{text}"}
    guard = find_conflicts(project)
    assert {line.split(":")[0] for line in guard.splitlines()[:-1]} == marked
    for name in removed:
        assert name not in after, f"{name} was restored"
    shown_as_deleted = set(git(project, "diff", "--no-renames", "--name-only", "--diff-filter=D", "HEAD").splitlines())
    for name, lines in added.items():
        if name not in after:
            assert name not in fresh, f"{name} was deleted, although the template has it"
            assert f"`{name}`" in CHANGELOG, f"{name} was deleted: keep it, or list it in CHANGELOG.md"
            assert name in shown_as_deleted
            continue
        for line in lines:
            assert line in after[name], f"{name} lost the owner's line {line!r}"
    owned = owners_patterns(template, WORKING_TREE)
    for name, text in fresh.items():
        if name in removed or any(name == pattern or name.startswith(f"{pattern}/") for pattern in owned):
            continue
        improvements = Counter(text.splitlines()) - Counter(before.get(name, "").splitlines()) - deleted[name]
        lost = improvements - Counter(after[name].splitlines())
        assert not lost, f"{name} does not contain the template's new lines {list(lost)}"
    return bool(marked)


def choose(chance: random.Random) -> tuple[str, dict]:
    """Return a release and answers that it accepts."""
    commits = releases()
    version = chance.choice([*commits, WORKING_TREE])
    platform, strategy = chance.choice(
        [cell for cell in cells() if version == WORKING_TREE or offered(commits[version], *cell)]
    )
    return version, {
        "language": chance.choice(LANGUAGES),
        "platform": platform,
        "strategy": strategy,
        "services": chance.sample(SERVICES, chance.randint(0, len(SERVICES))),
        "repository": chance.choice(REPOSITORIES),
    }


def edit(chance: random.Random, project: Path) -> tuple[dict[str, list[str]], defaultdict[str, Counter], set[str]]:
    """Insert, replace and delete lines at random places, and delete a file.

    Return the lines that were added and those that were deleted, both by file, and the names of the deleted files.
    """
    names = sorted(
        str(path.relative_to(project)) for path in files(project) if ".git" not in path.relative_to(project).parts
    )
    chosen = chance.sample([name for name in names if name not in NOT_EDITED], 15)
    removed = {chosen.pop()}
    added: dict[str, list[str]] = {}
    deleted: defaultdict[str, Counter] = defaultdict(Counter)
    for name in removed:
        (project / name).unlink()
    for name in chosen:
        lines = (project / name).read_text().splitlines()
        added[name] = []
        for number in range(chance.randint(1, 3)):
            place = chance.randint(0, len(lines))
            line = f"edit {number} of the owner"
            match chance.choice(["insert", "replace", "delete"]):
                case "insert":
                    lines.insert(place, line)
                    added[name].append(line)
                case "replace" if place < len(lines) and lines[place] not in added[name]:
                    deleted[name][lines[place]] += 1
                    lines[place] = line
                    added[name].append(line)
                case "delete" if place < len(lines) and lines[place] not in added[name]:
                    deleted[name][lines.pop(place)] += 1
        (project / name).write_text("".join(f"{line}\n" for line in lines))
    return added, deleted, removed


def test_an_update_that_overwrites_edits_is_caught(tagged, tmp_path, monkeypatch):
    """Otherwise the rounds would prove nothing."""

    def overwrite(project: Path, version: str) -> None:
        copier.run_copy(
            str(tagged),
            project,
            data=yaml.safe_load((project / ".copier-answers.yml").read_text()),
            vcs_ref=version,
            defaults=True,
            overwrite=True,
            quiet=True,
        )

    monkeypatch.setattr("tests.test_update_fuzzing.update", overwrite)
    with pytest.raises(AssertionError, match=r"lost the owner's line|was restored"):
        fuzz(random.Random(1), tagged, tmp_path)
