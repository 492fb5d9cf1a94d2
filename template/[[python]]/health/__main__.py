"""The container's health check, `python -m health`. Exit code 0: /health answered 200."""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=2)
try:
    connection.request("GET", "/health")
    status = connection.getresponse().status
except (OSError, HTTPException) as error:
    sys.exit(f"unhealthy: {error}")
if status != HTTPStatus.OK:
    sys.exit(f"unhealthy: status {status}")
