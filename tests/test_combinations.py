"""Promise: the rows of tests/combinations.py cover every pair of choices, and more where a reason is given."""

import pytest

from tests import combinations
from tests.combinations import (
    COVERED_TOGETHER,
    COVERING_ROWS,
    PAIRED,
    covering_rows,
    covers,
    platforms,
    rows_to_add,
    uncovered,
    valid_combinations,
)


@pytest.fixture
def added_choices(monkeypatch):
    """Return a function that adds choices to those that are offered, until the test ends."""

    def add(*, language: str = "", platform: str = "", strategies: tuple[str, ...] = ()) -> None:
        if language:
            monkeypatch.setattr(combinations, "LANGUAGES", (*combinations.LANGUAGES, language))
        if platform:
            cell = {"strategies": {strategy: {"refused": ""} for strategy in strategies}}
            offered = {**platforms(), platform: cell}
            monkeypatch.setattr(combinations, "platforms", lambda: offered)

    return add


def test_the_rows_cover_every_pair_and_every_named_combination():
    missing = uncovered(covering_rows())
    advice = "\n".join(["add these rows to COVERING_ROWS in tests/combinations.py:", *rows_to_add(covering_rows())])
    assert not missing, advice


def test_each_row_is_valid_and_stands_once():
    rows = covering_rows()
    valid = list(valid_combinations())
    assert [row for row in rows if row not in valid] == []
    assert [row for row in rows if rows.count(row) > 1] == []


def test_the_rows_are_few():
    """The rows are at most half more than the values of the largest entry of COVERED_TOGETHER, the lower bound."""
    assert len(covering_rows()) <= 1.5 * max(
        len({values for names, values in set().union(*map(covers, valid_combinations())) if names == factors})
        for factors in COVERED_TOGETHER
    )


def test_what_users_are_offered_is_paired():
    questions = {name for name, spec in combinations.questions().items() if "choices" in spec}
    assert questions == {"language", "platform", "strategy", "cluster_login", "services", "repository"}
    assert set(PAIRED) == {"language", "cell", "repository", "login", *combinations.choices("services")}
    heading = ["platform", "strategy", "login", "language", "repository", "services"]
    assert COVERING_ROWS.split("\n")[1].split() == heading


@pytest.mark.parametrize(
    "added",
    [
        {"language": "rust"},
        {"platform": "mainframe", "strategies": ("rolling",)},
        {"platform": "railway", "strategies": ("rolling", "canary")},
    ],
    ids=["a language", "a platform", "a strategy on a platform"],
)
def test_a_new_choice_is_uncovered_until_the_suggested_rows_are_added(monkeypatch, added_choices, added):
    rows = covering_rows()
    added_choices(**added)
    assert uncovered(rows)
    lines = [*COVERING_ROWS.strip().splitlines(), *rows_to_add(rows)]
    monkeypatch.setattr(combinations, "COVERING_ROWS", "\n".join(lines))
    assert not uncovered(covering_rows())


def test_most_rows_are_necessary():
    rows = covering_rows()
    needed = [row for row in rows if uncovered([other for other in rows if other != row])]
    assert len(needed) >= 0.9 * len(rows)
