"""One attempt at a batch: decisions on working copies, nothing stored yet (V5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from healthpay_core import domain
from healthpay_core.clock import BusinessDay
from healthpay_core.context import Context
from healthpay_core.domain import Facts, State
from healthpay_core.envelope import CommandMeta, EventEnvelope
from healthpay_core.events import EVENT_TYPES
from healthpay_core.fingerprints import digest_of
from healthpay_core.ids import StreamId, event_id
from healthpay_core.making import maker
from healthpay_core.outcome import (
    CommandRequest,
    Committed,
    Decided,
    EventRef,
    Outcome,
    OutcomeRecord,
    Rejected,
    rejected,
)
from healthpay_core.policy import LimitPolicy
from healthpay_core.ports import Append
from healthpay_core.refusals import Refusal, VersionMismatch
from healthpay_core.result import Err, Ok
from healthpay_core.states import Versioned

_EVENT_NAMES: Final = {kind: wire.name for kind, wire in EVENT_TYPES.items()}

_make_context = maker(Context)
_make_meta = maker(CommandMeta)
_make_envelope = maker(EventEnvelope)
_make_ref = maker(EventRef)
_make_committed = maker(Committed)
_make_record = maker(OutcomeRecord)
# A version is expected of the stream of every event: `as_append` sees to it.
_make_append = maker(Append, proven=True)


class States(Protocol):
    """Where a turn finds what it decides on: `StateCache` is one."""

    def get(self, stream: StreamId) -> Versioned:
        """The state and version of a stream; `ABSENT` when it has no events."""
        ...

    def prepare_more(self, streams: Iterable[StreamId]) -> None:
        """Make `get` current for streams that became known while deciding."""
        ...


class Turn:
    """What a batch would store, and what each of its callers would be told.

    Attributes:
        pending: The states as the decided commands leave them.
        records: The outcomes to store; empty when there is nothing to append.
    """

    def __init__(
        self,
        requests: Sequence[CommandRequest],
        now: int,
        business_day: BusinessDay,
        policy: LimitPolicy,
        states: States,
    ) -> None:
        self.pending: dict[StreamId, Versioned] = {}
        self.records: list[OutcomeRecord] = []
        self._context = _make_context(now=now, business_day=business_day, policy=policy)
        self._requests = requests
        self._states = states
        self._outcomes: list[Outcome | None] = [None] * len(requests)
        self._now_at: dict[StreamId, State | None] = {}
        self._looked_at: Sequence[StreamId] = ()
        self._read: dict[StreamId, int] = {}
        self._events: list[EventEnvelope] = []

    def decide(
        self, request: CommandRequest, streams: Sequence[StreamId]
    ) -> Ok[Facts] | Err[Refusal]:
        """Decide on what the earlier commands of the turn left (T9).

        `streams` are the command's own, of `domain.streams`.
        """
        now_at = self._now_at
        if domain.is_indirect(request.command):
            streams = self._named(request.command)
        for stream in streams:
            if stream not in now_at:
                now_at[stream] = self._states.get(stream)[0]
        self._looked_at = streams
        return domain.decide(request.command, now_at, self._context, request.command_id)

    def _named(self, command: domain.Command) -> Sequence[StreamId]:
        """The streams that are known once those that name others are current."""
        named: Sequence[StreamId] = ()
        while named != (found := domain.streams(command, self._state)):
            named = found
            self._states.prepare_more(named)
        return named

    def settle(
        self, index: int, request: CommandRequest, streams: Sequence[StreamId]
    ) -> OutcomeRecord | None:
        """Decide one command wholly: static checks, version, decision (E2).

        Returns:
            The record to store; None for a refusal that is not pinned (I6).
        """
        refusal = domain.validate(request.command)
        if refusal is None and request.expected_version is not None:
            refusal = self._stale(request, request.expected_version)
        if refusal is None:
            decision = self.decide(request, streams)
            if not isinstance(decision, Err):
                return self.accept(index, request, streams[0], decision.value)
            refusal = decision.error
        return self.refuse(index, request, rejected(request, refusal))

    @property
    def events(self) -> Sequence[EventEnvelope]:
        """What would be appended, in order."""
        return self._events

    def version(self, stream: StreamId) -> int:
        """The version that a stream has at this point of the turn."""
        return self._at(stream)[1]

    def accept(
        self, index: int, request: CommandRequest, primary: StreamId, facts: Facts
    ) -> OutcomeRecord:
        """Wrap the facts once, evolve the working copies, note the outcome.

        `primary` is the stream of the resource that the command is about.
        """
        meta = self._meta(request)
        after: dict[StreamId, Versioned] = {}
        events: list[EventEnvelope] = []
        refs: list[EventRef] = []
        for index_of_fact, (stream, data) in enumerate(facts):
            state, version = after.get(stream) or self._at(stream)
            sequence = version + 1
            after[stream] = (domain.evolve(state, data), sequence)
            aggregate_id = stream.partition("/")[2]
            named = event_id(aggregate_id, meta.command_id, index_of_fact)
            envelope = _make_envelope(
                event_id=named, stream=stream, sequence=sequence, data=data, meta=meta
            )
            events.append(envelope)
            # As `EventRef.of` it, without asking for what is known here.
            ref = _make_ref(
                event_id=named,
                event_type=_EVENT_NAMES[type(data)],
                aggregate_id=aggregate_id,
                sequence=sequence,
            )
            refs.append(ref)
        # A question, such as `ConfirmWallet`, is committed without a fact.
        state, version = after.get(primary) or self._at(primary)
        if state is None:
            raise AssertionError("a decision about nothing")
        committed = _make_committed(
            command_id=meta.command_id,
            correlation_id=meta.correlation_id,
            resource=domain.view(primary, state, version),
            events=tuple(refs),
        )
        self._take_over(events, after)
        return self._note(index, request, committed, meta)

    def _take_over(
        self, events: list[EventEnvelope], after: Mapping[StreamId, Versioned]
    ) -> None:
        """Nothing of the command has raised: all of it is part of the turn now."""
        if len(self._looked_at) > len(after):
            # What was only read must not have changed either: a card, a payee.
            for stream in self._looked_at:
                self._read[stream] = self._at(stream)[1]
        self._events += events
        for stream, versioned in after.items():
            self.pending[stream] = versioned
            self._now_at[stream] = versioned[0]

    def refuse(
        self, index: int, request: CommandRequest, rejected: Rejected
    ) -> OutcomeRecord | None:
        """Note a refusal; only a pinned one is stored (I6), of a saga any (T6)."""
        of_saga = isinstance(rejected.error, Refusal) and domain.is_money_step(
            request.command
        )
        if rejected.error.pinned or of_saga:
            return self._note(index, request, rejected, self._meta(request))
        self._outcomes[index] = rejected
        return None

    def answer(self, index: int, outcome: Outcome) -> None:
        """Note an outcome that needs no storing."""
        self._outcomes[index] = outcome

    def as_append(self) -> Append:
        """Everything, as one atomic append."""
        # Backwards, so that the first event of a stream says where it began.
        before = {e.stream: e.sequence - 1 for e in reversed(self._events)}
        if self._read:
            before = self._read | before
        return _make_append(
            # Sorted, so that stores which lock do it in one order (V6).
            expected=dict(sorted(before.items())),
            events=self._events,
            outcomes=self.records,
        )

    def finished(self) -> list[Outcome]:
        """The outcome of every command, in order."""
        return [outcome for outcome in self._outcomes if outcome is not None]

    def failed(
        self, verdict: Callable[[CommandRequest, Outcome], Outcome]
    ) -> list[Outcome]:
        """The outcomes when the append did not go through.

        What would have been stored gets the verdict, which is told the outcome
        that it would have had; replays and refusals that are not stored stand.
        """
        ids = {record.outcome.command_id for record in self.records}
        return [
            verdict(request, outcome) if request.command_id in ids else outcome
            for request, outcome in zip(self._requests, self.finished(), strict=True)
        ]

    def touching(self, streams: Mapping[StreamId, int]) -> set[int]:
        """The commands that need any of these streams."""
        return {
            index
            for index, request in enumerate(self._requests)
            if any(s in streams for s in streams_of(request, self._state))
        }

    def _stale(self, request: CommandRequest, expected: int) -> VersionMismatch | None:
        """The version precondition (V3), after existence (E2)."""
        stream = domain.primary_stream(request.command)
        current = self.version(stream)
        if current == expected:
            return None
        if current == 0 and not domain.creates(request.command):
            return None
        return VersionMismatch(expected_version=expected, current_version=current)

    def _state(self, stream: StreamId) -> State | None:
        return self._at(stream)[0]

    def _at(self, stream: StreamId) -> Versioned:
        pending = self.pending.get(stream)
        return self._states.get(stream) if pending is None else pending

    def _note(
        self,
        index: int,
        request: CommandRequest,
        outcome: Decided,
        meta: CommandMeta,
    ) -> OutcomeRecord:
        # As `fingerprint_of` has it, without a call for those who give one.
        fingerprint = request.fingerprint or digest_of(request.command)
        record = _make_record(fingerprint=fingerprint, outcome=outcome, meta=meta)
        self.records.append(record)
        self._outcomes[index] = outcome
        return record

    def _meta(self, request: CommandRequest) -> CommandMeta:
        command_id = request.command_id
        return _make_meta(
            command_id=command_id,
            actor=request.actor,
            correlation_id=request.correlation_id or command_id,
            causation_id=request.causation_id or command_id,
            occurred_at=self._context.now,
            recorded_at=self._context.now,
            tenant_id=request.tenant_id,
            traceparent=request.traceparent,
        )


def streams_of(
    request: CommandRequest, at: domain.Lookup | None = None
) -> tuple[StreamId, ...]:
    """The streams of its command; none when it cannot even say them."""
    try:
        if at is None:
            return domain.streams(request.command)
        return domain.streams(request.command, at)
    except Exception:
        # The decision raises the same again, for this command alone.
        return ()
