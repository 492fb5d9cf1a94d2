"""Promise: a sign-off holds until it expires; an invalid one fails with the reason."""

import datetime

import pytest
from readiness.findings import ReadinessError
from readiness.sign_offs import check_sign_off, days_left, read_sign_offs, today


def entry(days_until_expiry: int, **changes: object) -> str:
    """Return a sign-off of the day before yesterday, as YAML."""
    values = {
        "name": "Ada Lovelace",
        "date": today() - datetime.timedelta(days=2),
        "expires": today() + datetime.timedelta(days=days_until_expiry),
        **changes,
    }
    return "rollback-tried: {" + ", ".join(f"{key}: {value}" for key, value in values.items()) + "}\n"


@pytest.mark.parametrize(
    ("text", "is_good", "reason"),
    [
        (entry(0), True, "Ada Lovelace"),
        (entry(-1), False, "a new review"),
        (entry(-3), False, "a date that is not in the future"),
        (entry(9, date=today() + datetime.timedelta(days=3)), False, "a date that is not in the future"),
        (entry(9, date="soon"), False, "YYYY-MM-DD"),
        (entry(9, name="''"), False, "name, date and expires"),
        (entry(9, name=7), False, "name, date and expires"),
        (entry(9, note="x"), False, "name, date and expires"),
        ("rollback-tried: {name: Ada Lovelace}\n", False, "name, date and expires"),
        ("rollback-tried: Ada Lovelace\n", False, "name, date and expires"),
    ],
)
def test_a_sign_off_holds_until_it_expires(create, text, is_good, reason):
    finding = check_sign_off(create({"readiness.yml": text}), "rollback-tried")
    assert finding is not None
    assert finding.is_good == is_good
    assert reason in finding.text
    assert finding.place == ("readiness.yml", 1)


def test_the_days_left_are_counted_from_today(create):
    repository = create({"readiness.yml": entry(12)})
    assert days_left(repository, "rollback-tried") == 12
    assert days_left(repository, "on-call") is None


@pytest.mark.parametrize("files", [{}, {"readiness.yml": "# nothing yet\n"}])
def test_without_sign_offs_nothing_is_signed_off(create, files):
    assert check_sign_off(create(files), "rollback-tried") is None


@pytest.mark.parametrize("text", ["- a\n", "a\n"])
def test_sign_offs_of_another_form_are_refused(create, text):
    with pytest.raises(ReadinessError, match=r"readiness\.yml:1: expected a map"):
        read_sign_offs(create({"readiness.yml": text}))
