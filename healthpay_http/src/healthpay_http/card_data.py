"""Card data never enters: refused by name and by shape (rule D2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from healthpay_core import Problem

_NAMES: Final = frozenset(
    {"pan", "cardnumber", "cvv", "cvv2", "cvc", "cvc2", "pin", "securitycode", "track2"}
)
_MAYBE: Final = re.compile(rb"[0-9](?:[ -]?[0-9]){11}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RUN: Final = re.compile(r"[0-9](?:[ -]?[0-9])+")


def may_hold_card_number(body: bytes) -> bool:
    """A quick look at the bytes: whether a closer one is needed."""
    return _MAYBE.search(body) is not None


def card_numbers(value: object, pointer: str = "") -> Iterator[Problem]:
    """The texts in a JSON value that hold the number of a card, at any depth."""
    if isinstance(value, str):
        if holds_card_number(value):
            yield Problem(pointer, "must not hold a card number; send a token")
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from card_numbers(member, f"{pointer}/{_escaped(name)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from card_numbers(item, f"{pointer}/{index}")


def holds_card_number(text: str) -> bool:
    """Whether 12 to 19 digits stand in it that pass the Luhn check.

    Digits may be grouped with spaces or hyphens; ids are left out, whose digits
    pass by chance.
    """
    for run in _RUN.finditer(_UUID.sub(" ", text)):
        digits = [int(c) for c in run.group() if c.isdigit()]
        if 12 <= len(digits) <= 19 and _luhn(digits):
            return True
    return False


def named_card_data(problem: Problem) -> Problem:
    """An unknown member that is called like card data is refused as that."""
    name = problem.pointer.rpartition("/")[2]
    if re.sub("[^a-z0-9]", "", name.lower()) not in _NAMES:
        return problem
    return Problem(problem.pointer, "must not be sent: card data never enters")


def _luhn(digits: list[int]) -> bool:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if index % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")[:128]
