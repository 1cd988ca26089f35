"""Parked records as rows; their bytes are kept as they came."""

from __future__ import annotations

from typing import TypeAlias

from psycopg.types.json import Jsonb

from healthpay_core import StreamId
from healthpay_kafka.projection import LogRecord, Parked, Partition

Headers: TypeAlias = list[tuple[str, str | None]]
Row: TypeAlias = tuple[
    str, int, int, bytes | None, bytes | None, Headers, str, str | None, int | None
]


def to_row(parked: Parked) -> tuple[object, ...]:
    """The values of one row."""
    record = parked.record
    headers = [(name, None if v is None else v.hex()) for name, v in record.headers]
    kept = (*record.partition, record.offset, record.key, record.value)
    return (*kept, Jsonb(headers), parked.reason, parked.stream, parked.version)


def from_row(row: Row) -> Parked:
    """The record of one row."""
    topic, number, offset, key, value, headers, reason, stream, version = row
    restored = tuple((n, None if v is None else bytes.fromhex(v)) for n, v in headers)
    return Parked(
        record=LogRecord(Partition(topic, number), offset, key, value, restored),
        reason=reason,
        stream=None if stream is None else StreamId(stream),
        version=version,
    )
