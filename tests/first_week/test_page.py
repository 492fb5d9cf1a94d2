"""Promise: the steps of docs/developing.md are read as a person reads them, and a wrong step is refused."""

import pytest

from tests.first_week.page import PageError, Step, apply, sections

PAGE = """
# Develop

## Add a route

Routes are files. Create `src/tasks.ts`:

```ts
one
```

1. Register it. In `src/index.ts`, add after `// routes`:

   ```ts
   two
   ```

2. With `make dev` running:

   ```sh
   curl 127.0.0.1
   ```

   It answers:

   ```json
   {}
   ```

3. In `src/index.ts`, delete the line with `// old`.

## Look

```sh
make help
```
"""


def test_steps_are_read_in_order_by_section():
    assert sections(PAGE) == {
        "Develop": [],
        "Add a route": [
            Step("create", "one\n", "src/tasks.ts"),
            Step("after", "two\n", "src/index.ts", "// routes"),
            Step("request", "curl 127.0.0.1\n"),
            Step("answer", "{}\n"),
            Step("delete", "", "src/index.ts", "// old"),
        ],
        "Look": [Step("shown", "make help\n")],
    }


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("after", "a\nb\nnew\nc\n"),
        ("before", "a\nnew\nb\nc\n"),
        ("replace", "a\nnew\nc\n"),
        ("append", "a\nb\nc\nnew\n"),
        ("delete", "a\nc\n"),
    ],
)
def test_edits_are_placed_by_a_line(tmp_path, kind, text):
    (tmp_path / "file").write_text("a\nb\nc\n")
    apply(Step(kind, "" if kind == "delete" else "new\n", "file", "b"), tmp_path)
    assert (tmp_path / "file").read_text() == text


@pytest.mark.parametrize("content", ["a\n", "b\nb\n"])
def test_an_edit_whose_place_is_missing_or_ambiguous_is_refused(tmp_path, content):
    (tmp_path / "file").write_text(content)
    with pytest.raises(PageError, match="lines with `b`"):
        apply(Step("after", "new\n", "file", "b"), tmp_path)


def test_a_file_that_exists_is_not_created_again(tmp_path):
    (tmp_path / "file").write_text("a\n")
    with pytest.raises(PageError, match="exists already"):
        apply(Step("create", "new\n", "file"), tmp_path)


def test_a_phrase_without_a_code_block_is_refused():
    with pytest.raises(PageError, match="no code block"):
        sections("## Add a route\n\nCreate `src/tasks.ts`:\n\nThen run it.\n")
