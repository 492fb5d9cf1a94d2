"""Tables. After a change, run `uv run manage.py makemigrations` and see MIGRATIONS.md."""

from django.db import models


class Note(models.Model):
    """An example to replace."""

    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table name without the app's prefix."""

        db_table = "notes"

    def __str__(self) -> str:
        """Return the note's text."""
        return self.body
