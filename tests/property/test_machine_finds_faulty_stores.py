"""The machine finds faults of stores, behind a handler that keeps nothing in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from healthpay_core import (
    Append,
    Appended,
    AppendResult,
    CommandHandler,
    CommandPort,
    Event,
    LimitPolicy,
    LocalRuntime,
    ManualClock,
    OutcomeRecord,
    StreamId,
)
from healthpay_core.testing.machine import CommandPortMachine
from tests.contract.faulty_appends import DroppedOutcome
from tests.contract.faulty_handles import LostAtReopen, OutcomesLostAtReopen
from tests.contract.shared_store import SharedStore

QUICK: Final = settings(
    max_examples=12,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
"""As short as on the page for those who have written a store."""

LOOKING: Final = settings(QUICK, max_examples=200)
"""Until it is found; 12 histories reopen too seldom to be sure."""


class _OfAStore(CommandPortMachine):
    """As `docs/how-to/prove-your-store.md` says it."""

    kind: ClassVar[type[SharedStore]] = SharedStore

    def open_port(self, clock: ManualClock, policy: LimitPolicy) -> CommandPort:
        self.policy = policy
        return self._connect(self.kind())

    def reopen_port(self, port: CommandPort) -> CommandPort:
        return self._connect(self.kind(self.store))

    def _connect(self, store: SharedStore) -> CommandPort:
        self.store = store
        handler = CommandHandler(
            store,
            clock=self.clock,
            policy=self.policy,
            cached_streams=1,
            cached_receipts=0,
        )
        return LocalRuntime(handler)


class _Remembering(CommandPortMachine):
    kind: ClassVar[type[SharedStore]] = SharedStore

    def open_port(self, clock: ManualClock, policy: LimitPolicy) -> CommandPort:
        return LocalRuntime(CommandHandler(self.kind(), clock=clock, policy=policy))


class _Nothing(SharedStore):
    """Says yes to everything and keeps nothing."""

    def append(self, append: Append) -> AppendResult:
        return Appended(last_position=1)


class _NoOutcomes(SharedStore):
    """Finds no outcome."""

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        return {}


class _NoVersions(SharedStore):
    """Says of every stream that it is not there."""

    def versions(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        return dict.fromkeys(streams, 0)


class _ShortFacts(SharedStore):
    """Leaves the last fact of a stream out."""

    def facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        return super().facts(stream, after, limit)[:-1]


class _FirstEvent(SharedStore):
    """Keeps the first event of an append."""

    def append(self, append: Append) -> AppendResult:
        return super().append(replace(append, events=append.events[:1]))


FAULTS: Final[dict[str, type[SharedStore]]] = {
    "stores nothing": _Nothing,
    "no outcomes": _NoOutcomes,
    "versions always 0": _NoVersions,
    "facts lose the last": _ShortFacts,
    "only the first event": _FirstEvent,
    "dropped outcomes": DroppedOutcome,
    "last append lost on reopen": LostAtReopen,
    "outcomes lost on reopen": OutcomesLostAtReopen,
}


def _machine(
    base: type[_OfAStore | _Remembering], store: type[SharedStore]
) -> type[CommandPortMachine]:
    return type("Machine", (base,), {"kind": store})


@pytest.mark.parametrize("name", FAULTS)
def test_the_machine_finds_it(name: str) -> None:
    """V1, I4, I7, T4: what a store loses is missed, also after it was reopened."""
    with pytest.raises(Exception, match=r"predicted|does not add up|after the"):
        run_state_machine_as_test(_machine(_OfAStore, FAULTS[name]), settings=LOOKING)


def test_a_whole_store_is_as_predicted() -> None:
    """V1, I4, I7: without a fault there is nothing to be found."""
    run_state_machine_as_test(_OfAStore, settings=QUICK)


def test_a_handler_that_remembers_hides_its_store() -> None:
    """V1: why the recipe takes the handler's memory away: a store of nothing passes."""
    hidden = _machine(_Remembering, _Nothing)
    run_state_machine_as_test(hidden, settings=QUICK)
