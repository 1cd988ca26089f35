"""From the bytes of a body to a checked one (H7, E7)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import orjson

from healthpay_core import Err, Ok, Problem
from healthpay_core.refusals import ValidationFailed
from healthpay_http.asgi import ClientGone, Receive
from healthpay_http.card_data import (
    card_numbers,
    may_hold_card_number,
    named_card_data,
)
from healthpay_http.pointers import escaped, items_of
from healthpay_http.refusals import BodyTooLarge
from healthpay_wire.strict import structure

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """A body as it was sent, and what it was structured into."""

    sent: dict[str, object]
    body: T


async def read_body(
    receive: Receive, headers: Mapping[bytes, bytes], limit: int
) -> bytes | BodyTooLarge:
    """The whole body; too long is said before it is buffered.

    Raises:
        ClientGone: The client went away meanwhile.
    """
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
        return BodyTooLarge(max_bytes=limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = cast("bytes", message.get("body", b""))
        size += len(chunk)
        if size > limit:
            return BodyTooLarge(max_bytes=limit)
        if not message.get("more_body"):
            return b"".join((*chunks, chunk)) if chunks else chunk
        chunks.append(chunk)


def parse(body: bytes, cls: type[T]) -> Ok[Parsed[T]] | Err[ValidationFailed]:
    """Parse and check; every fault at once, each with its JSON Pointer."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        return Err(ValidationFailed.at("", f"must be JSON in UTF-8: {where}"))
    # With more colons than members one may be a member's second coming.
    if isinstance(value, dict) and body.count(b":") > len(value):
        twice = _given_twice(body)
        if twice:
            return Err(ValidationFailed(errors=twice))
    checked = structure(cls, value)
    numbers = tuple(card_numbers(value)) if may_hold_card_number(body) else ()
    if isinstance(checked, Err) or numbers:
        faults = checked.error.errors if isinstance(checked, Err) else ()
        named = tuple(map(named_card_data, faults))
        return Err(ValidationFailed(errors=(*named, *numbers)))
    return Ok(Parsed(value, checked.value))


def _given_twice(body: bytes) -> tuple[Problem, ...]:
    """The members of its objects, at any depth, that are there more than once."""
    twice: dict[int, list[str]] = {}
    objects: list[dict[str, object]] = []

    def note(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) < len(pairs):
            times = Counter(name for name, _ in pairs)
            twice[id(made)] = sorted(name for name in times if times[name] > 1)
            # Kept, so that no other object has its id.
            objects.append(made)
        return made

    try:
        value = json.loads(body, object_pairs_hook=note)
    except RecursionError:
        return (Problem("", "must not be nested so deeply"),)
    if not twice:
        return ()
    return tuple(
        Problem(f"{pointer}/{escaped(name)}", "is given twice")
        for pointer, item in items_of(value)
        for name in twice.get(id(item), ())
    ) or (Problem("", "has a member that is given twice"),)
