"""The port to a view's own database: rows and offsets, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from healthpay_core import StreamId
from healthpay_kafka.projection.records import Arrival, LogRecord, Partition


class Parked(NamedTuple):
    """A record that could not be applied, kept with the reason.

    Attributes:
        stream, version: Whose it is and its place there; None when the record
            itself could not be understood.
    """

    record: LogRecord
    reason: str
    stream: StreamId | None = None
    version: int | None = None


class ViewMoved(Exception):
    """Somebody else wrote to the view, or it was replaced by a rebuilt one.

    Nothing of the transaction was stored.
    """


class ViewTransaction(Protocol):
    """One transaction of a view's database; `advance` is called first.

    Everything in it is stored together or not at all.
    """

    def advance(self, offsets: Mapping[Partition, int]) -> None:
        """Store the next offset of some partitions, or of none.

        From here to its end, no other transaction writes to the view.

        Raises:
            ViewMoved: The view is not as `progress` or the last commit of this
                same object left it.
        """
        ...

    def versions(self, streams: Collection[StreamId]) -> Mapping[StreamId, int]:
        """The last applied version of those of the streams that have one."""
        ...

    def apply(self, arrivals: Sequence[Arrival]) -> None:
        """Turn events into rows, in this order, and keep each stream's version.

        Each event's version is one more than that of its stream before it (R3).

        Raises:
            PoisonousEvent: One of them cannot be applied. The transaction is
                rolled back and the batch comes again without that one.
        """
        ...

    def park(self, parked: Sequence[Parked]) -> None:
        """Keep records that were not applied; one that is kept already stays."""
        ...

    def unpark(self, records: Sequence[LogRecord]) -> None:
        """Drop kept records, by partition and offset."""
        ...


class View(Protocol):
    """A read model with its own database.

    Any exception that is not named here is a fault of the database. It reaches
    the caller of the projection, which may start again from what is stored.
    """

    def progress(self) -> Mapping[Partition, int]:
        """The next offset of each partition that was ever read.

        What was written until now is accepted; see `ViewTransaction.advance`.
        """
        ...

    def parked(self) -> Sequence[Parked]:
        """Every parked record, in the order of partition and offset."""
        ...

    def transaction(self) -> AbstractContextManager[ViewTransaction]:
        """Commits at the end; an exception rolls back and goes on its way."""
        ...


class RebuildableView(Protocol):
    """A view that can be built anew beside itself."""

    @property
    def live(self) -> View:
        """What readers see."""
        ...

    def beside(self) -> View:
        """A new, empty one that nobody sees; an unfinished earlier one is dropped."""
        ...

    def switch_over(self) -> bool:
        """Make the new one the live one, at once for every reader.

        False, and nothing is changed, while the new one is behind the live one in
        any partition: readers never see an earlier state than they have seen.
        """
        ...
