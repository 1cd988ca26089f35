"""Stores whose handles share with one fault each, that their contract must catch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from healthpay_core import (
    Append,
    Appended,
    AppendResult,
    OutcomeRecord,
    StreamId,
    VersionConflict,
)
from healthpay_core.ports import ExpectedVersion
from tests.contract.shared_store import SharedStore

Expected = Mapping[StreamId, ExpectedVersion]


class ChangingEpoch(SharedStore):
    """Calls its own appends somebody else's."""

    def epoch(self) -> int:
        return self.appends[0]


class FixedEpoch(SharedStore):
    """Never notices that somebody else has appended."""

    def epoch(self) -> int:
        return 0


class StaleHandle(SharedStore):
    """Each handle trusts the versions that it has seen itself."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self.seen: dict[StreamId, int] = {}

    def _conflict(self, expected: Expected) -> VersionConflict | None:
        exact = {s: e for s, e in expected.items() if isinstance(e, int)}
        wrong = {s: self.seen.get(s, 0) for s, e in exact.items()}
        wrong = {s: v for s, v in wrong.items() if v != exact[s]}
        return VersionConflict(actual=wrong) if wrong else None

    def _store(self, append: Append) -> Appended:
        for event in append.events:
            self.seen[event.stream] = self.seen.get(event.stream, 0) + 1
        return super()._store(append)


class KeysPerHandle(SharedStore):
    """Each handle knows only the commands that it has stored itself."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self._commands = set()


class LostAtReopen(SharedStore):
    """Its last append was acknowledged, and was never on the disk."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        if first is not None and first._log:
            lost = first._log[-1]
            self._log = first._log[:-1]
            self._streams = {**first._streams, lost.envelope.stream: []}


class OutcomesLostAtReopen(SharedStore):
    """Comes back with the events alone."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        if first is not None:
            self._outcomes = {}


class KeysLostAtReopen(KeysPerHandle):
    """Comes back without the commands that it has seen."""


class PositionsAnewAtReopen(SharedStore):
    """Counts the feed anew after a restart."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self.offset = len(self._log)

    def _store(self, append: Append) -> Appended:
        stored = super()._store(append)
        return Appended(last_position=stored.last_position - self.offset)


class MemoryOnly(SharedStore):
    """Comes back empty."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__()


class FlagEpoch(SharedStore):
    """Notices once that somebody else has appended."""

    def epoch(self) -> int:
        return min(1, super().epoch())


class TwoEpochs(SharedStore):
    """Goes back to the first epoch when somebody else has appended twice."""

    def epoch(self) -> int:
        return super().epoch() % 2


class OutcomesPerHandle(SharedStore):
    """Each handle finds only those outcomes that it has stored, or began with."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self._outcomes = dict(self._outcomes)


class RefusalsPerHandle(SharedStore):
    """Each handle finds the outcomes of others only beside their events."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self._refused: set[str] = set()

    def append(self, append: Append) -> AppendResult:
        if not append.events:
            self._refused |= {record.meta.command_id for record in append.outcomes}
        return super().append(append)

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        told = _commands_of_events(self) | self._refused
        return super().outcomes([key for key in command_ids if key in told])


class RefusalsLostAtReopen(SharedStore):
    """Comes back with those outcomes that stand beside events."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        kept = _commands_of_events(self)
        self._outcomes = {k: v for k, v in self._outcomes.items() if k in kept}


class EventKeysLostAtReopen(SharedStore):
    """Comes back knowing those commands only that have an outcome."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self._commands = set(self._outcomes)


def _commands_of_events(store: SharedStore) -> set[str]:
    return {recorded.envelope.meta.command_id for recorded in store._log}
