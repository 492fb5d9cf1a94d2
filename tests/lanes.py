"""How the tests are distributed over workers: file by file, but no more than three files on the cluster at once.

Where more releases than that compete for two cores, their analysis measures the others and finds new versions slow.
"""

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


class Lanes(LoadFileScheduling):
    """Give each worker a whole file at a time, or all files of a lane."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return LANES.get(file, file)
