"""The one writer of a partition: takes what has arrived, commits it, and again."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from healthpay_kafka.deciding import Decider
from healthpay_kafka.holdings import Holdings
from healthpay_kafka.observing import GuardedObserver, ProcessorObserver
from healthpay_kafka.pacing import Pace
from healthpay_kafka.partition import Partition
from healthpay_kafka.places import Places
from healthpay_kafka.reading import PartitionReader
from healthpay_kafka.records import Arrived, Record
from healthpay_kafka.restoring import Parked, Restored, catch_up, restore
from healthpay_kafka.settings import ClientConfig
from healthpay_kafka.topics import Topics
from healthpay_kafka.transaction import (
    Aborted,
    OwnershipLost,
    PartitionProducer,
    Probe,
)

_IDLE_S: Final = 1.0
_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 1.0
_SWEEP_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorSettings:
    """What a processor is told.

    Attributes:
        bootstrap_servers: ``host:port``, or several with commas between.
        topics: Names and counts.
        instance_id: Its stable name in the group.
        group_id: The group; all processors of an installation are in one, and no
            others: ``<prefix of the topics>.processors`` when empty.
        client: Further settings of Kafka's clients, such as credentials.
        max_batch: Commands of one transaction, at most.
        state_dir: A folder of this instance alone. Where decided commands are in
            the journal is kept there, so that a restart need not read a month of
            it; without one it is in a temporary file.
        at_once: Partitions that are in a transaction at the same time; as many as
            there are cores, and two at least, if not said.
        checkpoint_every: A checkpoint after so many changed aggregates, or once a
            minute when anything has changed.
    """

    bootstrap_servers: str
    topics: Topics
    instance_id: str
    group_id: str = ""
    client: ClientConfig = field(default_factory=dict)
    max_batch: int = 200
    at_once: int | None = None
    state_dir: Path | None = None
    checkpoint_every: int = 2_000
    checkpoint_after_s: float = 60.0

    @property
    def group(self) -> str:
        """The name of the group."""
        return self.group_id or f"{self.topics.prefix}.processors"


class Worker(threading.Thread):
    """Owns one partition from its take-over until it is stopped or loses it.

    `next_offset` is where in the commands to go on: what is before it is committed.
    After a `failure` the partition may be another's by now, unless `is_anothers` says
    that nobody has fenced this one.

    Args:
        number: The partition.
        settings: What the processor is told.
        decider: Decides.
        observer: Is told what happened; what it raises is swallowed.
        pace: Of all workers of the process.
        parked: The partition as this process left it, if it has had it before.
        probe: Is told each step before it is taken, for tests.
    """

    def __init__(
        self,
        number: int,
        *,
        settings: ProcessorSettings,
        decider: Decider,
        observer: ProcessorObserver,
        pace: Pace,
        parked: Parked | None = None,
        probe: Probe = lambda _: None,
    ) -> None:
        super().__init__(name=f"healthpay-partition-{number}", daemon=True)
        self.number: int = number
        self.next_offset: int = 0
        self.failure: str | None = None
        self.parked: Parked | None = None
        self.is_anothers: bool = True
        self.serving: threading.Event = threading.Event()
        self._settings = settings
        self._decider = decider
        self._observer = GuardedObserver(observer)
        self._pace = pace
        self._probe = probe
        self._queue: deque[Arrived] = deque()
        self._arrival = threading.Condition()
        self._stopping = False
        servers, client = settings.bootstrap_servers, settings.client
        self._returns = parked
        self._reader = parked.reader if parked else PartitionReader(servers, client)
        self._producer = PartitionProducer(
            servers,
            f"{settings.topics.commands}.{number}",
            client=client,
            probe=probe,
        )
        self._places = parked.holdings.receipts.places if parked else None
        self._journal_end = 0
        self._taken_to = 0
        self._checkpointed_at = time.monotonic()
        self._checkpoint_every = settings.checkpoint_every
        self._sweep_at = time.monotonic() + _SWEEP_S

    @property
    def backlog(self) -> int:
        """Records that have arrived and are not yet taken."""
        return len(self._queue)

    def put(self, arrived: Sequence[Arrived]) -> None:
        """Hand it records, in the log's order."""
        with self._arrival:
            # Nothing is decided again, whatever the client library repeats (R4).
            fresh = [one for one in arrived if one.offset >= self._taken_to]
            if fresh:
                self._taken_to = fresh[-1].offset + 1
            self._queue.extend(fresh)
            self._arrival.notify()

    def stop(self) -> None:
        """Finish the transaction under way and end; what is queued stays in the log."""
        with self._arrival:
            self._stopping = True
            self._arrival.notify()

    def fail(self, reason: str) -> None:
        """Give the partition up, as after a fault of its own."""
        if self.failure is None:
            self.failure = reason
            self._observer.lost(self.number, reason)
        self.stop()

    def run(self) -> None:
        try:
            partition = self._take_over()
            self.serving.set()
            while self._go_on(partition):
                pass
            # Amid what is run again, some of it would be forgotten.
            if self.failure is None and not partition.repeats(self.next_offset):
                self._park(partition.holdings)
        except Exception as error:
            # The thread's last word: the processor decides what becomes of it.
            self.is_anothers = not isinstance(error, OwnershipLost) or error.fenced
            self.fail(f"{type(error).__name__}: {error}")
        finally:
            self._producer.close()
            if self.parked is None:
                self._reader.close()
                if self._places is not None:
                    self._places.close()
            self.serving.set()

    def _take_over(self) -> Partition:
        settings = self._settings
        self._probe("take over")
        self._producer.take_over()
        self._probe("restore")
        restored = self._restored()
        self.next_offset = self._taken_to = restored.next_offset
        self._journal_end = restored.journal_end
        self._observer.restored(self.number, restored)
        return Partition(
            self.number,
            topics=settings.topics,
            decider=self._decider,
            holdings=restored.holdings,
            writer=settings.instance_id,
            unexpected=self._observer.unexpected,
        )

    def _restored(self) -> Restored:
        topics = self._settings.topics
        if self._returns is not None:
            return catch_up(self._returns, topics, self.number)
        self._places = self._known()
        return restore(self._reader, topics, self.number, self._places)

    def _park(self, holdings: Holdings) -> None:
        holdings.receipts.settle(self._journal_end)
        holdings.park(self.next_offset)
        self.parked = Parked(
            holdings=holdings, reader=self._reader, journal_end=self._journal_end
        )

    def _known(self) -> Places:
        """Where decided commands are, as far as this machine remembers."""
        folder, journal = self._settings.state_dir, self._settings.topics.journal
        if folder is None:
            return Places()
        folder.mkdir(parents=True, exist_ok=True)
        _, end = self._reader.watermarks(journal, self.number)
        file = folder / f"{journal}.{self.number}.ids"
        return Places.of_journal(file, self._reader.topic_id(journal), end)

    def _go_on(self, partition: Partition) -> bool:
        """One batch, if anything has arrived; whether to go on."""
        has_arrived = self._await_arrival()
        if self._stopping:
            return False
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + _SWEEP_S
            late = partition.overdue(time.time_ns() // 1000)
            if late:
                self._write(partition, late)
        if has_arrived:
            with self._pace.turn():
                self._take_a_batch(partition)
        return True

    def _await_arrival(self) -> bool:
        """Whether anything has arrived; waits for it, but not for ever."""
        with self._arrival:
            if not self._queue and not self._stopping:
                self._arrival.wait(_IDLE_S)
            return bool(self._queue)

    def _take_a_batch(self, partition: Partition) -> None:
        """What has arrived by now, without waiting for more."""
        began = time.monotonic()
        with self._arrival:
            size = min(len(self._queue), self._settings.max_batch)
            batch = [self._queue.popleft() for _ in range(size)]
        self._decide(partition, batch)
        self._observer.committed(self.number, size, time.monotonic() - began)

    def _decide(self, partition: Partition, batch: Sequence[Arrived]) -> None:
        records: list[Record] = []
        first = batch[0].offset
        if self._is_checkpoint_due(partition) and not partition.repeats(first):
            records += partition.checkpoint(self._journal_end, first)
            self._checkpointed_at = time.monotonic()
            if not records:
                # It would be as large for the next batch.
                self._checkpoint_every = 2 * len(partition.holdings.changed)
        records += partition.take(batch)
        self._write(partition, records)
        self.next_offset = batch[-1].offset + 1

    def _write(self, partition: Partition, records: Sequence[Record]) -> None:
        """Commit, trying again what was aborted; the decisions stay the same (R2)."""
        pause_s = _PAUSE_S
        while True:
            try:
                places = self._producer.write(records)
            except Aborted as aborted:
                if self._stopping:
                    raise OwnershipLost(str(aborted)) from aborted
                self._observer.undone(self.number, str(aborted))
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                self._renew()
            else:
                if places:
                    self._journal_end = max(places.values()) + 1
                partition.commit(places)
                return

    def _renew(self) -> None:
        """Go on with a new epoch: an end marker of the old one that is late is refused.

        Raises:
            OwnershipLost: The journal has grown: another process has had the
                partition in between, or a part of what seemed undone was committed.
        """
        self._probe("renew")
        self._producer.take_over()
        journal = self._settings.topics.journal
        if self._reader.has_more(journal, self.number, self._journal_end):
            raise OwnershipLost("its journal holds more than it has written")

    def _is_checkpoint_due(self, partition: Partition) -> bool:
        changed = len(partition.holdings.changed)
        waited = time.monotonic() - self._checkpointed_at
        settings = self._settings
        return changed >= self._checkpoint_every or (
            changed > 0 and waited >= settings.checkpoint_after_s
        )
