"""`errors.md`: the catalogue of codes beside the table of HTTP statuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from healthpay_core import CATALOGUE, Code, NotDone
from healthpay_http import refusals as http_refusals
from healthpay_http.statuses import STATUSES, problem_type
from healthpay_wire.names import camel
from healthpay_wire.refusals import BY_CODE
from tools.reference import markdown as md

INTRODUCTION = """
Every request that is not done is answered with one code of this catalogue. The code
never changes its meaning; the HTTP status follows from it. In the library, the code is
`outcome.error.code`; over HTTP it is the member `code` of the problem document, whose
`type` leads to a page about it, below the place where the interface is mounted.
"""
LEGEND = """
*Kept* says whether the answer is stored under the idempotency key: a retry with the
same key then gets the same answer again. *Retryable* says whether the same request,
unchanged, may succeed later.
"""


def page() -> str:
    """The page's text."""
    return md.page("Errors", _lines())


def _lines() -> Iterator[str]:
    yield from md.paragraph(INTRODUCTION)
    yield from md.paragraph(LEGEND)
    yield from md.table(("code", "HTTP", "kept", "retryable"), map(_row, CATALOGUE))
    members = _members()
    sections = [line for code in CATALOGUE for line in _section(code, members)]
    yield from sections[:-1]


def _row(code: Code) -> tuple[str, str, str, str]:
    entry = CATALOGUE[code]
    link = f"[`{code}`](#{code.lower()})"
    return link, str(STATUSES[code]), md.yes(entry.pinned), md.yes(entry.retryable)


def _section(code: Code, members: dict[Code, tuple[str, ...]]) -> Iterator[str]:
    entry = CATALOGUE[code]
    yield f"## {code}"
    yield ""
    yield from md.paragraph(f"**{entry.title}.** {entry.meaning}")
    shown = ", ".join(f"`{name}`" for name in members.get(code, ())) or "none"
    facts = f"HTTP {STATUSES[code]}; type `{problem_type(code)}`; own members: {shown}."
    yield from md.paragraph(facts)


def _members() -> dict[Code, tuple[str, ...]]:
    """What the problem document of each code has besides the common members."""
    kinds = [*BY_CODE.values(), *_of_http()]
    return {k.code: tuple(camel(f.name) for f in fields(k)) for k in kinds}


def _of_http() -> list[type[NotDone]]:
    found = [kind for kind in vars(http_refusals).values() if isinstance(kind, type)]
    return [k for k in found if issubclass(k, NotDone) and hasattr(k, "code")]
