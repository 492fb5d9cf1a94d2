"""Django's settings in tests: the real settings with a test environment."""

import atexit
import os
import shutil
import tempfile

from tests.environment import ENVIRONMENT

os.environ.update(ENVIRONMENT)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="metrics-")
atexit.register(shutil.rmtree, os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)

from config.settings import *  # noqa: E402, F403
