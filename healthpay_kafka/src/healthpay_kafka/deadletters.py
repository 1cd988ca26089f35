"""Records that could not be read or decided: kept as they came, with the reason."""

from __future__ import annotations

from typing import Final

from healthpay_kafka.records import LARGEST_RECORD, Arrived, Record, size_of
from healthpay_kafka.topics import Topics

REASON: Final = "hp-reason"
FROM_PARTITION: Final = "hp-from-partition"
FROM_OFFSET: Final = "hp-from-offset"
ERROR_ID: Final = "hp-error-id"
_LONGEST: Final = 900


def dead_letter(
    topics: Topics, partition: int, arrived: Arrived, reason: str, error_id: str = ""
) -> Record:
    """The record for the dead letters: the original, and why it is there.

    An original too large to be written again is only named: it stays where it came
    from for as long as the commands topic keeps it.

    Args:
        topics: The names.
        partition: Where it came from.
        arrived: The record as it came.
        reason: Why it was not processed.
        error_id: What the caller was told, if anything (E5).
    """
    size = size_of(arrived)
    fits = size <= LARGEST_RECORD
    if not fits:
        reason = f"{reason[:_LONGEST]}; its {size} bytes are left where it came from"
    headers = (
        *(arrived.headers if fits else ()),
        (REASON, reason[: _LONGEST + 100].encode("utf-8", "replace")),
        (FROM_PARTITION, b"%d" % partition),
        (FROM_OFFSET, b"%d" % arrived.offset),
        (ERROR_ID, error_id.encode()),
    )
    return Record(
        topic=topics.deadletter,
        partition=partition,
        key=arrived.key if fits else None,
        value=arrived.value if fits else None,
        headers=headers,
    )
