"""Tables. `uv run manage.py makemigrations` writes a migration for each change: MIGRATIONS.md."""

from django.db import models


class Note(models.Model):
    """An example to replace."""

    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """What Django would otherwise name after the folder."""

        db_table = "notes"

    def __str__(self) -> str:
        """Return what people know the note by."""
        return self.body
