"""Stores that append with one fault each, that the contract of a store must catch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import sleep

from healthpay_core import (
    Append,
    Appended,
    AppendResult,
    DuplicateCommand,
    EventEnvelope,
    OutcomeRecord,
    RecordedEvent,
    StreamId,
    VersionConflict,
)
from healthpay_core.ports import AnyVersion, ExpectedVersion, StreamExists
from tests.contract.shared_store import Meeting, SharedStore

Expected = Mapping[StreamId, ExpectedVersion]


class _Looking(SharedStore):
    """Two racers have looked before one of them stores."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self.looked = Meeting()


class LostUpdate(_Looking):
    """Looks at the versions before it takes the lock, and never again."""

    def append(self, append: Append) -> AppendResult:
        refused = self._conflict(append.expected) or self._duplicate(append)
        self.looked.attend()
        with self._lock:
            return self._store(append) if refused is None else refused


class LateDuplicate(_Looking):
    """Looks for old commands before it takes the lock, and never again."""

    def append(self, append: Append) -> AppendResult:
        refused: AppendResult | None = self._duplicate(append)
        self.looked.attend()
        with self._lock:
            refused = refused or self._conflict(append.expected)
            return self._store(append) if refused is None else refused


class DroppedOutcome(SharedStore):
    """Keeps the events and forgets the outcomes."""

    def append(self, append: Append) -> AppendResult:
        return super().append(replace(append, outcomes=()))


class DroppedRefusal(SharedStore):
    """Keeps outcomes only beside events."""

    def append(self, append: Append) -> AppendResult:
        outcomes = append.outcomes if append.events else ()
        return super().append(replace(append, outcomes=outcomes))


class ForgetsWhatIsOld(SharedStore):
    """Finds outcomes of the days before the newest one's only."""

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        found = super().outcomes(command_ids)
        newest = max((r.meta.recorded_at for r in self._outcomes.values()), default=0)
        since = newest - 28 * 86_400_000_000
        return {i: r for i, r in found.items() if r.meta.recorded_at >= since}


class EarlyOutcome(SharedStore):
    """Keeps the outcomes of an append that it refuses."""

    def append(self, append: Append) -> AppendResult:
        result = super().append(append)
        for record in append.outcomes:
            self._outcomes[record.meta.command_id] = record
        return result


class AnothersOutcome(SharedStore):
    """Gives everyone the outcome that was stored last."""

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        found = super().outcomes(command_ids)
        return {key: list(self._outcomes.values())[-1] for key in found}


class ReusedPosition(SharedStore):
    """Counts positions per stream instead of over the store."""

    def _recorded(self, events: Sequence[EventEnvelope]) -> list[RecordedEvent]:
        honest = super()._recorded(events)
        return [replace(r, position=r.envelope.sequence) for r in honest]


class WrongEnd(SharedStore):
    """Says the position before the last."""

    def append(self, append: Append) -> AppendResult:
        result = super().append(append)
        if isinstance(result, Appended):
            return Appended(last_position=result.last_position - 1)
        return result


class SwallowedConflict(SharedStore):
    """Says that it stored what it refused."""

    def append(self, append: Append) -> AppendResult:
        result = super().append(append)
        if isinstance(result, VersionConflict):
            return Appended(last_position=len(self._log))
        return result


class WrongStream(SharedStore):
    """Names every stream of a refused append, whether it has moved or not."""

    def _conflict(self, expected: Expected) -> VersionConflict | None:
        found = super()._conflict(expected)
        return found and VersionConflict(actual=self._versions(expected))


class WrongVersion(SharedStore):
    """Says what was expected instead of what is there."""

    def _conflict(self, expected: Expected) -> VersionConflict | None:
        found = super()._conflict(expected)
        return found and VersionConflict(actual=dict.fromkeys(found.actual, 0))


class NoStreamIgnored(SharedStore):
    """Takes NO_STREAM for any version."""

    def _conflict(self, expected: Expected) -> VersionConflict | None:
        return super()._conflict({s: e for s, e in expected.items() if e != 0})


class StreamExistsIgnored(SharedStore):
    """Takes STREAM_EXISTS for any version."""

    def _conflict(self, expected: Expected) -> VersionConflict | None:
        kept = {s: e for s, e in expected.items() if not isinstance(e, StreamExists)}
        return super()._conflict(kept)


class AnyVersionRefused(SharedStore):
    """Takes ANY_VERSION for NO_STREAM."""

    def _conflict(self, expected: Expected) -> VersionConflict | None:
        return super()._conflict(
            {s: 0 if isinstance(e, AnyVersion) else e for s, e in expected.items()}
        )


class NotRenumbered(SharedStore):
    """Keeps the numbers that events of ANY_VERSION came with."""

    def _recorded(self, events: Sequence[EventEnvelope]) -> list[RecordedEvent]:
        honest = super()._recorded(events)
        return [replace(r, envelope=e) for r, e in zip(honest, events, strict=True)]


class ReadsUnchecked(SharedStore):
    """Checks the versions of those streams only that get events."""

    def append(self, append: Append) -> AppendResult:
        written = {event.stream for event in append.events}
        expected = {s: e for s, e in append.expected.items() if s in written}
        return super().append(replace(append, expected=expected))


class TornAppend(SharedStore):
    """Appends stream by stream: the first ones stay when a later one is refused."""

    def append(self, append: Append) -> AppendResult:
        result: AppendResult = Appended(last_position=0)
        for stream in dict.fromkeys(event.stream for event in append.events):
            events = [event for event in append.events if event.stream == stream]
            some = replace(
                append, expected={stream: append.expected[stream]}, events=events
            )
            self._commands.clear()
            result = super().append(some)
            sleep(0.0005)
            if not isinstance(result, Appended):
                return result
        return result


class SwallowedDuplicate(SharedStore):
    """Stores a command as often as it comes."""

    def _duplicate(self, append: Append) -> DuplicateCommand | None:
        return None


class OutcomesAlone(SharedStore):
    """Knows a command again by its outcome only."""

    def _duplicate(self, append: Append) -> DuplicateCommand | None:
        self._commands.intersection_update(self._outcomes)
        return super()._duplicate(append)


class NamelessDuplicate(SharedStore):
    """Refuses old commands without saying which."""

    def _duplicate(self, append: Append) -> DuplicateCommand | None:
        found = super()._duplicate(append)
        return found and DuplicateCommand(command_ids=frozenset())


class AccusedBatch(SharedStore):
    """Calls every command of a batch old when one is."""

    def _duplicate(self, append: Append) -> DuplicateCommand | None:
        found = super()._duplicate(append)
        ids = frozenset(record.meta.command_id for record in append.outcomes)
        return found and DuplicateCommand(command_ids=ids)
