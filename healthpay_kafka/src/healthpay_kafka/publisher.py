"""Records, produced in order and without a gap, and acknowledged by all copies."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaError, Message, Producer

from healthpay_kafka.records import Record
from healthpay_kafka.settings import ClientConfig, producer_config

_LOG: Final = logging.getLogger("healthpay_kafka")
_LOOK_S: Final = 0.1


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
        # One request at a time. The broker knows nothing yet of a new producer
        # and would take its second batch though it had just refused the first.
        config["max.in.flight.requests.per.connection"] = 1
        # A batch is what is given at once: `flush` does not wait for this.
        config["linger.ms"] = 50
        # Errors only: that `enable.gapless.guarantee` is new is said every time.
        config["log_level"] = 3
        self._producer = Producer({**config, "logger": _LOG})
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
        records: Sequence[tuple[Record, int]],
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
        self._left, self._durations_s = len(records), []
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
                return None
        if self._refusal is not None:
            raise PublishError(f"it refuses an event: {self._refusal.str()}")
        return self._durations_s

    def _delivered(
        self, recorded_at: int, error: KafkaError | None, _: Message
    ) -> None:
        self._left -= 1
        if error is None:
            self._durations_s.append(time.time() - recorded_at / 1e6)
        elif self._refusal is None:
            self._refusal = error
