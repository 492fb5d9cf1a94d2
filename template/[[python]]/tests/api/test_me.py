from django.test import Client

from tests.api.clients import client_of


def test_me_returns_the_subject_of_the_token() -> None:
    assert client_of("ada").get("/api/v1/me").json() == {"subject": "ada"}


def test_me_requires_a_token(client: Client) -> None:
    answer = client.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json() == {"type": "about:blank", "title": "Unauthorized", "status": 401}
