"""Card data never enters: refused by name and by shape (rule D2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from healthpay_core import Problem
from healthpay_http.pointers import items_of

_NAMES: Final = frozenset(
    {"pan", "cardnumber", "cvv", "cvv2", "cvc", "cvc2", "pin", "securitycode", "track2"}
)
_MAYBE: Final = re.compile(rb"[0-9](?:[ -]?[0-9]){11}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RUN: Final = re.compile(r"[0-9](?:[ -]?[0-9])+")
_GROUP: Final = re.compile(r"[0-9]+")
_SHORTEST, _LONGEST = 12, 19
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
"""Of each digit its part in the sum of Luhn where it is doubled."""


def may_hold_card_number(body: bytes) -> bool:
    """A quick look at the bytes: whether a closer one is needed."""
    # Digits may be written as escapes of JSON.
    return _MAYBE.search(body) is not None or b"\\u" in body


def card_numbers(value: object) -> Iterator[Problem]:
    """The texts in a JSON value that hold the number of a card, at any depth."""
    for pointer, item in items_of(value):
        if isinstance(item, str) and holds_card_number(item):
            yield Problem(pointer, "must not hold a card number; send a token")


def holds_card_number(text: str) -> bool:
    """Whether 12 to 19 digits stand in it that pass the Luhn check.

    Digits may be grouped with spaces or hyphens, and other groups may stand beside
    them, such as when the card expires; ids are left out, whose digits pass by chance.
    """
    runs = _RUN.finditer(_UUID.sub(" ", text))
    return any(_some_groups_pass(_GROUP.findall(run.group())) for run in runs)


def named_card_data(problem: Problem) -> Problem:
    """An unknown member that is called like card data is refused as that."""
    name = problem.pointer.rpartition("/")[2]
    if re.sub("[^a-z0-9]", "", name.lower()) not in _NAMES:
        return problem
    return Problem(problem.pointer, "must not be sent: card data never enters")


def _some_groups_pass(groups: list[str]) -> bool:
    """Whether the digits of groups that follow each other pass the Luhn check."""
    digits = [int(digit) for group in groups for digit in group]
    # Sums up to each place, where every second digit is doubled: the even, the odd.
    sums = [
        list(
            accumulate(
                (_DOUBLED[d] if i % 2 == odd else d for i, d in enumerate(digits)),
                initial=0,
            )
        )
        for odd in (0, 1)
    ]
    borders = list(accumulate(map(len, groups), initial=0))
    first = 0
    for end in borders:
        while end - borders[first] > _LONGEST:
            first += 1
        passing = sums[end % 2]
        # By index: to cut a list for each border costs the square of their number.
        index = first
        while end - borders[index] >= _SHORTEST:
            if (passing[end] - passing[borders[index]]) % 10 == 0:
                return True
            index += 1
    return False
