from api.models import Note


def test_a_note_is_shown_as_its_text() -> None:
    assert str(Note(body="hello")) == "hello"
