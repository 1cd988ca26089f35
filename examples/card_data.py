"""A search for card data in events, as they stand on the wire (D2)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from healthpay_core import RecordedEvent
from healthpay_wire.envelopes import canonical

_SECRETS: Final = frozenset(
    {"cvv", "cvv2", "cvc", "cvc2", "pin", "pan", "cardnumber", "track2", "securitycode"}
)
_ID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_TRACE: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_DIGITS: Final = re.compile(r"\d(?:[ -]?\d){11,}")
_TWICE: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def card_data_in(recorded: RecordedEvent) -> Iterator[str]:
    """Where an event has a member for card data, or a text with a card's number.

    Ids and traces are left out: hexadecimal text is all digits now and then, by
    chance.
    """
    text = canonical(recorded.envelope, recorded.original)
    yield from _members(json.loads(text), "")


def is_card_number(digits: str) -> bool:
    """Whether 12 to 19 digits pass the check of Luhn."""
    backwards = [int(digit) for digit in reversed(digits)]
    total = sum(backwards[::2]) + sum(_TWICE[digit] for digit in backwards[1::2])
    return 12 <= len(backwards) <= 19 and total % 10 == 0


def _members(value: object, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            if re.sub("[^a-z0-9]", "", name.lower()) in _SECRETS:
                yield f"{place}/{name} is a member for card data"
            yield from _members(member, f"{place}/{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _members(member, f"{place}/{index}")
    elif isinstance(value, str) and len(value) > 11:
        for run in _DIGITS.findall(_TRACE.sub(" ", _ID.sub(" ", value))):
            if is_card_number(re.sub("[ -]", "", run)):
                yield f"{place} holds the number of a card"
