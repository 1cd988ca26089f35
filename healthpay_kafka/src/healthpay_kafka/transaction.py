"""One transaction of a partition's producer: all of its records, or none.

The offsets of the commands are not among them. Where to go on stands in the journal,
which the transaction writes; and a transaction that adds its offsets after its records
could lose the records to an end marker that came late, and be committed nevertheless.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from healthpay_kafka.records import Record
from healthpay_kafka.settings import ClientConfig, transactional_config

Probe = Callable[[str], None]

_CALL_S: Final = 10.0
_COMMIT_S: Final = 30.0
_PAUSE_S: Final = 0.01

_FENCED: Final = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001 - its only name
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
    }
)


class Aborted(Exception):
    """The transaction was undone; after `take_over` it may be tried again."""


class OwnershipLost(Exception):
    """This producer must not write any more: fenced, or nobody knows what it wrote.

    Args:
        reason: What happened.
        fenced: Whether another process has taken over. Else the partition may be
            taken over again at once.
    """

    def __init__(self, reason: str, *, fenced: bool = False) -> None:
        super().__init__(reason)
        self.fenced = fenced


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

    def take_over(self) -> None:
        """Fence whoever wrote before, and settle what it left open.

        An end marker of before that comes late is refused from now on.

        Raises:
            KafkaException: The broker does not answer.
        """
        self._producer = None
        producer = Producer(self._config)
        producer.init_transactions(_COMMIT_S)
        self._producer = producer

    def write(self, records: Sequence[Record]) -> dict[str, int]:
        """Commit one transaction.

        Returns:
            Where in the journal the entries are, by command id.

        Raises:
            Aborted: It was undone.
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
            self._probe("flush")
            producer.flush(_COMMIT_S)
        except KafkaException as error:
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

    def _abort(self, producer: Producer, error: KafkaException) -> NoReturn:
        fault: KafkaError = error.args[0]
        if fault.fatal() or _is_fenced(fault):
            raise self._lost(error) from error
        try:
            self._probe("abort")
            producer.abort_transaction(_COMMIT_S)
        except KafkaException as second:
            raise self._lost(second, f"{fault}, then ") from error
        raise Aborted(str(fault)) from error

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
                    raise self._lost(error) from error
            else:
                return

    def _lost(self, error: KafkaException, before: str = "") -> OwnershipLost:
        self._producer = None
        fault: KafkaError = error.args[0]
        return OwnershipLost(f"{before}{fault}", fenced=_is_fenced(fault))


def _is_fenced(fault: KafkaError) -> bool:
    return fault.code() in _FENCED
