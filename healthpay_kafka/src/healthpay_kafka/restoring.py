"""Restoring a partition: snapshots, then the journal to its very end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from healthpay_core import StreamCorrupted
from healthpay_kafka.holdings import Holdings, is_checkpoint
from healthpay_kafka.places import Places
from healthpay_kafka.reading import PartitionReader
from healthpay_kafka.topics import Topics

REMEMBERED_DAYS: Final = 31
_DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A partition as its last owner left it.

    Attributes:
        holdings: Its state.
        next_offset: From where in the commands topic to go on.
        journal_end: The end of its journal.
        snapshots: How many were read.
        entries: How many entries of the journal were read.
        took_s: How long it took.
        was_parked: Whether this process had it before, and read the rest only.
        removed: How many records of the commands topic behind the last decided one
            retention removed: ends of transactions and repeated commands, if nobody
            was late; where all processors were down for longer than the topic keeps
            records, commands that nobody will decide (their callers send them again).
    """

    holdings: Holdings
    next_offset: int
    journal_end: int
    snapshots: int
    entries: int
    took_s: float
    was_parked: bool = False
    removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A partition that was given up in good order, in case it comes back.

    Attributes:
        holdings: Its state, with whatever they read with.
        reader: What they read with.
        journal_end: The end of its journal as its worker knew it.
        since: When, by the monotonic clock, seconds.
    """

    holdings: Holdings
    reader: PartitionReader
    journal_end: int
    since: float = field(default_factory=time.monotonic)

    def close(self) -> None:
        """Let go of it."""
        self.reader.close()
        self.holdings.receipts.places.close()


def catch_up(parked: Parked, topics: Topics, number: int) -> Restored:
    """Read what others have decided since a partition was parked.

    Its old owner must have been fenced before.

    Raises:
        KafkaException: The broker does not answer.
        EndNotReached: The journal cannot be read to its end.
        StreamCorrupted: It does not continue what is there, or the commands topic
            was made again.
    """
    began = time.monotonic()
    reader, holdings = parked.reader, parked.holdings
    _, journal_end = reader.watermarks(topics.journal, number)
    if journal_end < parked.journal_end:
        raise StreamCorrupted(f"{topics.journal}[{number}] is shorter than it was")
    entries = _read_entries(reader, topics, number, holdings, parked.journal_end)
    next_offset, removed = _next_offset(reader, topics, number, holdings)
    return Restored(
        holdings=holdings,
        next_offset=next_offset,
        journal_end=journal_end,
        snapshots=0,
        entries=entries,
        took_s=time.monotonic() - began,
        was_parked=True,
        removed=removed,
    )


def restore(
    reader: PartitionReader,
    topics: Topics,
    number: int,
    places: Places | None = None,
) -> Restored:
    """Read what a partition holds; its old owner must have been fenced before.

    Args:
        reader: Of the calling thread; the holdings go on using it.
        topics: The names.
        number: Which partition.
        places: What is known already of where decided commands are.

    Raises:
        KafkaException: The broker does not answer.
        EndNotReached: It cannot be read to its end.
        StreamCorrupted: The journal does not continue what is there, or a topic was
            made again without the others.
    """
    began = time.monotonic()
    holdings = Holdings(
        lambda offset: reader.one(topics.journal, number, offset), places
    )
    snapshots, checkpoint = 0, None
    for message in reader.to_end(topics.snapshots, number):
        key, value = _text(message.key()), message.value()
        if value is None:
            continue
        if is_checkpoint(key):
            checkpoint = value
        else:
            snapshots += 1
            holdings.restore_snapshot(key, value)
    _, journal_end = reader.watermarks(topics.journal, number)
    folded_from = holdings.restore_checkpoint(checkpoint)
    if folded_from is not None and journal_end < folded_from:
        raise StreamCorrupted(
            f"{topics.journal}[{number}] ends at {journal_end}, and snapshots hold what"
            f" it said up to {folded_from}"
        )
    known_to = holdings.receipts.places.end
    start = _start(reader, topics, number, folded_from, known_to)
    holdings.restore_processes(start or 0)
    entries = _read_entries(reader, topics, number, holdings, start)
    holdings.receipts.settle(journal_end)
    next_offset, removed = _next_offset(reader, topics, number, holdings)
    return Restored(
        holdings=holdings,
        next_offset=next_offset,
        journal_end=journal_end,
        snapshots=snapshots,
        entries=entries,
        took_s=time.monotonic() - began,
        removed=removed,
    )


def _read_entries(
    reader: PartitionReader,
    topics: Topics,
    number: int,
    holdings: Holdings,
    start: int | None,
) -> int:
    """Take the entries of the journal from a place to its end; how many."""
    count = 0
    for message in reader.to_end(topics.journal, number, start=start):
        offset, value = message.offset(), message.value()
        assert offset is not None
        assert value is not None
        count += 1
        holdings.restore_entry(offset, value)
    return count


def _next_offset(
    reader: PartitionReader, topics: Topics, number: int, holdings: Holdings
) -> tuple[int, int]:
    """From where in the commands to go on, and how many of them are gone unread.

    From their beginning, if never before.
    """
    first, end = reader.watermarks(topics.commands, number)
    resume_at = holdings.resume_at() or 0
    if resume_at > end:
        raise StreamCorrupted(
            f"{topics.commands}[{number}] ends at {end}, and its journal goes on from"
            f" {resume_at}: it is not the topic whose commands were decided"
        )
    return max(resume_at, first), max(first - resume_at, 0)


def _start(
    reader: PartitionReader,
    topics: Topics,
    number: int,
    folded_from: int | None,
    known_to: int,
) -> int | None:
    """The first entry that is needed: to fold, or because it is still remembered."""
    if folded_from is None:
        return None
    # By the log's own time: this machine's clock may be wrong.
    last = reader.last_time(topics.journal, number)
    if last is None:
        return folded_from
    since = last - REMEMBERED_DAYS * _DAY_US
    remembered = reader.offset_at(topics.journal, number, since)
    if remembered is None:
        return folded_from
    return min(folded_from, max(remembered, known_to))


def _text(key: bytes | str | None) -> str:
    return key.decode() if isinstance(key, bytes) else key or ""
