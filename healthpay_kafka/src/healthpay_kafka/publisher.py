"""Records, produced in order and without a gap, and acknowledged by all copies."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from types import TracebackType
from typing import Final, Self, TypeAlias

from confluent_kafka import KafkaError, Message, Producer

from healthpay_kafka.records import Record
from healthpay_kafka.settings import ClientConfig, producer_config

_LOG: Final = logging.getLogger("healthpay_kafka")
_LOOK_S: Final = 0.1
# Much less than a broker remembers a producer: `producer.id.expiration.ms`, a day.
_KNOWN_S: Final = 3_600.0

_Timed: TypeAlias = tuple[Record, int]


class PublishError(Exception):
    """The producer gave up for good; what it had not acknowledged is not published.

    A new one may try again, from the last acknowledged record on.
    """


class Publisher:
    """A context manager around one idempotent producer.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        more: Further settings of the client, such as its credentials.
    """

    def __init__(
        self, bootstrap_servers: str, more: ClientConfig | None = None
    ) -> None:
        config = producer_config(bootstrap_servers, more)
        # A batch is what is given at once: `flush` does not wait for this.
        config["linger.ms"] = 50
        # Errors only: that `enable.gapless.guarantee` is new is said every time.
        config["log_level"] = 3
        self._producer = Producer({**config, "logger": _LOG})
        # When each partition last acknowledged something, by the clock `monotonic`.
        self._known_at: dict[tuple[str, int], float] = {}
        self._left = 0
        self._refusal: KafkaError | None = None
        self._durations_s: list[float] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What is not acknowledged is published again by whoever comes next. `close`
        # would wait for it, and `purge` is a gap, which a producer dies of loudly.
        del self._producer

    def publish(
        self,
        records: Sequence[_Timed],
        *,
        is_stopping: Callable[[], bool],
    ) -> Sequence[float] | None:
        """Publish all of them; returns when all copies that are in sync have them.

        While the broker is away it waits, however long that takes.

        Args:
            records: Each with the time at which it was recorded, in microseconds
                since 1970. They are published in this order within a partition.
            is_stopping: Asked while it waits.

        Returns:
            For each, in no order, the seconds from recording to acknowledgement.
            None when it was stopped: some may be published, some not.

        Raises:
            PublishError: The producer gave up.
        """
        self._durations_s = []
        at_once, later = self._in_waves(records)
        for wave in (at_once, later):
            if not self._wave(wave, is_stopping):
                return None
        return self._durations_s

    def _in_waves(
        self, records: Sequence[_Timed]
    ) -> tuple[Sequence[_Timed], Sequence[_Timed]]:
        """What can be under way at once, and what must wait for it.

        Several requests of a partition may be under way, because the broker takes
        them only in their order. But it knows nothing yet of a producer that is
        new to a partition, or was silent there for a day, and would take its second
        batch though it had just refused the first: so the first record goes alone.
        """
        since, known_at = time.monotonic() - _KNOWN_S, self._known_at
        new: set[tuple[str, int]] = set()
        at_once, later = [], []
        for timed in records:
            place = timed[0].topic, timed[0].partition
            if place in new:
                later.append(timed)
                continue
            at_once.append(timed)
            if known_at.get(place, -inf) < since:
                new.add(place)
        return at_once, later

    def _wave(self, records: Sequence[_Timed], is_stopping: Callable[[], bool]) -> bool:
        """Whether all of them are acknowledged, and it was not stopped before."""
        self._left = len(records)
        produce = self._producer.produce
        for record, recorded_at in records:
            produce(
                record.topic,
                record.value,
                record.key,
                record.partition,
                on_delivery=partial(self._delivered, recorded_at),
                headers=list(record.headers),
            )
        while self._left and self._refusal is None:
            self._producer.flush(_LOOK_S)
            if is_stopping() and self._left:
                return False
        if self._refusal is not None:
            raise PublishError(f"it refuses an event: {self._refusal.str()}")
        return True

    def _delivered(
        self, recorded_at: int, error: KafkaError | None, message: Message
    ) -> None:
        self._left -= 1
        if error is None:
            place = message.topic() or "", message.partition() or 0
            self._known_at[place] = time.monotonic()
            self._durations_s.append(time.time() - recorded_at / 1e6)
        elif self._refusal is None:
            self._refusal = error
