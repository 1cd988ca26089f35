"""The few pieces of Markdown that the generated pages are made of."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

WRITTEN_BY = "<!-- Written by `nox -s docs -- --write`; edit the code instead. -->"
WIDTH = 88
RULE_IDS = re.compile(r" \([A-Z]\d[^)]*\)")


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page: its title, who writes it, its lines."""
    return "\n".join([f"# {title}", "", WRITTEN_BY, "", *parts]) + "\n"


def paragraph(text: str) -> list[str]:
    """A paragraph, wrapped, and the empty line after it."""
    text = " ".join(text.split())
    whole = wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    return [*whole, ""]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table and the empty line after it."""
    yield _row(head)
    yield "|" + "---|" * len(head)
    for row in rows:
        yield _row(row)
    yield ""


def summary(kind: type) -> str:
    """The first paragraph of a docstring, without the ids of rules."""
    first = (inspect.getdoc(kind) or "").split("\n\n")[0]
    return RULE_IDS.sub("", " ".join(first.split()))


def yes(holds: bool) -> str:
    """A truth value in a table's cell."""
    return "yes" if holds else "no"


def _row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(escaped) + " |"
