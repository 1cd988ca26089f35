"""Whether what was printed is what a page shows.

Two things may differ, and only they. JSON is wrapped on the pages, so the white
space between its members does not count. What is different on every run is
shown as `…`, and only what is named here may be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
DIFFERENT_MEMBERS = frozenset(
    {
        "correlationId",
        "expiresAt",
        "hash",
        "occurredAt",
        "prevHash",
        "recordedAt",
        "resetsAt",
    }
)
"""Hashes differ because they cover the times."""
DIFFERENT_HEADERS = frozenset({"date", "traceparent", "x-correlation-id"})


def difference(shown: str, printed: str) -> str | None:
    """The first difference, in words; None when there is none."""
    expected, actual = list(_items(shown)), list(_items(printed))
    for wanted, got in zip(expected, actual, strict=False):
        if not _is_same(wanted, got):
            return f"shown:\n{wanted}\nprinted:\n{got}"
    if len(expected) != len(actual):
        return f"shown:\n{shown}\nprinted:\n{printed}"
    return None


def _items(text: str) -> Iterator[object]:
    """The lines of a text; a JSON object, over however many lines, is one."""
    begun = ""
    for line in text.splitlines():
        if not begun and not line.startswith("{"):
            yield line.rstrip()
            continue
        begun += line
        try:
            yield json.loads(begun, object_pairs_hook=_Object)
        except json.JSONDecodeError:
            continue
        begun = ""
    if begun:
        yield begun


class _Object(list[tuple[str, object]]):
    """A JSON object whose members keep their order."""


def _is_same(wanted: object, got: object) -> bool:
    if isinstance(wanted, _Object) and isinstance(got, _Object):
        return len(wanted) == len(got) and all(map(_is_same_member, wanted, got))
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(_is_same, wanted, got))
    if isinstance(wanted, str) and isinstance(got, str):
        name, colon, value = wanted.partition(": ")
        if colon and value == ELLIPSIS and name in DIFFERENT_HEADERS:
            return got.startswith(name + colon)
    return type(wanted) is type(got) and wanted == got


def _is_same_member(wanted: tuple[str, object], got: tuple[str, object]) -> bool:
    if wanted[0] != got[0]:
        return False
    if wanted[1] == ELLIPSIS and wanted[0] in DIFFERENT_MEMBERS:
        return isinstance(got[1], str)
    return _is_same(wanted[1], got[1])
