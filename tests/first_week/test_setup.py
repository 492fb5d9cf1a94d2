"""Promise: `make setup` adds each variable that .env lacks, keeps the owner's values, and creates secrets once."""

import pytest

from tests.combinations import LANGUAGES
from tests.first_week.week import variables_of
from tests.test_project_checks import make


@pytest.mark.parametrize("language", LANGUAGES)
def test_variables_that_env_lacks_are_added(emit, language):
    project = emit(language=language, services=["postgres"])
    make(project, ".env")
    first = variables_of(project / ".env")
    assert first.keys() == variables_of(project / ".env.example").keys()
    (project / ".env").write_text((project / ".env").read_text().replace("LOG_LEVEL=info", "LOG_LEVEL=debug"))
    with (project / ".env.example").open("a") as example:
        example.write("\n# How many tasks a page shows\nPAGE_SIZE=50\nTASKS_TOKEN=example-token\n")
    printed = make(project, ".env")
    added = variables_of(project / ".env")
    assert added.pop("PAGE_SIZE") == "50"
    assert len(added.pop("TASKS_TOKEN")) == 64
    assert added == first | {"LOG_LEVEL": "debug"}
    assert sorted(printed.splitlines()) == ["Added PAGE_SIZE to .env.", "Added TASKS_TOKEN to .env."]


def test_an_interruption_leaves_env_as_it_was(emit):
    project = emit(language="go")
    make(project, ".env")
    before = (project / ".env").read_text()
    (project / ".env.example").chmod(0)
    (project / ".env.example").unlink()
    with pytest.raises(AssertionError):
        make(project, ".env")
    assert (project / ".env").read_text() == before
