"""How far each partition of the log goes, whatever transactions are still open."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from time import monotonic, sleep
from typing import Final

from confluent_kafka import (
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)

# Meant to be imported from there, which their own stubs forget to say.
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    OffsetSpec,
)

from healthpay_kafka.projection.log import LogLost
from healthpay_kafka.projection.records import Partition
from healthpay_kafka.settings import ClientConfig, admin_config

_ANSWER_S: Final = 30.0
_LATEST: Final[OffsetSpec] = OffsetSpec.latest()  # type: ignore[no-untyped-call]
"""Their stubs say nothing of it."""
_PAUSE_S: Final = 0.1
_NOT_THERE: Final = frozenset(
    {
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - its only name
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
)
_PASSING: Final = frozenset(
    {
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError._TIMED_OUT,  # noqa: SLF001 - its only name
        KafkaError._TRANSPORT,  # noqa: SLF001 - its only name
        KafkaError.OFFSET_NOT_AVAILABLE,
    }
)


class HighWatermarks:
    """Asks for the ends of partitions.

    A consumer that reads only committed records is told the end of those
    (KAFKA-10167); an admin client is asked instead.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        topics: Their names.
        more: Further settings of librdkafka, such as credentials.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: Collection[str],
        more: ClientConfig | None = None,
    ) -> None:
        self._topics = tuple(topics)
        self._admin = AdminClient(admin_config(bootstrap_servers, more))
        self._places: dict[TopicPartition, OffsetSpec] = {}

    def now(self) -> Mapping[Partition, int]:
        """One more than the last offset of each partition.

        A leader that is just being elected is waited for, 30 seconds at most.

        Raises:
            LogLost: A topic is not there.
        """
        until = monotonic() + _ANSWER_S
        while True:
            try:
                return self._asked()
            except KafkaException as fault:
                code = fault.args[0].code()
                if code in _NOT_THERE:
                    raise LogLost(f"{fault.args[0].str()}") from fault
                if code not in _PASSING or monotonic() > until:
                    raise
            sleep(_PAUSE_S)

    def _asked(self) -> dict[Partition, int]:
        if not self._places:
            self._places = {
                TopicPartition(topic, number): _LATEST
                for topic in self._topics
                for number in self._numbers(topic)
            }
        futures = self._admin.list_offsets(
            self._places,
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=_ANSWER_S,
        )
        return {
            Partition(place.topic, place.partition): future.result().offset
            for place, future in futures.items()
        }

    def _numbers(self, topic: str) -> list[int]:
        described = self._admin.list_topics(topic, timeout=_ANSWER_S).topics[topic]
        if described.error is not None:
            raise KafkaException(described.error)
        return sorted(described.partitions)
