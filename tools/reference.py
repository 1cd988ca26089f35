"""The generated pages of `docs/reference/`.

`python -m tools.reference` fails when a committed page is not what the code
says; `python -m tools.reference --write` writes them anew.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

from healthpay_core import CATALOGUE, EVENT_TYPES, Event
from healthpay_core import refusals as all_refusals

FOLDER = Path("docs/reference")
WRITTEN_BY = "<!-- Written by `nox -s docs -- --write`; edit the code instead. -->"

JSON_NAMES = {int: "integer", str: "string", bool: "boolean", type(None): "null"}


def main(arguments: list[str]) -> int:
    """Compare, or write; 1 when a page has drifted."""
    drifted = [
        path
        for path, text in pages().items()
        if not path.is_file() or _read(path) != text
    ]
    if "--write" in arguments:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path in drifted:
            path.write_text(pages()[path], encoding="utf-8")
        return 0
    for path in drifted:
        sys.stdout.write(f"{path}: not what the code says; nox -s docs -- --write\n")
    return 1 if drifted else 0


def pages() -> Mapping[Path, str]:
    """Every generated page and its text."""
    return {
        FOLDER / "events.md": "\n".join(_events()) + "\n",
        FOLDER / "errors.md": "\n".join(_errors()) + "\n",
    }


def _events() -> Iterator[str]:
    yield "# Events"
    yield ""
    yield WRITTEN_BY
    yield ""
    yield "The facts that HealthPay stores, by their names on the wire. Amounts are"
    yield "integers in minor units of the `currency` beside them; members are"
    yield "camelCase; a member that may be null is left out when it is."
    for event, kind in EVENT_TYPES.items():
        yield ""
        yield f"## `{kind.name}`"
        yield ""
        yield f"{_first_sentence(event)} Stream: {kind.aggregate_type}; current"
        yield f"version: {kind.version}."
        yield ""
        yield from _members(event)


def _members(event: type[Event]) -> Iterator[str]:
    hints = get_type_hints(event)
    if not fields(event):
        yield "No members of its own."
        return
    yield "| member | type | |"
    yield "|---|---|---|"
    for field in fields(event):
        needed = "required" if _is_required(field) else "optional"
        shown = _type_text(hints[field.name]).replace("|", "\\|")
        yield f"| `{_camel(field.name)}` | `{shown}` | {needed} |"


def _errors() -> Iterator[str]:
    yield "# Errors"
    yield ""
    yield WRITTEN_BY
    yield ""
    yield "Every code of the one catalogue. *Kept*: the answer is stored under the"
    yield "idempotency key, and a retry is answered with it again. *Retryable*: the"
    yield "same request may succeed later, unchanged."
    facts = _facts_by_code()
    for code, entry in CATALOGUE.items():
        yield ""
        yield f"## `{code}`"
        yield ""
        yield f"**{entry.title}.** {entry.meaning}"
        marks = [("Kept", entry.pinned), ("Retryable", entry.retryable)]
        said = [f"{name}: {'yes' if holds else 'no'}" for name, holds in marks]
        members = ", ".join(f"`{_camel(name)}`" for name in facts.get(code, ()))
        yield ""
        yield ". ".join(said) + "." + (f" Members: {members}." if members else "")


def _facts_by_code() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for _, kind in inspect.getmembers(all_refusals, inspect.isclass):
        if issubclass(kind, all_refusals.NotDone) and hasattr(kind, "code"):
            names = (*found.get(kind.code, ()), *(f.name for f in fields(kind)))
            found[kind.code] = tuple(dict.fromkeys(names))
    return found


def _first_sentence(kind: type) -> str:
    return (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")


def _is_required(field: Field[object]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _type_text(hint: object) -> str:
    if isinstance(hint, type):
        return JSON_NAMES.get(hint, f"{{{_inner_members(hint)}}}")
    if get_origin(hint) is Literal:
        return " | ".join(f'"{choice}"' for choice in get_args(hint))
    if get_origin(hint) is tuple:
        return f"[{_type_text(get_args(hint)[0])}, ...]"
    return " | ".join(_type_text(part) for part in get_args(hint))


def _inner_members(kind: type) -> str:
    hints = get_type_hints(kind)
    return ", ".join(f"{_camel(name)}: {_type_text(hints[name])}" for name in hints)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
