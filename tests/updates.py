"""The template's releases as a Git repository with tags, to update projects from one to another."""

import functools
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import yaml

from tests.combinations import ROOT, Answers

WORKING_TREE = "v999.0.0"
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Test"), ("EMAIL", "test@example.com"))
}


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, without the user's configuration; return what it prints."""
    environment = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, env=environment, timeout=120, check=True
    )
    return done.stdout


def releases() -> dict[str, str]:
    """Return releases.yml: version → commit, oldest first."""
    return yaml.safe_load((ROOT / "releases.yml").read_text()) or {}


def number(version: str) -> tuple[int, ...]:
    """Return what a version such as v1.2.3 is compared by."""
    return tuple(map(int, version.removeprefix("v").split(".")))


def starting_releases(versions: Iterable[str]) -> list[str]:
    """Return the releases from which updates are tested: the first, the last patch of each minor and the newest."""
    oldest_first = sorted(versions, key=number)
    last_patches = {number(version)[:2]: version for version in oldest_first}
    return sorted({*oldest_first[:1], *last_patches.values()}, key=number)


def update_cases(projects: list[Answers]) -> list[tuple[str, Answers]]:
    """Return (release, answers) for updates under test, where the release offers the answers' strategy.

    All projects start from the first release and from the newest, and every third one from a release between them, a
    different third from one release to the next.
    """
    commits = releases()
    starts = starting_releases(commits)
    return [
        (version, answers)
        for turn, version in enumerate(starts)
        for place, answers in enumerate(projects)
        if version in (starts[0], starts[-1]) or place % 3 == turn % 3
        if offered(commits[version], answers["platform"], answers["strategy"])
    ]


def tagged_template(folder: Path) -> Path:
    """Clone the template into a folder; tag each release and, as the newest, the working tree as it is now."""
    clone = folder / "template"
    git(ROOT, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone))
    for tag in git(clone, "tag").split():
        git(clone, "tag", "--delete", tag)
    for version, commit in releases().items():
        git(clone, "tag", version, commit)
    tracked = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    git(clone, "rm", "-r", "--quiet", "--ignore-unmatch", ".")
    for name in filter(None, tracked):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    commit_all(clone, "The working tree")
    git(clone, "tag", WORKING_TREE)
    return clone


def commit_all(folder: Path, message: str) -> None:
    """Commit everything in a folder, which becomes a repository if it is none yet."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)


def find_conflicts(project: Path) -> str:
    """Return what a project's scripts/check-conflicts prints: nothing if it finds no conflict marker and .rej file."""
    guard = subprocess.run(
        ["scripts/check-conflicts"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert guard.returncode == bool(guard.stdout), guard.stdout
    return guard.stdout


@functools.cache
def platforms_of(version: str) -> dict[str, dict]:
    """Return facts/platforms.yml as it is in a release, which is a tag or a commit."""
    return yaml.load(git(ROOT, "show", f"{version}:facts/platforms.yml"), yaml.CSafeLoader)


def offered(version: str, platform: str, strategy: str) -> bool:
    """Return whether a release of the template offers a strategy on a platform."""
    strategies = platforms_of(version).get(platform, {}).get("strategies", {})
    return strategy in strategies and not strategies[strategy]["refused"]
