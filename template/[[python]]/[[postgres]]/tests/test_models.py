from api.models import Note


def test_a_note_is_known_by_its_text() -> None:
    assert str(Note(body="hello")) == "hello"
