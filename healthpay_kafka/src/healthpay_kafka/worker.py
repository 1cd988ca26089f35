"""The one writer of a partition: takes what has arrived, commits it, and again."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from confluent_kafka import TopicPartition

from healthpay_kafka.deciding import Decider
from healthpay_kafka.membership import Membership
from healthpay_kafka.partition import Partition
from healthpay_kafka.reading import PartitionReader
from healthpay_kafka.records import Arrived, Record
from healthpay_kafka.restoring import Restored, restore
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
_SWEEP_S: Final = 1.0


class ProcessorObserver(Protocol):
    """Is told what a processor does, in the thread of the partition."""

    def committed(self, partition: int, commands: int, took_s: float) -> None:
        """A batch was committed."""
        ...

    def restored(self, partition: int, restored: Restored) -> None:
        """A partition was taken over."""
        ...

    def lost(self, partition: int, reason: str) -> None:
        """A partition was given up because of a fault."""
        ...

    def unexpected(self, error_id: str, error: BaseException) -> None:
        """Deciding a command raised; the caller got the id (E5)."""
        ...


class SilentObserver:
    """An observer that says nothing."""

    def committed(self, partition: int, commands: int, took_s: float) -> None: ...

    def restored(self, partition: int, restored: Restored) -> None: ...

    def lost(self, partition: int, reason: str) -> None: ...

    def unexpected(self, error_id: str, error: BaseException) -> None: ...


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
        checkpoint_every: A checkpoint after so many changed aggregates, or once a
            minute when anything has changed.
    """

    bootstrap_servers: str
    topics: Topics
    instance_id: str
    group_id: str = ""
    client: ClientConfig = field(default_factory=dict)
    max_batch: int = 200
    checkpoint_every: int = 2_000
    checkpoint_after_s: float = 60.0

    @property
    def group(self) -> str:
        """The name of the group."""
        return self.group_id or f"{self.topics.prefix}.processors"


class Worker(threading.Thread):
    """Owns one partition from its take-over until it is stopped or loses it.

    Args:
        number: The partition.
        settings: What the processor is told.
        decider: Decides.
        group: The group's view of this process.
        observer: Is told what happened.
        probe: Is told each step before it is taken, for tests.
    """

    def __init__(
        self,
        number: int,
        *,
        settings: ProcessorSettings,
        decider: Decider,
        group: Membership,
        observer: ProcessorObserver,
        probe: Probe = lambda _: None,
    ) -> None:
        super().__init__(name=f"healthpay-partition-{number}", daemon=True)
        self.number: int = number
        self.next_offset: int | None = None
        self.failure: str | None = None
        self.serving: threading.Event = threading.Event()
        self._settings = settings
        self._decider = decider
        self._group = group
        self._observer = observer
        self._probe = probe
        self._queue: deque[Arrived] = deque()
        self._arrival = threading.Condition()
        self._stopping = False
        topics = settings.topics
        self._producer = PartitionProducer(
            settings.bootstrap_servers,
            f"{topics.commands}.{number}",
            client=settings.client,
            probe=probe,
        )
        self._journal_end = 0
        self._checkpointed_at = time.monotonic()
        self._checkpoint_every = settings.checkpoint_every
        self._sweep_at = time.monotonic() + _SWEEP_S

    @property
    def backlog(self) -> int:
        """Records that have arrived and are not yet taken."""
        return len(self._queue)

    @property
    def is_stuck(self) -> bool:
        """Whether its thread is lost in a call that does not come back."""
        return self._producer.is_stuck

    def put(self, arrived: Sequence[Arrived]) -> None:
        """Hand it records, in the log's order."""
        with self._arrival:
            self._queue.extend(arrived)
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
        reader = PartitionReader(
            self._settings.bootstrap_servers, self._settings.client
        )
        try:
            partition = self._take_over(reader)
            self.serving.set()
            while self._go_on(partition):
                pass
        except Exception as error:
            # The thread's last word: the processor decides what becomes of it.
            self.fail(f"{type(error).__name__}: {error}")
        finally:
            self._producer.close()
            reader.close()
            self.serving.set()

    def _take_over(self, reader: PartitionReader) -> Partition:
        settings = self._settings
        self._probe("take over")
        self._producer.take_over()
        self._probe("restore")
        restored = restore(reader, settings.topics, self.number, settings.group)
        self.next_offset = restored.next_offset
        self._journal_end = restored.journal_end
        self._observer.restored(self.number, restored)
        return Partition(
            self.number,
            topics=settings.topics,
            decider=self._decider,
            holdings=restored.holdings,
            writer=settings.instance_id,
        )

    def _go_on(self, partition: Partition) -> bool:
        """One batch, if anything has arrived; whether to go on."""
        batch = self._batch()
        if self._stopping:
            return False
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + _SWEEP_S
            late = partition.overdue(time.time_ns() // 1000)
            if late:
                self._write(partition, late, None)
        if not batch:
            return True
        began = time.monotonic()
        self._decide(partition, batch)
        self._observer.committed(self.number, len(batch), time.monotonic() - began)
        return True

    def _batch(self) -> list[Arrived]:
        """What has arrived, without waiting for more; waits for the first."""
        queue = self._queue
        with self._arrival:
            if not queue and not self._stopping:
                self._arrival.wait(_IDLE_S)
            size = min(len(queue), self._settings.max_batch)
            return [queue.popleft() for _ in range(size)]

    def _decide(self, partition: Partition, batch: Sequence[Arrived]) -> None:
        topics = self._settings.topics
        offset = TopicPartition(topics.commands, self.number, batch[-1].offset + 1)
        records: list[Record] = []
        if self._is_checkpoint_due(partition):
            records += partition.checkpoint(self._journal_end)
            self._checkpointed_at = time.monotonic()
            if not records:
                # It would be as large for the next batch.
                self._checkpoint_every = 2 * len(partition.holdings.changed)
        records += partition.take(batch)
        self._write(partition, records, offset)

    def _write(
        self,
        partition: Partition,
        records: Sequence[Record],
        offset: TopicPartition | None,
    ) -> None:
        """Commit, trying again what was aborted; the decisions stay the same (R2)."""
        attempts_of_the_group = 0
        while True:
            try:
                places = self._producer.write(records, offset, self._group.current)
            except Aborted as aborted:
                attempts_of_the_group += aborted.of_the_group
                if aborted.of_the_group:
                    self._group.ask_again()
                if self._stopping or attempts_of_the_group > 3:
                    raise OwnershipLost(str(aborted)) from aborted
                time.sleep(_PAUSE_S)
                # After a fault a new epoch: what is late of the old one is refused.
                if not aborted.of_the_group:
                    self._producer.take_over()
            else:
                if places:
                    self._journal_end = max(places.values()) + 1
                partition.commit(places)
                return

    def _is_checkpoint_due(self, partition: Partition) -> bool:
        changed = len(partition.holdings.changed)
        waited = time.monotonic() - self._checkpointed_at
        settings = self._settings
        return changed >= self._checkpoint_every or (
            changed > 0 and waited >= settings.checkpoint_after_s
        )
