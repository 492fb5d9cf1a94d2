import importlib
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from unittest.mock import Mock

import pytest

from config import background
from config.worker import body_seconds


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    """Import gunicorn's settings, which set a signal handler and the folder of the metrics."""
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **_: str(tmp_path))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", os.environ["PROMETHEUS_MULTIPROC_DIR"])
    handler = signal.getsignal(signal.SIGTERM)
    yield importlib.import_module("config.server")
    signal.signal(signal.SIGTERM, handler)


def test_a_worker_that_starts_during_a_shutdown_stops(server: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Mock()
    started = Mock()
    monkeypatch.setattr(background, "start", started)
    server.post_worker_init(worker)
    worker.handle_exit.assert_not_called()
    started.assert_called_once_with()
    monkeypatch.setattr(server, "_stopping_since", [0.0])
    server.post_worker_init(worker)
    worker.handle_exit.assert_called_once_with(signal.SIGTERM, None)
    started.assert_called_once_with()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("HOST", "localhost")], 0),
        ([("CONTENT-LENGTH", "0")], 0),
        ([("CONTENT-LENGTH", "65536")], 21),
        ([("CONTENT-LENGTH", str(100 * 1024 * 1024))], 1620),
        ([("TRANSFER-ENCODING", "chunked")], 20),
    ],
)
def test_a_large_body_may_take_longer(headers: list[tuple[str, str]], seconds: int) -> None:
    assert body_seconds(Mock(headers=headers)) == seconds
