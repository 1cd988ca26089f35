"""The port to the log that a projection reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from healthpay_kafka.projection.records import LogRecord, Partition


class LogLost(Exception):
    """The log no longer holds, or never held, the place to read on from.

    Nothing was skipped: a person decides, and a rebuild is the usual way out.
    """


class EventLog(Protocol):
    """Committed records only (`read_committed`), in the order of each partition."""

    def ends(self) -> Mapping[Partition, int]:
        """The high watermark of every partition: one more than its last offset.

        Raises:
            LogLost: A topic is not there.
        """
        ...

    def seek(self, positions: Mapping[Partition, int]) -> None:
        """Read on from these offsets; every partition is named."""
        ...

    def read(self, at_most: int, timeout_s: float) -> Sequence[LogRecord]:
        """What has arrived; waits only while there is nothing.

        Raises:
            LogLost: A position is no longer in the log.
        """
        ...

    def positions(self) -> Mapping[Partition, int]:
        """How far each partition was read, past what is no record of anybody."""
        ...
