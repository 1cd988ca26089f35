"""Given facts, when an order, then facts or a refusal: decisions without a store.

```python
given(*after(*funded(AHMED, 100))).when(withdrawal(AHMED, 101)).refused(
    Code.INSUFFICIENT_FUNDS, available_amount=100
)
```
"""

from __future__ import annotations

from dataclasses import dataclass

from healthpay_core.catalogue import Code
from healthpay_core.context import Context
from healthpay_core.domain import (
    Command,
    Facts,
    State,
    decide,
    evolve,
    streams,
    validate,
)
from healthpay_core.events import Event
from healthpay_core.ids import StreamId
from healthpay_core.policy import NO_LIMITS, LimitPolicy
from healthpay_core.refusals import Detail, Refusal
from healthpay_core.result import Err, Ok
from healthpay_core.testing.builders import NOW, command_id, context


def given(*facts: tuple[StreamId, Event]) -> Given:
    """What has happened so far; `after` makes facts from orders."""
    return Given(facts=facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A history, waiting for an order."""

    facts: Facts

    def states(self) -> dict[StreamId, State]:
        """The state of each stream of the history."""
        states: dict[StreamId, State] = {}
        for stream, event in self.facts:
            states[stream] = evolve(states.get(stream), event)
        return states

    def when(
        self, command: Command, *, now: int = NOW, policy: LimitPolicy = NO_LIMITS
    ) -> Verdict:
        """Decide the order: its static checks first, then the decision (E2)."""
        return Verdict(decision=self._decide(command, context(now, policy)))

    def _decide(self, command: Command, known: Context) -> Ok[Facts] | Err[Refusal]:
        refusal = validate(command)
        if refusal is not None:
            return Err(refusal)
        states = self.states()
        seen = {s: states.get(s) for s in streams(command, states.get)}
        return decide(command, seen, known, command_id("when"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided, with the expectations that a test may have of it."""

    decision: Ok[Facts] | Err[Refusal]

    @property
    def facts(self) -> Facts:
        """What was decided; an AssertionError when it was refused."""
        assert isinstance(self.decision, Ok), self.decision
        return self.decision.value

    @property
    def events(self) -> tuple[Event, ...]:
        """The facts without their streams."""
        return tuple(event for _, event in self.facts)

    def then(self, *events: Event) -> None:
        """Expect exactly these facts, in this order."""
        assert self.events == events, self.events

    def refused(self, code: Code, **details: Detail) -> Refusal:
        """Expect a refusal of this code, with at least these details."""
        assert isinstance(self.decision, Err), self.decision
        refusal = self.decision.error
        assert refusal.code is code, refusal
        found = dict(refusal.details())
        assert {name: found.get(name) for name in details} == details, found
        return refusal
