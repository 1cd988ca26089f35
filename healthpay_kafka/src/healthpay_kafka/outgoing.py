"""The records that a partition writes: which topic, which key, which headers."""

from __future__ import annotations

from typing import Final

from healthpay_core import Decided, Err, RecordedEvent
from healthpay_kafka.deadletters import dead_letter
from healthpay_kafka.holdings import Holdings
from healthpay_kafka.journal import Entry, Sent, encode_entry
from healthpay_kafka.orders import DEADLINE, Reply
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.records import (
    CONTENT_TYPE,
    LARGEST_RECORD,
    STRUCTURED,
    WRITER,
    Arrived,
    Record,
    event_headers,
)
from healthpay_kafka.replies import encode_reply
from healthpay_kafka.snapshots import (
    CHECKPOINT_KEY,
    Checkpoint,
    encode_checkpoint,
    encode_held,
)
from healthpay_kafka.topics import Topics
from healthpay_wire.cloudevents import decode_structured

_CLOCKS_DIFFER_US: Final = 600_000_000
"""By how much a gateway's clock may be behind the broker's."""


class TooLarge(Exception):
    """What follows from a command is more than a record may hold."""


class Outgoing:
    """Makes the records of one partition.

    Args:
        number: Which one.
        topics: Names and counts.
        writer: The name of this process, for the headers.
    """

    def __init__(self, number: int, topics: Topics, writer: str) -> None:
        self._number = number
        self._topics = topics
        self._writer = writer

    def place(self, key: str) -> int:
        """The partition of an aggregate."""
        return partition_of(key, self._topics.partitions)

    def place_of(self, arrived: Arrived) -> str:
        """What names a record of the commands: no other has its place."""
        return f"{self._topics.commands}/{self._number}/{arrived.offset}"

    def entry(self, entry: Entry) -> Record:
        """An entry of the journal."""
        return Record(
            topic=self._topics.journal,
            partition=self._number,
            key=entry.command_id,
            value=encode_entry(entry),
            journals=entry.command_id,
        )

    def event(self, event: RecordedEvent, value: bytes) -> Record:
        """An event, of which `value` is the CloudEvent in structured mode."""
        envelope = event.envelope
        return Record(
            topic=self._topics.events_of(envelope.type.aggregate_type),
            partition=self._number,
            key=envelope.aggregate_id,
            value=value,
            headers=event_headers(event, self._writer),
        )

    def event_again(self, value: bytes) -> Record:
        """The same record of an event that an entry of the journal holds."""
        decoded = decode_structured(value)
        if isinstance(decoded, Err):
            raise AssertionError(decoded.error.errors[0].detail)
        return self.event(decoded.value.recorded, value)

    def order(self, sent: Sent) -> Record:
        """An order, to the partition of its aggregate."""
        return Record(
            topic=self._topics.commands,
            partition=self.place(sent.key),
            key=sent.key,
            value=sent.value,
            headers=((CONTENT_TYPE, STRUCTURED), (WRITER, self._writer.encode())),
        )

    def answer(self, reply: Reply | None, outcome: Decided, now: int) -> Record | None:
        """An answer; None where nobody can be waiting for it any more."""
        if reply is None or now > reply.deadline + _CLOCKS_DIFFER_US:
            return None
        if not 0 <= reply.partition < self._topics.reply_partitions:
            return None
        return Record(
            topic=self._topics.replies,
            partition=reply.partition,
            key=outcome.command_id,
            value=encode_reply(outcome),
            headers=((DEADLINE, b"%d" % reply.deadline),),
        )

    def letter(self, arrived: Arrived, reason: str, error_id: str = "") -> Record:
        """A dead letter."""
        return dead_letter(self._topics, self._number, arrived, reason, error_id)

    def checkpoint(
        self, holdings: Holdings, journal: int, commands: int
    ) -> list[Record]:
        """Snapshots of what has changed, and the checkpoint behind them.

        Args:
            holdings: What the partition holds, as committed.
            journal: The end of the journal as of then.
            commands: The first command that is not decided as of then.
        """
        values = [
            (str(stream), encode_held(holdings.held(stream)))
            for stream in sorted(holdings.changed)
        ]
        begun = [pending.offset for pending in holdings.pending.committed.values()]
        checkpoint = encode_checkpoint(
            Checkpoint(journal=journal, commands=commands, begun=begun)
        )
        return [
            Record(
                topic=self._topics.snapshots,
                partition=self._number,
                key=key,
                value=value,
            )
            for key, value in (*values, (CHECKPOINT_KEY, checkpoint))
        ]


def fits(record: Record) -> bool:
    """Whether a broker takes it; its key and headers are ours, and small."""
    return len(record.value or b"") <= LARGEST_RECORD
