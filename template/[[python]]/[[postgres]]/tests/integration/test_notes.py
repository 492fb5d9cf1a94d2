import pytest
from django.test import Client

from api.models import NoteEvent
from tests.api.clients import client_of

pytestmark = pytest.mark.django_db


def create(client: Client, title: str) -> dict[str, object]:
    answer = client.post("/api/v1/notes", {"title": title}, content_type="application/json")
    assert answer.status_code == 201
    note: dict[str, object] = answer.json()
    assert answer["Location"] == f"/api/v1/notes/{note['id']}"
    return note


def test_a_note_is_created_with_its_event_read_and_deleted() -> None:
    client = client_of("ada")
    note = create(client, "Water the plants")
    assert note == note | {"title": "Water the plants", "body": "", "author": "ada"}
    assert NoteEvent.objects.get().kind == "created"
    path = f"/api/v1/notes/{note['id']}"
    assert client.get(path).json() == note
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 404


def test_notes_are_listed_page_by_page() -> None:
    client = client_of("ada")
    ids = [create(client, title)["id"] for title in ("one", "two", "three")]
    first = client.get("/api/v1/notes?limit=2").json()
    assert ([note["id"] for note in first["items"]], first["next"]) == (ids[:2], ids[1])
    second = client.get(f"/api/v1/notes?limit=2&cursor={first['next']}").json()
    assert ([note["id"] for note in second["items"]], second["next"]) == (ids[2:], None)


def test_others_see_no_note() -> None:
    path = f"/api/v1/notes/{create(client_of('ada'), 'private')['id']}"
    other = client_of("bob")
    assert other.get("/api/v1/notes").json() == {"items": [], "next": None}
    assert other.get(path).status_code == 404
    assert other.delete(path).status_code == 404
