"""Health check of the external API."""

from email.message import Message
from http import HTTPStatus
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from config.environment import load_environment
from health.check import CHECK_SECONDS, CheckError


class NoRedirect(HTTPRedirectHandler):
    """Does not follow redirects."""

    def redirect_request(  # noqa: PLR0913, PLR0917 - urllib's signature
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Follow no redirect."""


opener = build_opener(NoRedirect)


def probe() -> None:
    """Send a GET request to EXTERNAL_API_URL; every status below 500 passes.

    Raises CheckError or OSError otherwise.
    """
    try:
        opener.open(load_environment().external_api_url, timeout=CHECK_SECONDS).close()
    except HTTPError as error:
        error.close()
        if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise CheckError("unexpected status") from error
    except URLError as error:
        raise error.reason if isinstance(error.reason, OSError) else error from None
