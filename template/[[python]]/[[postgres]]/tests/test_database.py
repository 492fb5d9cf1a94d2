import pytest

from config.environment import load_environment
from health import database
from health.check import Check, Failure, run_checks


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("postgres://user:password@127.0.0.1:1/app", "connection refused"),
        ("postgres://user:password@host.invalid/app", "name not resolved"),
    ],
)
def test_failures(monkeypatch: pytest.MonkeyPatch, url: str, failure: Failure) -> None:
    environment = load_environment().model_copy(update={"database_url": url})
    monkeypatch.setattr(database, "load_environment", lambda: environment)
    assert run_checks([Check("database", database.probe)])["database"].failure == failure
