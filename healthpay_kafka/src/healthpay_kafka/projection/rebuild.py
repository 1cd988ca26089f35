"""A view built anew beside the live one, and put in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from healthpay_kafka.projection.alarms import RaiseAlarm
from healthpay_kafka.projection.gate import Decode
from healthpay_kafka.projection.log import EventLog
from healthpay_kafka.projection.projector import Projector
from healthpay_kafka.projection.records import Partition
from healthpay_kafka.projection.runner import BATCH, Projection
from healthpay_kafka.projection.view import RebuildableView

_WAIT_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildProgress:
    """How far a rebuild is: places in the log, of those to be read."""

    read: int
    total: int


class RebuildRefused(Exception):
    """The new view is not put in the live one's place; says why."""


def rebuild(
    view: RebuildableView,
    log: EventLog,
    decode: Decode,
    raise_alarm: RaiseAlarm,
    *,
    report: Callable[[RebuildProgress], None] = lambda _: None,
    batch: int = BATCH,
    parked_is_fine: bool = False,
) -> None:
    """Build from the first record to the high watermark, then switch over.

    The live view goes on meanwhile. Only the new view's tables are written:
    nobody is told what was applied.

    Args:
        view: What is rebuilt.
        log: Its own reader of the log, not that of the live projection.
        decode: From a record to an event.
        raise_alarm: Is told of gaps and poison in the new view.
        report: Is called after each batch, for a progress bar.
        batch: Records of one transaction at most, 1 or more.
        parked_is_fine: Switch over although the new view has parked records.

    Raises:
        RebuildRefused: Records had to be parked, and `parked_is_fine` is not set.
        LogLost: The log no longer begins with its first record.
        TooManyParked: The new view would keep more aside than it may.
        ViewMoved: Somebody else builds beside the live view, too.
    """
    projector = Projector(view.beside(), decode, raise_alarm)
    projection = Projection(log, projector, batch=batch)
    projection.start()
    while True:
        _catch_up(projection, log, report)
        if projector.parked and not parked_is_fine:
            count, first = len(projector.parked), projector.parked[0]
            raise RebuildRefused(f"{count} records are parked; {first.reason}")
        if view.switch_over():
            return


def _catch_up(
    projection: Projection, log: EventLog, report: Callable[[RebuildProgress], None]
) -> None:
    """Read to where the log ends now."""
    ends = log.ends()
    total = sum(ends.values())
    while (read := _read(log.positions(), ends)) < total:
        report(RebuildProgress(read=read, total=total))
        projection.step(_WAIT_S)
    report(RebuildProgress(read=total, total=total))


def _read(positions: Mapping[Partition, int], ends: Mapping[Partition, int]) -> int:
    return sum(min(positions.get(p, 0), end) for p, end in ends.items())
