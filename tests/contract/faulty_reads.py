"""Stores that read with one fault each, that the contract of a store must catch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Event as Signal
from unicodedata import normalize

from healthpay_core import (
    Append,
    AppendResult,
    DuplicateCommand,
    Event,
    OutcomeRecord,
    RecordedEvent,
    StreamId,
    WalletCredited,
)
from tests.contract.shared_store import SharedStore


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
        self.passed = Signal()

    def append(self, append: Append) -> AppendResult:
        with self._lock:
            refused = self._conflict(append.expected) or self._duplicate(append)
            if refused is not None:
                return refused
            result = self._store(append)
            self.hidden.add(result.last_position)
        if result.last_position == 1:
            # Until a reader of the feed is past it; those after it are seen at once.
            self.passed.wait(30)
        self.hidden.discard(result.last_position)
        return result

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        hidden = set(self.hidden)
        seen = [r for r in super().feed(after, limit) if r.position not in hidden]
        if seen and 1 in hidden:
            self.passed.set()
        return seen


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


class CutRead(SharedStore):
    """Reads at most 1,000 events of a stream when no limit is said."""

    def read(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        return super().read(stream, after, 1_000 if limit is None else limit)

    def facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        events = super().read(stream, after, limit)
        return [(r.envelope.sequence, r.envelope.data) for r in events]


class CutFacts(SharedStore):
    """Folds at most 1,000 events of a stream when no limit is said."""

    def facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        return super().facts(stream, after, 1_000 if limit is None else limit)


class CutFeed(SharedStore):
    """Shows at most 1,000 events of the feed, whatever it is asked for."""

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        return super().feed(after, min(limit, 1_000))
