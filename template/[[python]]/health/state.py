"""The state of a worker."""

import threading
import time

STARTED_AT = time.monotonic()
"""The start of the service: the server imports this before it starts its workers."""

draining = threading.Event()
"""Set after SIGTERM: not ready, and every response closes its connection."""
