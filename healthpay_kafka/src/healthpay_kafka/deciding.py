"""Decides one command on what a partition holds: the core's own turn, sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from healthpay_core import (
    Clock,
    CommandRequest,
    Decided,
    EventEnvelope,
    LimitPolicy,
    RecordedEvent,
    StreamId,
    Unknown,
    domain,
)
from healthpay_core.turn import Turn
from healthpay_kafka.holdings import Holdings
from healthpay_kafka.snapshots import Held
from healthpay_wire.envelopes import seal


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided of a command.

    Attributes:
        outcome: The answer.
        is_final: Whether the same command is answered with it for good (I6).
        events: In order, sealed into the hash chains of their streams.
    """

    outcome: Decided
    is_final: bool
    events: Sequence[RecordedEvent] = ()


class Decider:
    """Decides commands; the same in every process of an installation (R2).

    Args:
        calendar: Whose business days count; its own time is not used.
        policy: The limits in force.
        transfer_time_limit_s: How long a transfer may take (T7).
    """

    def __init__(
        self,
        calendar: Clock,
        policy: LimitPolicy,
        *,
        transfer_time_limit_s: int = 60,
    ) -> None:
        self.transfer_time_limit_s: int = transfer_time_limit_s
        self._calendar = calendar
        self._policy = policy

    def decide(self, request: CommandRequest, holdings: Holdings, now: int) -> Decision:
        """Decide and evolve what is held, which a batch may still undo.

        Args:
            request: A command on one aggregate.
            holdings: What it is decided on.
            now: The log's time, microseconds.

        Raises:
            Exception: What deciding raised; nothing has changed then.
        """
        today = self._calendar.business_day(now)
        turn = Turn((request,), now, today, self._policy, holdings)
        record = turn.settle(0, request, domain.streams(request.command))
        outcome = turn.finished()[0]
        assert not isinstance(outcome, Unknown)
        events, links = _sealed(turn.events, holdings)
        for stream, (state, version) in turn.pending.items():
            holdings.hold(stream, Held(state, version, links[stream]))
        return Decision(outcome=outcome, is_final=record is not None, events=events)


def _sealed(
    envelopes: Sequence[EventEnvelope], holdings: Holdings
) -> tuple[list[RecordedEvent], dict[StreamId, bytes]]:
    """The events with their links, and where each chain ends now (A2)."""
    links: dict[StreamId, bytes] = {}
    events: list[RecordedEvent] = []
    for envelope in envelopes:
        stream = envelope.stream
        before = links.get(stream) or holdings.held(stream).hash
        _, link = seal(before, envelope)
        links[stream] = link
        events.append(
            RecordedEvent(position=0, envelope=envelope, prev_hash=before, hash=link)
        )
    return events, links
