"""Health check of Redis."""

from redis import AuthenticationError, Redis
from redis import TimeoutError as RedisTimeoutError
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.environment import load_environment
from health.check import CHECK_SECONDS, CheckError


def probe() -> None:
    """Send a PING over a new connection.

    Raises CheckError or redis.RedisError if it fails.
    """
    try:
        with Redis.from_url(
            load_environment().redis_url,
            socket_connect_timeout=CHECK_SECONDS,
            socket_timeout=CHECK_SECONDS,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            client.ping()
    except AuthenticationError as error:
        raise CheckError("authentication failed") from error
    except RedisTimeoutError as error:
        raise CheckError("timeout") from error
