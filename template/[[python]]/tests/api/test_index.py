from django.test import Client

from config import SERVICE


def test_index_returns_service_and_version(client: Client) -> None:
    assert client.get("/").json() == {"service": SERVICE, "version": "1.2.3"}
