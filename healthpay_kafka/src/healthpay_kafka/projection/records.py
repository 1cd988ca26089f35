"""What a projection reads: records of the event topics, and the events in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from healthpay_core import Event, StreamCorrupted, StreamId
from healthpay_wire.codec import members_decoder


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int


class LogRecord(NamedTuple):
    """A record as the log holds it.

    Attributes:
        offset: Its place in the partition; places may be missing in between.
        headers: In their order; a name may be there twice.
    """

    partition: Partition
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Arrival(NamedTuple):
    """An event as it arrived: understood from outside, its data not yet.

    Attributes:
        version: Its place in its stream, 1..n (B2's `sequence`).
        name: The wire type, such as ``wallet.credited``.
        form: The version of the shape of `data`.
        occurred_at: RFC 3339, as it was written.
        data: The members on the wire; may be of an older form.
    """

    record: LogRecord
    stream: StreamId
    version: int
    event_id: str
    name: str
    form: int
    occurred_at: str
    data: Mapping[str, object]

    @property
    def aggregate_id(self) -> str:
        """The id behind the aggregate type in the stream's name."""
        return self.stream.partition("/")[2]

    def event(self) -> Event:
        """The fact as the domain's own type, lifted to the current form (A4).

        Raises:
            PoisonousEvent: The data is not what its type and form prescribe.
        """
        try:
            return members_decoder(self.name, self.form)(self.data)
        except StreamCorrupted as error:
            raise PoisonousEvent(self.record, str(error)) from error
        except Exception as error:
            reason = f"{self.name} version {self.form} cannot be read"
            raise PoisonousEvent(self.record, reason) from error


class PoisonousEvent(Exception):
    """This record will never be applied as things are; `reason` says why.

    A view raises it from `apply`. A fault of the database is none: it raises its
    own exception, and the batch is tried again later.
    """

    def __init__(self, record: LogRecord, reason: str) -> None:
        partition, offset = record.partition, record.offset
        super().__init__(f"{partition.topic}[{partition.number}]@{offset}: {reason}")
        self.record = record
        self.reason = reason
