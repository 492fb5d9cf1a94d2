import pytest
from django.test import Client

from api.models import Note, NoteEvent
from tests.api.clients import client_of

# The integration tests cover what reaches the database.


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/title"),
        ({"title": ""}, "#/title"),
        ({"title": "x" * 201}, "#/title"),
        ({"title": "a\0"}, "#/title"),
        ({"title": "a", "body": "x" * 10_001}, "#/body"),
        ({"title": "a", "author": "bob"}, "#/author"),
    ],
)
def test_an_invalid_field_is_named(body: object, pointer: str) -> None:
    answer = client_of("ada").post("/api/v1/notes", body, content_type="application/json")
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("method", "path", "parameter"),
    [
        ("GET", "/api/v1/notes?limit=0", "limit"),
        ("GET", "/api/v1/notes?limit=101", "limit"),
        ("GET", "/api/v1/notes?cursor=secret", "cursor"),
        ("GET", "/api/v1/notes/secret", "note_id"),
        ("DELETE", "/api/v1/notes/0", "note_id"),
    ],
)
def test_an_invalid_parameter_is_named(method: str, path: str, parameter: str) -> None:
    answer = client_of("ada").generic(method, path)
    assert answer.status_code == 400
    assert [error["parameter"] for error in answer.json()["errors"]] == [parameter]
    assert "secret" not in answer.content.decode()


def test_a_body_that_is_not_json_is_refused() -> None:
    answer = client_of("ada").post("/api/v1/notes", "secret", content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert "secret" not in answer.content.decode()


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v1/notes"), ("GET", "/api/v1/notes"), ("GET", "/api/v1/notes/1"), ("DELETE", "/api/v1/notes/1")],
)
def test_a_token_is_required(client: Client, method: str, path: str) -> None:
    assert client.generic(method, path).status_code == 401


def test_models_are_shown_as_their_text() -> None:
    note = Note(title="hello")
    assert [str(note), str(NoteEvent(note=note, kind="created"))] == ["hello", "created"]
