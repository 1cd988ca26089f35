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
        self._delivered: dict[int, int] = {}

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
        self._delivered = {}
        journals = [record.journals for record in records if record.journals]
        try:
            self._probe("begin")
            producer.begin_transaction()
            self._produce(producer, records)
            self._probe("flush")
            producer.flush(_COMMIT_S)
        except KafkaException as error:
            self._abort(producer, error)
        self._commit(producer)
        return self._places_of(journals)

    def close(self) -> None:
        """Let go of the connection; an open transaction is aborted by the next."""
        self._producer = None

    def _produce(self, producer: Producer, records: Sequence[Record]) -> None:
        self._probe("produce")
        reported = _reported(records)
        for index, record in enumerate(records):
            noted = self._noting(index) if index in reported else None
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

    def _noting(self, index: int) -> Callable[[KafkaError | None, Message], None]:
        places = self._delivered

        def delivered(error: KafkaError | None, message: Message) -> None:
            offset = message.offset()
            if error is None and offset is not None:
                places[index] = offset

        return delivered

    def _places_of(self, journals: Sequence[str]) -> dict[str, int]:
        """Where each entry is; all of them stand one behind the other."""
        if not journals:
            return {}
        first = min(self._delivered.values(), default=-1)
        last = max(self._delivered.values(), default=-1)
        if first < 0 or last - first != len(journals) - 1:
            # It is written, but an id whose place is not known would be forgotten.
            self._producer = None
            raise OwnershipLost("the places of the entries are not known")
        return {command_id: first + i for i, command_id in enumerate(journals)}

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


def _reported(records: Sequence[Record]) -> set[int]:
    """The first and the last entry of the journal among the records.

    Each report has to win the interpreter's lock. Nobody else writes to the
    journal's partition, so the entries in between stand in between.
    """
    entries = [i for i, record in enumerate(records) if record.journals]
    return {entries[0], entries[-1]} if entries else set()


def _is_fenced(fault: KafkaError) -> bool:
    return fault.code() in _FENCED
