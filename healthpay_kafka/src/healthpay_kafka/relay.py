"""The relay: what a store's feed holds is published to the topics of events."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from threading import Event as Flag
from threading import Thread
from types import TracebackType
from typing import Final, Protocol, Self

from confluent_kafka import KafkaException

from healthpay_core import (
    CommandRequest,
    Err,
    Ok,
    Outcome,
    RecordedEvent,
    StoreFault,
    StreamCorrupted,
)
from healthpay_kafka.checkpoint import Checkpoint, Mark
from healthpay_kafka.ends import Ends, relay_writer
from healthpay_kafka.event_records import event_record
from healthpay_kafka.faults import BrokerUnavailable, StoreDiffers, UnsafeTopics
from healthpay_kafka.publisher import Publisher, PublishError
from healthpay_kafka.records import Record
from healthpay_kafka.resuming import Feed, Resumption, partition_name, resume
from healthpay_kafka.settings import ClientConfig
from healthpay_kafka.topics import Topics

_LOG: Final = logging.getLogger("healthpay_kafka")
_PAGE: Final = 1000
_IDLE_S: Final = 0.005
_LOOK_S: Final = 0.005
_PAUSE_S: Final = 1.0
_SAVE_EVERY_S: Final = 1.0
# Also how long `stop` may have to wait while the broker is away.
_ANSWER_S: Final = 5.0
_STARTING: Final = "has not begun yet"


class PublishObserver(Protocol):
    """Is told what has been published."""

    def published(self, durations_s: Sequence[float]) -> None:
        """Called after each page, in the relay's thread.

        Args:
            durations_s: For each event, from recording to acknowledgement.
        """
        ...


class _Stopped(Exception):
    """It was told to stop while it waited for the broker."""


class Relay:
    """Follows a store's feed and publishes it (V7): a context manager, or `run`.

    Each event is published at least once, after it is stored, and its first
    occurrence in the order of its aggregate; readers drop repeated ids (B6). Several
    relays of one store may run at once. While broker or store are away it waits,
    says so in `fault`, and goes on by itself.

    Where it starts from: the checkpoint says how far the feed need not be read again,
    and the last record of each partition says what is in it already. Either may be
    lost.

    Args:
        store: What is published.
        bootstrap_servers: ``host:port``, or several with commas between.
        topics: Where to; those of events must be there and safe.
        checkpoint: Where it keeps how far it is.
        observer: Is told what has been published.
        more: Further settings of Kafka's clients, such as credentials.
    """

    def __init__(
        self,
        store: Feed,
        bootstrap_servers: str,
        *,
        topics: Topics,
        checkpoint: Checkpoint,
        observer: PublishObserver | None = None,
        more: ClientConfig | None = None,
    ) -> None:
        self._store = store
        self._bootstrap_servers = bootstrap_servers
        self._topics = topics
        self._checkpoint = checkpoint
        self._observer = observer
        self._more = more
        self._mark: Mark | None = None
        self._partitions: dict[str, int] = {}
        self._saved: tuple[Mark | None, float] = (None, 0.0)
        self._has_begun = False
        self._stopping = False
        self._woken = Flag()
        self._thread: Thread | None = None
        self._fault: str | None = _STARTING

    def __enter__(self) -> Self:
        """Run in a thread of its own until the end of the block."""
        self._thread = Thread(target=self.run, name="healthpay-relay")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self.join()

    def run(self) -> None:
        """Follow the feed in this thread until `stop` is called in another one."""
        while not self._stopping:
            try:
                self._follow()
            except _Stopped:
                return
            except (StoreFault, StreamCorrupted) as fault:
                self._wait_after(f"the store: {fault}")
            except KafkaException as fault:
                self._wait_after(f"the broker: {fault.args[0].str()}")
            except (PublishError, TimeoutError) as fault:
                self._wait_after(f"the broker: {fault}")
            except Exception as error:
                # A defect, here or in the store: it must not end in silence.
                _LOG.exception("the relay failed")
                self._wait_after(f"failed: {type(error).__name__}")

    def stop(self) -> None:
        """Let `run` return; what has been acknowledged is in the checkpoint then."""
        self._stopping = True
        self._woken.set()

    def join(self) -> None:
        """Wait for the thread of the block, after `stop`."""
        if self._thread is not None:
            self._thread.join()

    def wait_until_following(self, timeout_s: float) -> bool:
        """Whether it follows the feed within that time."""
        until = time.monotonic() + timeout_s
        while self._fault is not None and time.monotonic() < until:
            time.sleep(_LOOK_S)
        return self._fault is None

    def wake(self) -> None:
        """Look at the feed now: something has been stored."""
        self._woken.set()

    def batch_handled(
        self, requests: Sequence[CommandRequest], outcomes: Sequence[Outcome]
    ) -> None:
        """As an `Observer` of the handler it is woken by every batch."""
        self._woken.set()

    def unexpected(self, error_id: str, error: BaseException) -> None:
        """As an `Observer`; a relay has no use for it."""

    @property
    def fault(self) -> str | None:
        """Why nothing is published now; None while it follows the feed."""
        return self._fault

    @property
    def position(self) -> int:
        """The position up to which everything has been acknowledged."""
        return 0 if self._mark is None else self._mark.position

    def lag_s(self) -> float:
        """The age of the oldest event that is not published, in seconds; 0 if none.

        Reads one event from the store.

        Raises:
            StoreFault: It cannot be read now.
            StreamCorrupted: What it holds cannot be understood.
        """
        mark = self._mark if self._has_begun else self._checkpoint.load()
        next_page = self._store.feed(0 if mark is None else mark.position, 1)
        if not next_page:
            return 0.0
        return max(0.0, time.time() - next_page[0].envelope.meta.recorded_at / 1e6)

    def health(self, max_lag_s: float) -> str | None:
        """None while all is well, else why not, for health pages (H8).

        Args:
            max_lag_s: How old the oldest event that is not published may be.

        Raises:
            StoreFault: The store cannot be read now.
            StreamCorrupted: What it holds cannot be understood.
        """
        lag_s = self.lag_s()
        if self._fault is None and lag_s <= max_lag_s:
            return None
        return f"the oldest unpublished event is {lag_s:.0f} s old" + (
            f"; {self._fault}" if self._fault else ""
        )

    def drain(self, timeout_s: float) -> bool:
        """Whether all that is stored is published within that time.

        Gives up at once where nothing can be published now.

        Raises:
            StoreFault: The store cannot be read now.
            StreamCorrupted: What it holds cannot be understood.
        """
        until = time.monotonic() + timeout_s
        while (lag_s := self.lag_s()) and not self._fault:
            if time.monotonic() > until:
                break
            self._woken.set()
            time.sleep(_LOOK_S)
        return lag_s == 0

    def prepare(
        self,
    ) -> Ok[Mark | None] | Err[BrokerUnavailable | UnsafeTopics | StoreDiffers]:
        """Whether it could publish now; `run` asks the same before it begins.

        Returns:
            Where the feed will be read from. `UnsafeTopics` with every fault;
            `StoreDiffers` when the topics, or the checkpoint, are of another store,
            or this one has been restored from a copy that lacks what was published;
            `BrokerUnavailable`.

        Raises:
            StoreFault: The store cannot be read now.
            StreamCorrupted: What it holds cannot be understood.
        """
        try:
            prepared = self._prepared()
        except (KafkaException, TimeoutError) as error:
            return Err(BrokerUnavailable(reason=str(error)))
        return prepared if isinstance(prepared, Err) else Ok(prepared.value.mark)

    def _prepared(
        self,
    ) -> Ok[Resumption] | Err[BrokerUnavailable | UnsafeTopics | StoreDiffers]:
        return resume(
            self._store,
            self._bootstrap_servers,
            topics=self._topics,
            checkpoint=self._checkpoint,
            more=self._more,
            timeout_s=_ANSWER_S,
        )

    def _follow(self) -> None:
        # The producer comes first: it needs half a second to be known to a broker.
        with Publisher(self._bootstrap_servers, self._more) as publisher:
            prepared = self._prepared()
            if isinstance(prepared, Err):
                self._wait_after(str(prepared.error))
                return
            self._mark, ends = prepared.value.mark, prepared.value.ends
            self._partitions = {
                partition_name(*place): end.position for place, end in ends.items()
            }
            self._has_begun = True
            self._fault = None
            try:
                while not self._stopping:
                    self._turn(publisher, ends)
            finally:
                self._save(every_s=0.0)

    def _turn(self, publisher: Publisher, ends: Ends) -> None:
        """Publish the next page, or wait until there is one."""
        self._woken.clear()
        page = self._store.feed(self.position, _PAGE)
        if page:
            self._publish(publisher, page, ends)
        self._save(every_s=_SAVE_EVERY_S)
        if not page:
            self._woken.wait(_IDLE_S)

    def _publish(
        self, publisher: Publisher, page: Sequence[RecordedEvent], ends: Ends
    ) -> None:
        """Publish those of a page that are not in their partition already."""
        records: list[tuple[Record, int]] = []
        moved: dict[str, int] = {}
        for recorded in page:
            writer = relay_writer(recorded.position)
            record = event_record(recorded, self._topics, writer=writer)
            end = ends.get((record.topic, record.partition))
            if end is None or end.position < recorded.position:
                records.append((record, recorded.envelope.meta.recorded_at))
                place = partition_name(record.topic, record.partition)
                moved[place] = recorded.position
        if records:
            durations = publisher.publish(records, is_stopping=lambda: self._stopping)
            if durations is None:
                raise _Stopped
            if self._observer is not None:
                self._observer.published(durations)
            self._partitions |= moved
        last = page[-1]
        self._mark = Mark(position=last.position, event_id=last.envelope.event_id)

    def _save(self, *, every_s: float) -> None:
        """Keep the mark now and then: the ends of the topics tell what came after."""
        saved, when = self._saved
        now = time.monotonic()
        if self._mark is None or self._mark == saved or now - when < every_s:
            return
        try:
            self._checkpoint.save(replace(self._mark, partitions=self._partitions))
        except OSError as error:
            _LOG.warning("the relay's checkpoint cannot be saved: %s", error)
        else:
            saved = self._mark
        self._saved = (saved, now)

    def _wait_after(self, fault: str) -> None:
        if fault != self._fault:
            _LOG.warning("the relay waits: %s", fault)
        self._fault = fault
        until = time.monotonic() + _PAUSE_S
        while not self._stopping and time.monotonic() < until:
            self._woken.wait(_IDLE_S)
            self._woken.clear()
