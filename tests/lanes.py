"""How the tests are distributed over workers: file by file, the longest first, at most three on the cluster at once.

Where more releases than that compete for two cores, their analysis measures the others and finds new versions slow.
"""

import pytest
from xdist.scheduler import LoadFileScheduling

# Whose tests follow one another. The lanes take about the same time, and longest of all: so they begin.
LANES = {
    "tests/cluster/test_rolling.py": "rolling",
    "tests/cluster/test_change_of_strategy.py": "blue-green",
    "tests/cluster/test_pipeline.py": "rolling",
    "tests/cluster/test_server_accepts.py": "rolling",
    "tests/cluster/test_blue_green.py": "blue-green",
    "tests/cluster/test_canary.py": "canary",
}

# They take long, too, but need no cluster: begun late, they would be waited for at the end.
LONG = {
    "tests/test_edited_projects.py",
    "tests/test_project_checks.py",
    "tests/test_update_fuzzing.py",
    "tests/test_updates.py",
}


def begin_with_what_takes_long(items: list[pytest.Item]) -> None:
    """Sort the tests by when they should begin; those of a file stay together and in their order."""

    def place(item: pytest.Item) -> tuple[bool, bool]:
        file = item.nodeid.split("::")[0]
        return file not in LANES, file not in LONG

    items.sort(key=place)


class Lanes(LoadFileScheduling):
    """Give each worker a whole file at a time, or all files of a lane."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return LANES.get(file, file)
