"""How pytest-xdist distributes the tests: file by file, the longest first, at most three files on the cluster at once.

If more releases than that share two cores, their analysis measures the load of the others and aborts new versions.
"""

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.combinations import LANGUAGES

# Files of a lane run one after another. The lanes take about the same time, and longer than any other file.
LANES = {
    "tests/cluster/test_rolling.py": "rolling",
    "tests/cluster/test_change_of_strategy.py": "blue-green",
    "tests/cluster/test_pipeline.py": "canary",
    "tests/cluster/test_server_accepts.py": "canary",
    "tests/cluster/test_reasons.py": "blue-green",
    "tests/cluster/test_blue_green.py": "blue-green",
    "tests/cluster/test_canary.py": "canary",
}

# Files whose tests share nothing and take minutes each: any worker may run them.
APART = ["tests/first_week/test_week.py"]

# Files whose tests of one language share its folder and caches, and nothing with other languages.
BY_LANGUAGE = ["tests/test_project_checks.py"]

# The other files that take long, the longest first. A long file that starts late keeps one worker busy at the end.
LONG = [
    "tests/first_week/test_week.py",
    "tests/test_project_checks.py",
    "tests/test_images.py",
    "tests/test_pipeline_runs.py",
    "tests/test_migrations.py",
    "tests/test_railway_scripts.py",
    "tests/test_template_update.py",
    "tests/test_updates.py",
    "tests/test_edited_projects.py",
    "tests/test_environment.py",
    "tests/test_update_fuzzing.py",
    "tests/test_documentation.py",
]


def start_with_the_longest(items: list[pytest.Item]) -> None:
    """Sort the tests by when they start; the tests of a file stay together and in their order."""
    order = {file: place for place, file in enumerate([*LANES, *LONG])}
    items.sort(key=lambda item: order.get(item.nodeid.split("::")[0], len(order)))


class Lanes(LoadFileScheduling):
    """Give each worker a whole file at a time, all files of a lane, or one test or one language of others."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        if file in APART:
            return nodeid
        if file in BY_LANGUAGE:
            return next((f"{file}[{language}" for language in LANGUAGES if f"[{language}" in nodeid), file)
        return LANES.get(file, file)
