"""One transaction of a partition's producer: all records and the offsets, or none."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from confluent_kafka import (
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from healthpay_kafka.records import Record
from healthpay_kafka.settings import ClientConfig, transactional_config

Probe = Callable[[str], None]

_CALL_S: Final = 10.0
_COMMIT_S: Final = 30.0
_PAUSE_S: Final = 0.01
_GRACE_S: Final = 5.0

# The group no longer counts this process in, or not with this generation: what was
# begun is undone, and the group is asked before anything else is done.
_OF_THE_GROUP: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)


class Aborted(Exception):
    """Nothing was written; the same batch may be tried again."""

    def __init__(self, reason: str, *, of_the_group: bool) -> None:
        super().__init__(reason)
        self.of_the_group = of_the_group


class OwnershipLost(Exception):
    """This producer must not write any more: fenced, or nobody knows what it wrote."""


class PartitionProducer:
    """The only writer of a partition: its id is the fencing token (R1).

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        transactional_id: Of the partition; whoever initialises it last owns it.
        client: Further settings, such as credentials.
        probe: Is told each step before it is taken, for tests.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        transactional_id: str,
        *,
        client: ClientConfig | None = None,
        probe: Probe = lambda _: None,
    ) -> None:
        self._config = transactional_config(bootstrap_servers, transactional_id, client)
        self._probe = probe
        self._producer: Producer | None = None
        self._places: dict[str, int] = {}
        self._due: float | None = None

    @property
    def is_stuck(self) -> bool:
        """Whether a call has not come back long after its own time limit.

        librdkafka may wait for ever for a group coordinator that is gone
        (librdkafka#5456, #5511); it can go once that is mended.
        """
        due = self._due
        return due is not None and time.monotonic() > due

    def take_over(self) -> None:
        """Fence whoever wrote before, and settle what it left open.

        Raises:
            KafkaException: The broker does not answer.
        """
        self._producer = None
        producer = Producer(self._config)
        producer.init_transactions(_COMMIT_S)
        self._producer = producer

    def write(
        self,
        records: Sequence[Record],
        offset: TopicPartition | None,
        group: Callable[[], object],
    ) -> dict[str, int]:
        """Commit one transaction.

        Args:
            records: What is written.
            offset: The next offset of the commands; None where none were taken.
            group: The group's view of this process.

        Returns:
            Where in the journal the entries are, by command id.

        Raises:
            Aborted: Nothing was written.
            OwnershipLost: Another writes here now, or it is not known whether it
                was written; the state is to be restored before going on.
        """
        producer = self._producer
        if producer is None:
            raise OwnershipLost("the producer was given up")
        self._places = {}
        try:
            self._probe("begin")
            producer.begin_transaction()
            self._produce(producer, records)
            # Last: first, the broker that still ends the transaction before would be
            # asked again for every second one, after a pause (see `benchmarks`, row 6).
            if offset is not None:
                self._probe("offsets")
                self._due = time.monotonic() + _CALL_S + _GRACE_S
                producer.send_offsets_to_transaction([offset], group(), _CALL_S)
                self._due = None
            self._probe("flush")
            producer.flush(_COMMIT_S)
        except KafkaException as error:
            self._due = None
            self._abort(producer, error)
        self._commit(producer)
        if len(self._places) < len({r.journals for r in records} - {None}):
            # It is written, but an id whose place is not known would be forgotten.
            self._producer = None
            raise OwnershipLost("not every delivery was reported")
        return self._places

    def close(self) -> None:
        """Let go of the connection; an open transaction is aborted by the next."""
        self._producer = None

    def _produce(self, producer: Producer, records: Sequence[Record]) -> None:
        self._probe("produce")
        for record in records:
            noted = None if record.journals is None else self._noting(record.journals)
            while True:
                try:
                    producer.produce(
                        record.topic,
                        value=record.value,
                        key=record.key,
                        partition=record.partition,
                        headers=list(record.headers),
                        on_delivery=noted,
                    )
                    break
                except BufferError:
                    producer.poll(_PAUSE_S)
        self._probe("produced")

    def _noting(self, command_id: str) -> Callable[[KafkaError | None, Message], None]:
        places = self._places

        def delivered(error: KafkaError | None, message: Message) -> None:
            offset = message.offset()
            if error is None and offset is not None:
                places[command_id] = offset

        return delivered

    def _abort(self, producer: Producer, error: KafkaException) -> None:
        fault: KafkaError = error.args[0]
        if fault.fatal() or fault.code() == KafkaError._FENCED:  # noqa: SLF001
            self._producer = None
            raise OwnershipLost(str(fault)) from error
        of_the_group = fault.code() in _OF_THE_GROUP
        try:
            self._probe("abort")
            producer.abort_transaction(_COMMIT_S)
        except KafkaException as second:
            self._producer = None
            raise OwnershipLost(f"{fault}, then {second}") from error
        raise Aborted(str(fault), of_the_group=of_the_group) from error

    def _commit(self, producer: Producer) -> None:
        until = time.monotonic() + _COMMIT_S
        while True:
            try:
                self._probe("commit")
                producer.commit_transaction(_CALL_S)
                self._probe("committed")
            except KafkaException as error:
                fault: KafkaError = error.args[0]
                if fault.txn_requires_abort():
                    self._abort(producer, error)
                if not fault.retriable() or time.monotonic() > until:
                    # Whether it was written is for the one who restores to find.
                    self._producer = None
                    raise OwnershipLost(str(fault)) from error
            else:
                return
