"""Read YAML documents whose maps and lists know their lines."""

from functools import cache
from typing import Any

from ruamel.yaml import YAML


@cache
def parse_yaml(text: str) -> list[Any]:
    """Return the documents of a YAML text; their maps and lists know their lines."""
    return [document for document in YAML().load_all(text) if document is not None]


def get(node: object, *keys: str | int, default: Any = None) -> Any:
    """Return the value at a path of keys in nested maps and lists, or the default."""
    value: Any = node
    for key in keys:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return default
    return default if value is None else value


def to_yaml(value: object) -> str:
    """Return a scalar as YAML writes it."""
    return "missing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def line_of(node: object, *keys: str | int) -> int:
    """Return the line of the value at a path of keys, or of the part of the path that exists."""
    line, value = 1, node
    for key in keys:
        try:
            position: Any = value.lc.item(key) if isinstance(key, int) else value.lc.key(key)  # type: ignore[attr-defined]
            line, value = position[0] + 1, value[key]  # type: ignore[index]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line
