"""An example to replace: create, list, read and delete your notes."""

from datetime import datetime
from typing import Annotated

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Path, Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from api.authentication import AuthenticatedRequest, Token
from api.models import Note, NoteEvent

router = Router(auth=Token())

NoteId = Path[Annotated[int, Field(ge=1)]]
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]  # PostgreSQL cannot store NUL


class NewNote(Schema):
    """What a client sends."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[Text, Field(min_length=1, max_length=200)]
    body: Annotated[Text, Field(max_length=10_000)] = ""


class NoteOut(Schema):
    """A note."""

    id: int
    title: str
    body: str
    author: str
    created_at: datetime


class NotePage(Schema):
    """A page of notes, and the cursor of the next page or null."""

    items: list[NoteOut]
    next: int | None


class PageQuery(Schema):
    """Which page: its size, and `next` of the previous page."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[int, Field(ge=0)] = 0


@router.post("/notes", response={201: NoteOut}, operation_id="create-note", summary="Create a note")
def create_note(request: AuthenticatedRequest, content: NewNote, response: HttpResponse) -> Status[Note]:
    """Store a note and its event, both or neither."""
    with transaction.atomic():
        note = Note.objects.create(author=request.auth, title=content.title, body=content.body)
        NoteEvent.objects.create(note=note, kind="created")
    response["Location"] = f"/api/v1/notes/{note.pk}"
    return Status(201, note)


@router.get("/notes", response=NotePage, operation_id="list-notes", summary="List your notes, the oldest first")
def list_notes(request: AuthenticatedRequest, page: Query[PageQuery]) -> dict[str, object]:
    """Return a page; read one more to know whether another follows."""
    notes = list(Note.objects.filter(author=request.auth, pk__gt=page.cursor).order_by("pk")[: page.limit + 1])
    items = notes[: page.limit]
    return {"items": items, "next": items[-1].pk if len(notes) > page.limit else None}


@router.get("/notes/{note_id}", response=NoteOut, operation_id="read-note", summary="Read a note")
def read_note(request: AuthenticatedRequest, note_id: NoteId) -> Note:
    """Return a note of the caller."""
    return get_object_or_404(Note, pk=note_id, author=request.auth)


@router.delete("/notes/{note_id}", response={204: None}, operation_id="delete-note", summary="Delete a note")
def delete_note(request: AuthenticatedRequest, note_id: NoteId) -> Status[None]:
    """Delete a note of the caller."""
    get_object_or_404(Note, pk=note_id, author=request.auth).delete()
    return Status(204, None)
