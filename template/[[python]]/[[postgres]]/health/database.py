"""Whether PostgreSQL answers."""

import psycopg

from config.environment import load_environment
from health.check import CHECK_SECONDS, CheckError, Failure

# What libpq says, for it has no codes for why a connection failed.
MESSAGES: dict[str, Failure] = {
    "connection refused": "connection refused",
    "authentication failed": "authentication failed",
    "no password supplied": "authentication failed",
    "could not translate host name": "name not resolved",
    "failed to resolve host": "name not resolved",
    "timeout expired": "timeout",
}


def probe() -> None:
    """Ask the database for nothing, over a connection of its own: the pool may be busy.

    Raises CheckError or psycopg.Error where it does not answer.
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
