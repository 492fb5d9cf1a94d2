"""Tables. After a change, run `uv run manage.py makemigrations` and see MIGRATIONS.md."""

from django.db import models


class Note(models.Model):
    """An example to replace. A note belongs to its author: others cannot read it."""

    title = models.TextField()
    body = models.TextField(blank=True)
    author = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table name without the app's prefix."""

        db_table = "notes"
        indexes = [models.Index(fields=["author", "id"], name="notes_of_author")]  # noqa: RUF012 - Django's way

    def __str__(self) -> str:
        """Return the title."""
        return self.title


class NoteEvent(models.Model):
    """What happened to a note."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE)
    kind = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table name without the app's prefix."""

        db_table = "note_events"

    def __str__(self) -> str:
        """Return the kind."""
        return self.kind
