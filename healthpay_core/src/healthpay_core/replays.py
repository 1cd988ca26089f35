"""Answers to commands that were decided before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from healthpay_core import domain
from healthpay_core.envelope import RecordedEvent
from healthpay_core.fingerprints import fingerprint_of, is_repetition
from healthpay_core.ids import StreamId
from healthpay_core.outcome import (
    CommandRequest,
    Committed,
    Decided,
    EventRef,
    Outcome,
    OutcomeRecord,
    rejected,
)
from healthpay_core.ports import EventStore
from healthpay_core.refusals import IdempotencyKeyReused
from healthpay_core.states import load

_PAGE = 1_000


def replay(request: CommandRequest, record: OutcomeRecord) -> Outcome:
    """The first answer again (I4), or the refusal of another request (I3)."""
    if not is_repetition(request, record.fingerprint):
        return rejected(request, IdempotencyKeyReused(command_id=request.command_id))
    outcome: Decided = record.outcome
    return replace(outcome, replayed=True)


def recover(store: EventStore, request: CommandRequest) -> OutcomeRecord | None:
    """The outcome of a command whose record has expired, from its events (I8).

    The fingerprint went with the record, so that the request's own is taken.

    Returns:
        None when the command has left no event in the streams of the request.
    """
    streams = domain.streams(request.command, lambda s: load(store, s)[0])
    found = sorted(
        (r for stream in streams for r in _events_of(store, stream, request)),
        key=lambda recorded: recorded.position,
    )
    own = [r.envelope.sequence for r in found if r.envelope.stream == streams[0]]
    if not own:
        return None
    state, version = load(store, streams[0], until=own[-1])
    if state is None:
        return None
    meta = found[0].envelope.meta
    committed = Committed(
        command_id=request.command_id,
        correlation_id=meta.correlation_id,
        resource=domain.view(streams[0], state, version),
        events=tuple(EventRef.of(recorded.envelope) for recorded in found),
    )
    return OutcomeRecord(
        fingerprint=fingerprint_of(request), outcome=committed, meta=meta
    )


def _events_of(
    store: EventStore, stream: StreamId, request: CommandRequest
) -> Iterator[RecordedEvent]:
    after = 0
    while page := store.read(stream, after, _PAGE):
        for recorded in page:
            if recorded.envelope.meta.command_id == request.command_id:
                yield recorded
        after += len(page)
