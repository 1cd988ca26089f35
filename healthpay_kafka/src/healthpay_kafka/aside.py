"""Records that cannot be done: a dead letter, and an answer for who waits (E5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from healthpay_core import derive_id, is_id
from healthpay_core.outcome import Rejected
from healthpay_core.refusals import InternalError, NotDone, ValidationFailed
from healthpay_kafka.orders import COMMAND_ID, reply_of
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

    def malformed(self, arrived: Arrived, error: ValidationFailed) -> Iterator[Record]:
        """It is no order of ours, or not one for here."""
        reason = error.errors[0].detail
        yield self._outgoing.letter(arrived, reason)
        yield from self._refusal(arrived, error)

    def impossible(self, arrived: Arrived, error: Exception) -> Iterator[Record]:
        """It can be read, and cannot be done."""
        error_id = derive_id(self._outgoing.place_of(arrived))
        self._unexpected(error_id, error)
        reason = f"doing it raised {type(error).__name__}"
        yield self._outgoing.letter(arrived, reason, error_id)
        yield from self._refusal(arrived, InternalError(error_id=error_id))

    def _refusal(self, arrived: Arrived, error: NotDone) -> Iterator[Record]:
        sent = dict(arrived.headers).get(COMMAND_ID, b"")
        command_id = sent.decode("ascii", "replace")
        if is_id(command_id):
            refused = Rejected(
                command_id=command_id, correlation_id=command_id, error=error
            )
            reply = reply_of(arrived.headers)
            answer = self._outgoing.answer(reply, refused, arrived.recorded_at)
            if answer is not None:
                yield answer
