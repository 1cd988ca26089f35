"""A projection that follows the log: read, project, until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Final

from healthpay_kafka.projection.log import EventLog, LogLost
from healthpay_kafka.projection.projector import Projector
from healthpay_kafka.projection.records import Partition
from healthpay_kafka.projection.view import ViewMoved

BATCH: Final = 2_000
_WAIT_S: Final = 0.2
_BACK_OFF_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a view is behind.

    Attributes:
        records: Places in the log between what was read and its end. Some of
            them are the broker's own marks, so it is a bound, not a count.
        parked: Records that are kept aside.
    """

    records: int
    parked: int


class Projection:
    """Follows an event log into a view.

    Where it reads on is in the view's own database; no consumer group's offsets
    are used. It may be killed at any instant, and may run twice by mistake.

    Args:
        log: What is read.
        projector: What is done with it.
        batch: Records of one transaction at most, 1 or more.
    """

    def __init__(
        self, log: EventLog, projector: Projector, *, batch: int = BATCH
    ) -> None:
        self._log = log
        self._projector = projector
        self._batch = batch

    def start(self) -> None:
        """Take up where the view is, and try again what is parked.

        Raises:
            LogLost: The log does not hold the place any more.
            ViewMoved: Another one writes to the view right now.
        """
        offsets = self._projector.restore()
        self._log.seek(starts(offsets, self._log.ends()))
        self._projector.retry_parked()

    def step(self, timeout_s: float = _WAIT_S) -> int:
        """One batch, after `start`; how many records were read.

        Raises:
            LogLost, TooManyParked: It cannot go on; nothing was skipped.
            ViewMoved: `start` again.
        """
        records = self._log.read(self._batch, timeout_s)
        if records:
            self._projector.project(records)
        return len(records)

    def run(
        self, stopping: Event, *, after_step: Callable[[], None] = lambda: None
    ) -> None:
        """`start`, then `step` after `step`; ends after the batch under way.

        When another one writes to the view, it waits a second and takes up there.

        Args:
            stopping: Set it, from anywhere, to end the run.
            after_step: Is called several times a second, such as for a heartbeat.

        Raises:
            LogLost, TooManyParked: It cannot go on; nothing was skipped.
        """
        is_started = False
        while not stopping.is_set():
            try:
                if not is_started:
                    self.start()
                    is_started = True
                self.step()
                after_step()
            except ViewMoved:
                is_started = False
                stopping.wait(_BACK_OFF_S)

    def lag(self) -> Lag:
        """How far the view is behind the log, as of now."""
        positions = self._log.positions()
        behind = (n - positions.get(p, 0) for p, n in self._log.ends().items())
        return Lag(
            records=sum(max(n, 0) for n in behind), parked=len(self._projector.parked)
        )


def starts(
    offsets: Mapping[Partition, int], ends: Mapping[Partition, int]
) -> dict[Partition, int]:
    """Where to read on in each partition; from the first record where none is kept.

    Raises:
        LogLost: The view knows a partition, or an offset, that the log has not:
            it is another log, or a part of it is gone.
    """
    for partition, offset in offsets.items():
        end = ends.get(partition)
        if end is None or offset > end:
            raise LogLost(
                f"{partition.topic}[{partition.number}]: the view is at {offset}, the"
                f" log ends at {end}: it is another log, or lost its end"
            )
    return {partition: offsets.get(partition, 0) for partition in ends}
