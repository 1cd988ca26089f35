"""Records that cannot be done: a dead letter, and an answer for who waits (E5)."""

from __future__ import annotations

from collections.abc import Callable

from healthpay_core import CommandRequest, Err, Ok, derive_id, is_id
from healthpay_core.fingerprints import fingerprint_of
from healthpay_core.outcome import Rejected
from healthpay_core.refusals import InternalError, NotDone, ValidationFailed
from healthpay_kafka.journal import Entry
from healthpay_kafka.orders import COMMAND_ID, Ask, Order, reply_of
from healthpay_kafka.outgoing import Outgoing
from healthpay_kafka.records import Arrived, Record


class Aside:
    """What follows from a record that is set aside, in one partition.

    Args:
        outgoing: Makes the partition's records.
        unexpected: Is told what was raised, with the error id.
    """

    def __init__(
        self, outgoing: Outgoing, unexpected: Callable[[str, BaseException], None]
    ) -> None:
        self._outgoing = outgoing
        self._unexpected = unexpected

    def malformed(
        self,
        arrived: Arrived,
        batch: int,
        order: Ok[Order] | Err[ValidationFailed],
        error: ValidationFailed,
    ) -> list[Record]:
        """It is no order of ours, or not one for here.

        Args:
            arrived: The record.
            batch: The offset of the first record of its transaction.
            order: What it was decoded to.
            error: What is wrong with it.
        """
        letter = self._outgoing.letter(arrived, error.errors[0].detail)
        return [letter, *self._refused(arrived, batch, order, error)]

    def impossible(
        self,
        arrived: Arrived,
        batch: int,
        order: Ok[Order] | Err[ValidationFailed],
        error: Exception,
    ) -> list[Record]:
        """It can be read, and cannot be done; the arguments as of `malformed`."""
        error_id = derive_id(self._outgoing.place_of(arrived))
        self._unexpected(error_id, error)
        reason = f"doing it raised {type(error).__name__}"
        letter = self._outgoing.letter(arrived, reason, error_id)
        fault = InternalError(error_id=error_id)
        return [letter, *self._refused(arrived, batch, order, fault)]

    def _refused(
        self,
        arrived: Arrived,
        batch: int,
        order: Ok[Order] | Err[ValidationFailed],
        error: NotDone,
    ) -> list[Record]:
        """The answer, and that it was given: run again, it stays the answer (R4)."""
        request, reply = _request(order), reply_of(arrived.headers)
        command_id = _command_id(arrived) if request is None else request.command_id
        records: list[Record] = []
        if is_id(command_id) and (request is not None or reply is not None):
            entry = Entry(
                kind="decided",
                offset=arrived.offset,
                batch=batch,
                recorded_at=arrived.recorded_at,
                command_id=command_id,
                correlation_id=command_id,
                fingerprint=b"" if request is None else fingerprint_of(request),
                outcome=_rejected(command_id, error),
                pinned=False,
            )
            records.append(self._outgoing.entry(entry))
        asked_as = _command_id(arrived)
        if is_id(asked_as):
            refused = _rejected(asked_as, error)
            answer = self._outgoing.answer(reply, refused, arrived.recorded_at)
            records += [] if answer is None else [answer]
        return records


def _rejected(command_id: str, error: NotDone) -> Rejected:
    return Rejected(command_id=command_id, correlation_id=command_id, error=error)


def _request(order: Ok[Order] | Err[ValidationFailed]) -> CommandRequest | None:
    """What a caller asked, where it can be read."""
    if isinstance(order, Ok) and isinstance(order.value, Ask):
        return order.value.request
    return None


def _command_id(arrived: Arrived) -> str:
    sent = dict(arrived.headers).get(COMMAND_ID, b"")
    return sent.decode("ascii", "replace")
