"""Background work: each worker process runs the functions named in BACKGROUND_WORK of config.project."""

import os
import signal
import threading

import structlog
from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string

from health.state import draining

log = structlog.get_logger()
_threads: list[threading.Thread] = []


def start() -> None:
    """Start each function in a thread of its own; its argument is set when the process drains."""
    if not apps.ready:  # the edited code does not load; gunicorn answers with the reason
        return
    for name in settings.BACKGROUND_WORK:
        thread = threading.Thread(target=run, args=(name,), name=name, daemon=True)
        thread.start()
        _threads.append(thread)


def run(name: str) -> None:
    """Run a function until it returns; if it fails, drain the worker, which gunicorn then replaces."""
    try:
        import_string(name)(draining)
    except Exception:
        log.exception("background work failed", work=name)
        os.kill(os.getpid(), signal.SIGTERM)


def finish() -> None:
    """Tell the functions to return and wait for them; the worker exits at SHUTDOWN_TIMEOUT_SECONDS at the latest."""
    draining.set()
    for thread in _threads:
        thread.join()
