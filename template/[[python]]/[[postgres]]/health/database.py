"""Health check of PostgreSQL."""

import psycopg

from config.environment import load_environment
from health.check import CHECK_SECONDS, CheckError, Failure

# libpq's messages: it has no codes for failed connections.
MESSAGES: dict[str, Failure] = {
    "connection refused": "connection refused",
    "authentication failed": "authentication failed",
    "no password supplied": "authentication failed",
    "could not translate host name": "name not resolved",
    "failed to resolve host": "name not resolved",
    "timeout expired": "timeout",
}


def probe() -> None:
    """Send a query over a new connection, because the pool can be busy.

    Raises CheckError or psycopg.Error if it fails.
    """
    try:
        with psycopg.connect(
            load_environment().database_url, connect_timeout=CHECK_SECONDS, autocommit=True
        ) as connection:
            connection.execute("SELECT 1")
    except psycopg.errors.ConnectionTimeout as error:
        raise CheckError("timeout") from error
    except psycopg.OperationalError as error:
        text = str(error).lower()
        for message, failure in MESSAGES.items():
            if message in text:
                raise CheckError(failure) from error
        raise
