"""Random draws whose sequence depends on the seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from random import Random
from statistics import NormalDist
from typing import Final, TypeVar

T = TypeVar("T")

PIASTRES: Final = 100
"""Minor units of one Egyptian pound."""

_STANDARD: Final = NormalDist()
_SMALLEST: Final = 1e-12


class Draws:
    """A stream of draws.

    Everything is made from `Random.random`, the one method whose sequence
    Python promises to keep for a seed.

    Args:
        seed: Of the whole month.
        name: Keeps the draws of one purpose apart from those of another.
    """

    def __init__(self, seed: int, name: str) -> None:
        self._unit = Random(f"{seed}/{name}").random

    def unit(self) -> float:
        """Uniform in [0, 1)."""
        return self._unit()

    def below(self, limit: int) -> int:
        """Uniform in 0..limit-1."""
        return int(self._unit() * limit)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._unit() < probability

    def pick(self, items: Sequence[T]) -> T:
        """One of the items, each as likely as the others."""
        return items[self.below(len(items))]

    def weighted(self, shares: Sequence[tuple[T, float]]) -> T:
        """One of the items, each as likely as its share says."""
        place = self._unit() * sum(share for _, share in shares)
        for item, share in shares:
            place -= share
            if place < 0:
                return item
        return shares[-1][0]

    def lognormal(self, median: float, sigma: float) -> float:
        """Positive and skewed: its logarithm is normal with deviation `sigma`."""
        normal = _STANDARD.inv_cdf(max(self._unit(), _SMALLEST))
        return exp(log(median) + sigma * normal)

    def pounds(self, median: float, sigma: float, *, step: float) -> int:
        """A lognormal amount in piastres, in steps of pounds, at least one step."""
        steps = max(1, round(self.lognormal(median, sigma) / step))
        return round(steps * step * PIASTRES)


def trait(seed: int, index: int, salt: int) -> float:
    """A fixed uniform number in [0, 1) for one trait of one member.

    It needs no memory: the same arguments give the same number (splitmix64).
    """
    z = (seed * 0x9E3779B97F4A7C15 + index * 0xD1342543DE82EF95 + salt) & _MASK
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _MASK
    return ((z ^ (z >> 31)) >> 11) / (1 << 53)


_MASK: Final = (1 << 64) - 1
