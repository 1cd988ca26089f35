"""What becomes of a command: committed, rejected, or unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from healthpay_core.domain import Command
from healthpay_core.envelope import SYSTEM, Actor, CommandMeta, EventEnvelope
from healthpay_core.ids import new_id
from healthpay_core.making import maker
from healthpay_core.refusals import NotDone
from healthpay_core.views import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRequest:
    """A command and who sends it.

    Args:
        command: The order.
        command_id: Canonical UUID; the same id is the same command (I4). Derive
            it from the caller's key with `derive_id`, or leave it out.
        fingerprint: Digest of what was asked (I2); the same id with another
            fingerprint is refused (I3). Left empty, the digest of the command
            takes its place, so that the same id with another command is refused.
        expected_version: The version of the primary resource that the caller
            saw (V3), or None.
        correlation_id: The conversation; the command id when left out.
        causation_id: What caused the command; the command id when left out (B5).
    """

    command: Command
    command_id: str = field(default_factory=new_id)
    fingerprint: bytes = b""
    actor: Actor = SYSTEM
    expected_version: int | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    tenant_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRef:
    """Names one event that a command caused."""

    event_id: str
    event_type: str
    aggregate_id: str
    sequence: int

    @staticmethod
    def of(envelope: EventEnvelope) -> EventRef:
        """The name of an event."""
        return _make_ref(
            event_id=envelope.event_id,
            event_type=envelope.event_type,
            aggregate_id=envelope.aggregate_id,
            sequence=envelope.sequence,
        )


_make_ref = maker(EventRef)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """Stored: the events, and the resource as it was right after them.

    `replayed` says that it was stored before and nothing happened now (I4).
    """

    command_id: str
    correlation_id: str
    resource: Resource
    events: tuple[EventRef, ...]
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Not done, and nothing changed; `error` says why."""

    command_id: str
    correlation_id: str
    error: NotDone
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The store cannot say whether it was stored.

    Ask again with the same command id: the answer will be one of the other two.
    """

    command_id: str
    correlation_id: str


Decided: TypeAlias = Committed | Rejected
Outcome: TypeAlias = Committed | Rejected | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecord:
    """An outcome as a store keeps it, in the same append as the events (I7)."""

    fingerprint: bytes
    outcome: Decided
    meta: CommandMeta


_make_rejected = maker(Rejected)


def rejected(request: CommandRequest, error: NotDone) -> Rejected:
    """The answer that a request was not done."""
    return _make_rejected(
        command_id=request.command_id,
        correlation_id=request.correlation_id or request.command_id,
        error=error,
    )


def unknown(request: CommandRequest) -> Unknown:
    """The answer that nobody can say now what became of a request."""
    return Unknown(
        command_id=request.command_id,
        correlation_id=request.correlation_id or request.command_id,
    )
