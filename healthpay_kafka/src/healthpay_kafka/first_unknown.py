"""Where to begin to read a partition of which a first part is known already."""

from __future__ import annotations

from collections.abc import Callable

from healthpay_kafka.reading import PartitionReader


def first_unknown(
    reader: PartitionReader,
    topic: str,
    partition: int,
    is_known: Callable[[bytes], bool | None],
) -> int:
    """The offset of a record before which all are known, found by halving.

    Args:
        reader: Of the calling thread.
        topic: The topic.
        partition: The partition.
        is_known: Of a record's value; None where nobody can tell. What is known is a
            first part of the partition, or more is read than need be.

    Raises:
        KafkaException: The broker does not answer.
        EndNotReached: It cannot be read.
    """
    low, high = reader.watermarks(topic, partition)
    while low < high:
        middle = (low + high) // 2
        last_known = _known_from(reader, topic, partition, middle, is_known)
        if last_known is None:
            high = middle
        else:
            low = last_known + 1
    return low


def _known_from(
    reader: PartitionReader,
    topic: str,
    partition: int,
    start: int,
    is_known: Callable[[bytes], bool | None],
) -> int | None:
    """The first record from there of which anybody can tell, if it is known."""
    for message in reader.to_end(topic, partition, start=start):
        known = is_known(message.value() or b"")
        if known is not None:
            return message.offset() if known else None
    return None
