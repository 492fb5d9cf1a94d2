"""The template's releases as a Git repository with tags, to update projects from one to another."""

import os
import shutil
import subprocess
from pathlib import Path

import yaml

from tests.combinations import ROOT

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
        git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)


def find_conflicts(project: Path) -> str:
    """Return what the project's own guard says about conflict markers and .rej files: nothing where there are none."""
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


def offered(template: Path, version: str, platform: str, strategy: str) -> bool:
    """Tell whether a release of the template offers a strategy on a platform."""
    platforms = yaml.safe_load(git(template, "show", f"{version}:facts/platforms.yml"))
    strategies = platforms.get(platform, {}).get("strategies", {})
    return strategy in strategies and not strategies[strategy]["refused"]
