"""JSON Pointers to what is inside a JSON value (RFC 6901)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_LONGEST_NAME: Final = 128


def items_of(value: object) -> Iterator[tuple[str, object]]:
    """A value and everything inside it, at any depth, each with its pointer."""
    # What a parser still reads may be nested deeper than functions may call each
    # other: so the open levels are a list, each read no further than needed.
    open_levels = [iter([("", value)])]
    while open_levels:
        for pointer, item in open_levels[-1]:
            yield pointer, item
            if isinstance(item, (dict, list)):
                open_levels.append(_inside(pointer, item))
                break
        else:
            open_levels.pop()


def escaped(name: str) -> str:
    """A member's name as a part of a pointer; very long ones are cut."""
    return name.replace("~", "~0").replace("/", "~1")[:_LONGEST_NAME]


def _inside(
    pointer: str, value: dict[str, object] | list[object]
) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        return ((f"{pointer}/{escaped(name)}", item) for name, item in value.items())
    return ((f"{pointer}/{index}", item) for index, item in enumerate(value))
