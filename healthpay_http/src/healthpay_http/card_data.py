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


def card_numbers(value: object) -> Iterator[Problem]:
    """The texts in a JSON value that hold the number of a card, at any depth."""
    # What a parser still reads may be nested deeper than functions may call each
    # other: so the open levels are a list, each read no further than needed.
    open_levels = [iter([("", value)])]
    while open_levels:
        for pointer, item in open_levels[-1]:
            if isinstance(item, (dict, list)):
                open_levels.append(_inside(pointer, item))
                break
            if isinstance(item, str) and holds_card_number(item):
                yield Problem(pointer, "must not hold a card number; send a token")
        else:
            open_levels.pop()


def _inside(
    pointer: str, value: dict[str, object] | list[object]
) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        return ((f"{pointer}/{_escaped(name)}", item) for name, item in value.items())
    return ((f"{pointer}/{index}", item) for index, item in enumerate(value))


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
