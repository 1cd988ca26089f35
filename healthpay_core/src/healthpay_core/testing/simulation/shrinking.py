"""Making a story short: steps are left out, and what is left is made simpler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from healthpay_core.testing.simulation.ledger import Violation
from healthpay_core.testing.simulation.steps import (
    Resume,
    RunSaga,
    Send,
    Step,
    Sweep,
)

Play: TypeAlias = Callable[[Sequence[Step]], Violation | None]

_TRIALS: Final = 800


class Shrinker:
    """Tries shorter stories for as long as the same rule is broken.

    Args:
        play: Plays steps from the beginning.
        steps: The story that broke a rule.
        violation: How.

    Attributes:
        steps: The shortest story so far.
        violation: How it breaks the rule.
    """

    def __init__(self, play: Play, steps: Sequence[Step], violation: Violation) -> None:
        self.steps: list[Step] = list(steps)
        self.violation: Violation = violation
        self._play = play
        self._left = _TRIALS

    def shrink(self) -> None:
        """Leave steps out in ever smaller runs, then simplify those that are left."""
        size = max(1, len(self.steps) // 2)
        while size and self._left:
            shorter = self._leave_out(size)
            if not shorter or size > 1:
                size //= 2
        for at in range(len(self.steps)):
            while any(self._try_step(at, simpler) for simpler in _simpler(self, at)):
                pass

    def _leave_out(self, size: int) -> bool:
        at, shorter = 0, False
        while at < len(self.steps):
            if self._try(self.steps[:at] + self.steps[at + size :]):
                shorter = True
            else:
                at += size
        return shorter

    def _try_step(self, at: int, step: Step) -> bool:
        return self._try([*self.steps[:at], step, *self.steps[at + 1 :]])

    def _try(self, steps: list[Step]) -> bool:
        if not self._left:
            return False
        self._left -= 1
        found = self._play(steps)
        if found is None or found.rule != self.violation.rule:
            return False
        self.steps, self.violation = steps, found
        return True


def _simpler(shrinker: Shrinker, at: int) -> Iterator[Step]:
    """The step with less in it, one thing at a time."""
    step = shrinker.steps[at]
    if isinstance(step, Send) and len(step.requests) > 1:
        for number in range(len(step.requests)):
            rest = step.requests[:number] + step.requests[number + 1 :]
            yield replace(step, requests=rest)
    if isinstance(step, Send | RunSaga | Resume | Sweep) and step.fault is not None:
        yield replace(step, fault=None)
        if step.fault.nth > 1:
            yield replace(step, fault=replace(step.fault, nth=1))
    if isinstance(step, RunSaga) and step.stops_after is not None:
        yield replace(step, stops_after=None)
