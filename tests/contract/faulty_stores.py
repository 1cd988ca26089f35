"""Stores with one fault each, that the contract of a store must catch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import sleep
from unicodedata import normalize

from healthpay_core import (
    Append,
    Appended,
    AppendResult,
    DuplicateCommand,
    Event,
    EventEnvelope,
    OutcomeRecord,
    RecordedEvent,
    StreamId,
    VersionConflict,
    WalletCredited,
)
from healthpay_core.ports import AnyVersion, ExpectedVersion, StreamExists
from healthpay_wire.envelopes import digest
from tests.contract.shared_store import SharedStore

Expected = Mapping[StreamId, ExpectedVersion]


class LostUpdate(SharedStore):
    """Looks at the versions before it takes the lock, and never again."""

    def append(self, append: Append) -> AppendResult:
        refused = self._conflict(append.expected) or self._duplicate(append)
        sleep(0.002)
        with self._lock:
            return self._store(append) if refused is None else refused


class LateDuplicate(SharedStore):
    """Looks for old commands before it takes the lock, and never again."""

    def append(self, append: Append) -> AppendResult:
        refused: AppendResult | None = self._duplicate(append)
        sleep(0.002)
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


class FeedGap(SharedStore):
    """Its feed leaves the second event out."""

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        return [r for r in super().feed(after, limit) if r.position != 2]


class FeedReordered(SharedStore):
    """Its feed is in the order of the streams."""

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        return sorted(super().feed(after, limit), key=lambda r: r.envelope.stream)


class FeedFillsGaps(SharedStore):
    """Gives positions away before their events can be seen."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self.hidden: set[int] = set()

    def append(self, append: Append) -> AppendResult:
        with self._lock:
            refused = self._conflict(append.expected) or self._duplicate(append)
            if refused is not None:
                return refused
            result = self._store(append)
            self.hidden.add(result.last_position)
        sleep(0.002 if result.last_position % 2 else 0)
        self.hidden.discard(result.last_position)
        return result

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        hidden = set(self.hidden)
        return [r for r in super().feed(after, limit) if r.position not in hidden]


class InclusivePages(SharedStore):
    """Begins a page with the event that the last one ended with."""

    def read(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        return super().read(stream, max(0, after - 1), limit)


class OneTooMany(SharedStore):
    """Reads one event more than the limit."""

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        return super().feed(after, limit + 1)


class ShortFacts(SharedStore):
    """Its short form leaves the last event out."""

    def facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        return super().facts(stream, after, limit)[:-1]


class CaseFolded(SharedStore):
    """Files streams under their names in small letters."""

    def append(self, append: Append) -> AppendResult:
        expected = {_low(s): e for s, e in append.expected.items()}
        events = [replace(e, stream=_low(e.stream)) for e in append.events]
        return super().append(replace(append, expected=expected, events=events))


class CaseFoldedCommands(SharedStore):
    """Takes command ids that differ in case for the same."""

    def _duplicate(self, append: Append) -> DuplicateCommand | None:
        ids = {event.meta.command_id.lower() for event in append.events}
        known = ids & self._commands
        return DuplicateCommand(command_ids=frozenset(known)) if known else None


def _low(stream: StreamId) -> StreamId:
    return StreamId(stream.lower())


class _OtherTexts(SharedStore):
    def other(self, text: str) -> str:
        raise NotImplementedError

    def append(self, append: Append) -> AppendResult:
        events = [
            replace(e, meta=replace(e.meta, tenant_id=self._changed(e.meta.tenant_id)))
            for e in append.events
        ]
        return super().append(replace(append, events=events))

    def _changed(self, text: str | None) -> str | None:
        return None if text is None else self.other(text)


class TrimmedText(_OtherTexts):
    """Ends texts at the first NUL, as some databases do."""

    def other(self, text: str) -> str:
        return text.partition("\x00")[0]


class NormalisedText(_OtherTexts):
    """Composes characters, as some file systems do."""

    def other(self, text: str) -> str:
        return normalize("NFC", text)


class EmptyIsNull(_OtherTexts):
    """Cannot tell an empty text from none."""

    def _changed(self, text: str | None) -> str | None:
        return text or None


class _OtherPrints(SharedStore):
    def other(self, fingerprint: bytes) -> bytes:
        raise NotImplementedError

    def append(self, append: Append) -> AppendResult:
        outcomes = [
            replace(record, fingerprint=self.other(record.fingerprint))
            for record in append.outcomes
        ]
        return super().append(replace(append, outcomes=outcomes))


class BinaryUnsafe(_OtherPrints):
    """Keeps bytes as UTF-8 text."""

    def other(self, fingerprint: bytes) -> bytes:
        return fingerprint.decode(errors="replace").encode()


class PaddedBinary(_OtherPrints):
    """Keeps bytes in a column of fixed width, and trims the padding."""

    def other(self, fingerprint: bytes) -> bytes:
        return fingerprint.rstrip(b"\x00")


class LostMember(SharedStore):
    """Forgets what a credit is related to."""

    def append(self, append: Append) -> AppendResult:
        events = [
            replace(e, data=replace(e.data, related=None))
            if isinstance(e.data, WalletCredited)
            else e
            for e in append.events
        ]
        return super().append(replace(append, events=events))


class ShortLookUp(SharedStore):
    """Finds at most 500 of what it is asked."""

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        return super().outcomes(command_ids[:500])


class BrokenChain(SharedStore):
    """Begins the chain of a stream anew at its third event."""

    def _head(self, stream: StreamId) -> tuple[int, bytes]:
        version, head = super()._head(stream)
        return version, bytes(32) if version == 2 else head


class OneChain(SharedStore):
    """Has one chain over all streams."""

    def _head(self, stream: StreamId) -> tuple[int, bytes]:
        version, _ = super()._head(stream)
        return version, self._log[-1].hash if self._log else bytes(32)


class ShortHash(SharedStore):
    """Keeps eight bytes of a hash."""

    def __init__(self, first: SharedStore | None = None) -> None:
        super().__init__(first)
        self._digest = lambda prev_hash, envelope: digest(prev_hash, envelope)[:8]


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
