"""What people must be told about a projection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from healthpay_core import StreamId
from healthpay_kafka.projection.records import LogRecord

AlarmKind: TypeAlias = Literal["gap", "poison", "parked", "healed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something is wrong with a record, or is right again.

    Attributes:
        kind: ``gap``: a version is missing before this one (R3). ``poison``: it
            cannot be understood or applied. ``parked``: it was parked before this
            start, and still is. ``healed``: the stream goes on.
        record: Where it is in the log.
        stream: Whose it is, where that can be told.
    """

    kind: AlarmKind
    record: LogRecord
    reason: str
    stream: StreamId | None = None


RaiseAlarm: TypeAlias = Callable[[Alarm], None]
"""Called after the commit that parked the record; what it raises ends the run."""
