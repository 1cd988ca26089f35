"""A processor: a member of the group that decides the commands of its partitions."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from healthpay_core import Err
from healthpay_kafka.administration import check_topics
from healthpay_kafka.deciding import Decider
from healthpay_kafka.faults import BrokerUnavailable, UnsafeTopics
from healthpay_kafka.observing import ProcessorObserver, SilentObserver
from healthpay_kafka.pacing import Pace
from healthpay_kafka.records import Arrived, headers_in
from healthpay_kafka.restoring import Parked
from healthpay_kafka.settings import consumer_config
from healthpay_kafka.transaction import Probe
from healthpay_kafka.worker import ProcessorSettings, Worker

_POLL_S: Final = 0.1
_AT_ONCE: Final = 1_000
_FULL: Final = 4_000
_ROOM: Final = 1_000
_TELL_EVERY_S: Final = 1.0
_PARKED_FOR_S: Final = 600.0
_ASK_AGAIN_S: Final = 7.0
"""Longer than two heartbeats: by then the group has said who owns a partition."""


class TopicsRefused(Exception):
    """The topics are not as they must be, or the broker is not there.

    Args:
        fault: What is the matter.
    """

    def __init__(self, fault: BrokerUnavailable | UnsafeTopics) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Processor:
    """Decides commands until it is stopped; one thread owns the consumer.

    Args:
        settings: What it is told.
        decider: Decides; the same rules in every processor of the group.
        observer: Is told what happened; what it raises is swallowed.
        probe: Is told each step before it is taken, for tests.
    """

    def __init__(
        self,
        settings: ProcessorSettings,
        decider: Decider,
        *,
        observer: ProcessorObserver | None = None,
        probe: Probe = lambda _: None,
    ) -> None:
        self.serving: threading.Event = threading.Event()
        self._settings = settings
        self._decider = decider
        self._observer = SilentObserver() if observer is None else observer
        self._pace = Pace(settings.at_once)
        self._probe = probe
        self._stopping = threading.Event()
        self._workers: dict[int, Worker] = {}
        self._taking_over: set[int] = set()
        self._reading: set[int] = set()
        self._is_member = False
        self._paused: set[int] = set()
        self._parked: dict[int, Parked] = {}
        self._asking_again: dict[int, float] = {}
        self._told: dict[int, int] = {}
        self._tell_at = 0.0

    def stop(self) -> None:
        """Finish what is under way, leave the partitions, and end `run`."""
        self._stopping.set()

    def run(self) -> None:
        """Decide commands until `stop`.

        Raises:
            TopicsRefused: The topics are not as they must be (their number of
                partitions above all), or the broker does not answer.
            KafkaException: The group refuses this process for good, because another
                one has its instance id.
        """
        settings = self._settings
        checked = check_topics(
            settings.bootstrap_servers, settings.topics, more=settings.client
        )
        if isinstance(checked, Err):
            raise TopicsRefused(checked.error)
        consumer = Consumer(
            consumer_config(
                settings.bootstrap_servers,
                settings.group,
                settings.instance_id,
                settings.client,
            )
        )
        try:
            consumer.subscribe(
                [settings.topics.commands],
                on_assign=self._assigned,
                on_revoke=self._revoked,
                on_lost=self._lost,
            )
            while not self._stopping.is_set():
                self._turn(consumer)
        finally:
            self._end(list(self._workers))
            self._forget(self._parked)
            consumer.close()

    def _turn(self, consumer: Consumer) -> None:
        first = consumer.poll(_POLL_S)
        if first is not None:
            owner = self._workers.get(first.partition() or 0)
            more = consumer.consume(_AT_ONCE - 1, 0)
            # Taken over meanwhile, its partition is read again from before `first`.
            is_stale = owner is not self._workers.get(first.partition() or 0)
            self._hand_out(more if is_stale else [first, *more])
        self._balance(consumer)
        self._look_after(consumer)
        self._serve(consumer)
        if time.monotonic() >= self._tell_at:
            self._tell_how_far(consumer)

    def _hand_out(self, messages: Sequence[Message]) -> None:
        arrived: defaultdict[int, list[Arrived]] = defaultdict(list)
        for message in messages:
            error = message.error()
            if error is not None:
                # A message's error has lost the flag that says so.
                if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001
                    raise KafkaException(error)
                if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
                    self._fail(message.partition(), str(error))
                continue
            number, record = _arrived(message)
            arrived[number].append(record)
        for number, records in arrived.items():
            worker = self._workers.get(number)
            if worker is not None and number in self._reading:
                worker.put(records)

    def _fail(self, number: int | None, reason: str) -> None:
        """Records of a partition are gone: it is taken over where it begins now."""
        worker = None if number is None else self._workers.get(number)
        if worker is not None:
            worker.fail(reason)

    def _tell_how_far(self, consumer: Consumer) -> None:
        """Tell the group, for whoever watches how far behind it is.

        Nothing rests on it.
        """
        self._tell_at = time.monotonic() + _TELL_EVERY_S
        topic = self._settings.topics.commands
        done = {n: self._workers[n].next_offset for n in self._reading}
        news = dict(done.items() - self._told.items())
        self._told = done
        if news:
            places = [TopicPartition(topic, n, offset) for n, offset in news.items()]
            consumer.commit(offsets=places, asynchronous=True)

    def _balance(self, consumer: Consumer) -> None:
        """Let nobody's queue grow without bound."""
        topic = self._settings.topics.commands
        for number in self._reading:
            worker = self._workers[number]
            place = [TopicPartition(topic, number)]
            if number not in self._paused and worker.backlog > _FULL:
                consumer.pause(place)
                self._paused.add(number)
            elif number in self._paused and worker.backlog < _ROOM:
                consumer.resume(place)
                self._paused.discard(number)

    def _look_after(self, consumer: Consumer) -> None:
        """A partition whose worker has failed is taken over again, if it is ours.

        The group is given the time to say whether it still is: two owners would
        fence each other in turn.
        """
        now = time.monotonic()
        parked = self._parked.items()
        self._forget([n for n, p in parked if now - p.since > _PARKED_FOR_S])
        for number, worker in list(self._workers.items()):
            if worker.failure is not None and number not in self._asking_again:
                wait_s = _ASK_AGAIN_S if worker.is_anothers else 0.0
                self._asking_again[number] = now + wait_s
        for number, due in list(self._asking_again.items()):
            if now < due:
                continue
            del self._asking_again[number]
            self._workers.pop(number).join()
            if number in self._reading:
                consumer.incremental_unassign(self._read_no_more([number]))
            self._take_over([number])

    def _forget(self, numbers: Iterable[int]) -> None:
        """Let go of partitions that have not come back."""
        for number in list(numbers):
            self._parked.pop(number).close()

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        # From where is not known yet: nothing is read before `_serve`.
        consumer.incremental_assign([])
        self._take_over([place.partition for place in self._ours(places)])
        self._is_member = True

    def _revoked(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        numbers = [place.partition for place in self._ours(places)]
        self._end(numbers)
        consumer.incremental_unassign(self._read_no_more(numbers))

    def _ours(self, places: Sequence[TopicPartition]) -> list[TopicPartition]:
        """A name that was another installation's before is given its partitions."""
        return [p for p in places if p.topic == self._settings.topics.commands]

    def _lost(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        """They are another's by now; what was under way is fenced, or aborted."""
        self._revoked(consumer, places)

    def _take_over(self, numbers: Sequence[int]) -> None:
        """Begin to restore partitions; the others go on meanwhile."""
        for number in numbers:
            worker = self._workers[number] = self._worker(number)
            self._taking_over.add(number)
            self._paused.discard(number)
            worker.start()

    def _serve(self, consumer: Consumer) -> None:
        """Read on where a restored partition is to go on."""
        topic = self._settings.topics.commands
        restored = [n for n in self._taking_over if self._workers[n].serving.is_set()]
        for number in restored:
            self._taking_over.discard(number)
            worker = self._workers[number]
            # One that failed gets nothing; it is taken over again before long.
            if worker.failure is None:
                place = TopicPartition(topic, number, worker.next_offset)
                consumer.incremental_assign([place])
                # The client remembers for a partition that it was paused.
                consumer.resume([place])
                self._reading.add(number)
        if self._is_member and not self._taking_over:
            self.serving.set()

    def _read_no_more(self, numbers: Sequence[int]) -> list[TopicPartition]:
        """Those of the partitions that were read; they are not any longer."""
        read = [number for number in numbers if number in self._reading]
        self._reading.difference_update(read)
        topic = self._settings.topics.commands
        return [TopicPartition(topic, number) for number in read]

    def _worker(self, number: int) -> Worker:
        return Worker(
            number,
            settings=self._settings,
            decider=self._decider,
            observer=self._observer,
            pace=self._pace,
            parked=self._parked.pop(number, None),
            probe=self._probe,
        )

    def _end(self, numbers: Sequence[int]) -> None:
        workers = [self._workers.pop(n) for n in numbers if n in self._workers]
        for worker in workers:
            worker.stop()
            self._asking_again.pop(worker.number, None)
            self._paused.discard(worker.number)
            self._taking_over.discard(worker.number)
        for worker in workers:
            worker.join()
            if worker.parked is not None:
                self._parked[worker.number] = worker.parked


def _arrived(message: Message) -> tuple[int, Arrived]:
    number, offset = message.partition(), message.offset()
    assert number is not None
    assert offset is not None
    key = message.key()
    return number, Arrived(
        offset=offset,
        recorded_at=message.timestamp()[1] * 1000,
        key=key.decode("utf-8", "replace") if isinstance(key, bytes) else key,
        value=message.value(),
        headers=headers_in(message),
    )
