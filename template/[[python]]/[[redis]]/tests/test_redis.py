import pytest

from config.environment import load_environment
from health import redis
from health.check import Check, Failure, run_checks


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("redis://127.0.0.1:1/0", "connection refused"),
        ("redis://host.invalid/0", "name not resolved"),
    ],
)
def test_failures(monkeypatch: pytest.MonkeyPatch, url: str, failure: Failure) -> None:
    environment = load_environment().model_copy(update={"redis_url": url})
    monkeypatch.setattr(redis, "load_environment", lambda: environment)
    assert run_checks([Check("redis", redis.probe)])["redis"].failure == failure
