"""Read the sign-offs of readiness.yml."""

import datetime
from functools import cache
from typing import Any

from readiness.documents import get, line_of
from readiness.findings import Finding, Place, ReadinessError, failed, judge
from readiness.repository import Repository

SIGN_OFFS = "readiness.yml"
WARNING_DAYS = 30


def today() -> datetime.date:
    """Return today's date, in UTC."""
    return datetime.datetime.now(tz=datetime.UTC).date()


@cache
def read_sign_offs(repository: Repository) -> dict[str, Any]:
    """Return the content of readiness.yml by item; nothing if there is no such file."""
    if SIGN_OFFS not in repository.files:
        return {}
    signed: dict[str, Any] = get(repository.documents(SIGN_OFFS), 0, default={})
    if not hasattr(signed, "items"):
        raise ReadinessError("expected a map from items to name, date and expires", (SIGN_OFFS, 1))
    return signed


def place_of(repository: Repository, item: str) -> Place:
    """Return where the sign-off of an item stands."""
    return SIGN_OFFS, line_of(read_sign_offs(repository), item)


def check_sign_off(repository: Repository, item: str) -> Finding | None:
    """Return whether the sign-off of an item is valid today, None if there is none."""
    signed = read_sign_offs(repository)
    if item not in signed:
        return None
    place, entry = place_of(repository, item), signed[item]
    person, date, expires = (get(entry, key) for key in ("name", "date", "expires"))
    is_complete = hasattr(entry, "keys") and set(entry) == {"name", "date", "expires"}
    has_name = isinstance(person, str) and person.strip()
    if not is_complete or not has_name or not all(type(day) is datetime.date for day in (date, expires)):
        return failed(f"{item}: expected name, date and expires, both dates as YYYY-MM-DD", place)
    if not date <= today() or not date < expires:
        text = f"{item}: signed {date}, expires {expires}"
        return failed(f"{text}: expected a date that is not in the future, and a later expiry", place)
    seen = f"signed by {person} on {date}, expires {expires}"
    return judge(today() <= expires, seen, "a new review, and a new date", place)


def days_left(repository: Repository, item: str) -> int | None:
    """Return the number of days until the sign-off of an item expires, None if it has no valid expiry."""
    expires = get(read_sign_offs(repository), item, "expires")
    return (expires - today()).days if type(expires) is datetime.date else None
