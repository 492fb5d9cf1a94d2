"""What a worker knows about itself."""

import threading
import time

STARTED_AT = time.monotonic()
"""When the service started: the server loads this before it starts its workers."""

draining = threading.Event()
"""Set from SIGTERM on: not ready, and every answer closes its connection."""
