import os
import signal
import threading
from unittest.mock import Mock

import pytest
from django.test import override_settings

from config import background


@pytest.fixture(autouse=True)
def draining(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    event = threading.Event()
    monkeypatch.setattr(background, "draining", event)
    monkeypatch.setattr(background, "_threads", [])
    return event


finished: list[bool] = []


def wait(draining: threading.Event) -> None:
    finished.append(draining.wait(30))


def fail(_draining: threading.Event) -> None:
    text = "broken"
    raise RuntimeError(text)


@override_settings(BACKGROUND_WORK=[f"{__name__}.wait"])
def test_work_is_told_to_return_and_awaited() -> None:
    finished.clear()
    background.start()
    assert not finished
    background.finish()
    assert finished == [True]


@pytest.mark.parametrize("work", [f"{__name__}.fail", "nowhere.run"])
def test_failed_work_drains_the_worker(work: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kill = Mock()
    monkeypatch.setattr(os, "kill", kill)
    with override_settings(BACKGROUND_WORK=[work]):
        background.start()
    background.finish()
    kill.assert_called_once_with(os.getpid(), signal.SIGTERM)
