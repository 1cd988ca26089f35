"""What somebody wants, and what all stories are written with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from examples.data import figures as f
from examples.data.draws import Draws
from examples.data.population import Member
from examples.data.schedule import HOUR
from healthpay_core import Actor, Command, derive_id

OPERATOR: Final = Actor(type="operator", id="operations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A command that somebody wants to give, so long after its story began.

    `after` is microseconds.
    """

    after: int
    kind: f.Kind
    command: Command
    actor: Actor


Story: TypeAlias = Iterator[Intent]


class Writer:
    """Draws amounts, delays, references and ids, each number once.

    Attributes:
        draws: For all other chances.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._numbers = 0
        self.draws = Draws(seed, "stories")

    def amount(self, who: Member, size: tuple[float, float, float]) -> int:
        """Piastres of a size; businesses move more."""
        factor = f.BUSINESS_FACTOR if who.wallet_type == "business" else 1
        return self.pounds(size) * factor

    def pounds(self, size: tuple[float, float, float]) -> int:
        """Piastres of a size, whoever moves them."""
        median, sigma, step = size
        return self.draws.pounds(median, sigma, step=step)

    def reference(self, prefix: str) -> str:
        """The prefix and a running number."""
        return f"{prefix}-{self._number():07d}"

    def new_id(self, what: str) -> str:
        """An id that nothing had before."""
        return derive_id(f"example/{self._seed}/{what}/{self._number()}")

    def within(self, low: int, high: int) -> int:
        """Microseconds, evenly between the two."""
        return low + self.draws.below(high - low)

    def hours(self, size: tuple[float, float]) -> int:
        """Microseconds; median in hours and deviation of the logarithm."""
        return int(self.draws.lognormal(*size) * HOUR)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers
