"""Promise: another answer to `platform` moves a project over by an update; what its owner wrote stays."""

import pytest
import yaml

from tests.test_updates import contents, copy, seeded_files, update
from tests.updates import WORKING_TREE, commit_all, git

ROUTES = {"node": "src/routes/index.ts", "go": "internal/api/api.go", "python": "api/views.py"}


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("go", ("kubernetes", "rolling"), ("railway", "rolling")),
        ("python", ("railway", "rolling"), ("kubernetes", "canary")),
        ("node", ("kubernetes", "rolling"), ("vercel", "blue-green")),
        ("python", ("kubernetes", "blue-green"), ("vercel", "blue-green")),
        ("go", ("vercel", "canary"), ("railway", "rolling")),
    ],
)
def test_a_change_of_platform_replaces_its_files_and_keeps_the_owners(tagged, tmp_path, language, before, after):
    answers = {"language": language, "services": ["postgres", "redis"]}
    old, new = (dict(zip(("platform", "strategy"), cell, strict=True)) for cell in (before, after))
    project = copy(tagged, tmp_path / "project", WORKING_TREE, **answers, **old)
    fresh = copy(tagged, tmp_path / "fresh", WORKING_TREE, **answers, **new)
    mine = {"README.md": "# Mine\n", "scripts/backup": "#!/bin/sh\n", "deploy/own.yaml": "mine: true\n"}
    mine[ROUTES[language]] = "mine\n"
    for name, text in mine.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    makefile = project / "Makefile"
    makefile.write_text(makefile.read_text().replace("Show this list", "Show my list"))
    commit_all(project, "Edit")
    update(project, WORKING_TREE, **new)
    assert yaml.safe_load((project / ".copier-answers.yml").read_text())["platform"] == new["platform"]
    owned = seeded_files(tagged, WORKING_TREE, fresh) | set(mine) | {"Makefile"}
    assert contents(project, without=owned) == contents(fresh, without=owned)
    for name, text in mine.items():
        assert (project / name).read_text() == text
    assert makefile.read_text() == (fresh / "Makefile").read_text().replace("Show this list", "Show my list")
    assert "<<<<<<<" not in git(project, "diff")


def test_git_shows_the_owners_edits_in_a_removed_file(tagged, tmp_path):
    """Git shows what is removed; nothing is committed."""
    project = copy(tagged, tmp_path / "project", WORKING_TREE, platform="kubernetes", language="go")
    settings = project / "deploy/overlays/production/settings.env"
    settings.write_text(settings.read_text() + "\nMY_SETTING=1\n")
    commit_all(project, "Edit")
    update(project, WORKING_TREE, platform="railway")
    assert not settings.exists()
    assert "\n-MY_SETTING=1\n" in git(project, "diff", "HEAD")


def test_an_unsupported_strategy_is_refused_if_named_and_replaced_otherwise(tagged, tmp_path):
    project = copy(tagged, tmp_path / "project", WORKING_TREE)
    before = contents(project)
    with pytest.raises(
        ValueError, match=r"Choose blue-green, or canary \(plans Pro and Enterprise\): Vercel has no instances"
    ):
        update(project, WORKING_TREE, platform="vercel", strategy="rolling")
    assert contents(project) == before
    update(project, WORKING_TREE, platform="vercel")
    assert yaml.safe_load((project / ".copier-answers.yml").read_text())["strategy"] == "blue-green"
