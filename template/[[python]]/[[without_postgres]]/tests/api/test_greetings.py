import pytest
from django.test import Client

from tests.api.clients import client_of


def greet(body: object, client: Client | None = None) -> tuple[int, dict[str, object]]:
    answer = (client or client_of("ada")).post("/api/v1/greetings", body, content_type="application/json")
    return answer.status_code, answer.json()


def test_greets_by_name() -> None:
    assert greet({"name": "Ada"}) == (200, {"greeting": "Hello, Ada"})


def test_a_token_is_required(client: Client) -> None:
    assert greet({"name": "Ada"}, client)[0] == 401


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/name"),
        ({"name": ""}, "#/name"),
        ({"name": "x" * 101}, "#/name"),
        ({"name": "Ada", "a/b": 1}, "#/a~1b"),
    ],
)
def test_an_invalid_field_is_named(body: object, pointer: str) -> None:
    status, problem = greet(body)
    assert status == 400
    assert isinstance(problem["errors"], list)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


def test_a_body_that_is_not_json_is_refused() -> None:
    answer = client_of("ada").post("/api/v1/greetings", "secret", content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert "secret" not in answer.content.decode()
