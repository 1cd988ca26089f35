"""A read model: what was decided, followed into an event store of one's own.

It reads the journals, which hold events and outcomes together, and appends them to
any `EventStore`: in memory, or on disk. All queries of the core then work on it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Final, Self

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from healthpay_core import (
    Append,
    Appended,
    CommandMeta,
    Err,
    EventEnvelope,
    EventStore,
    OutcomeRecord,
    StreamCorrupted,
    StreamId,
)
from healthpay_core.envelope import SYSTEM
from healthpay_kafka.first_unknown import first_unknown
from healthpay_kafka.journal import Entry, decode_entry
from healthpay_kafka.reading import PartitionReader
from healthpay_kafka.settings import ClientConfig, reader_config
from healthpay_kafka.topics import Topics
from healthpay_wire.cloudevents import decode_structured

_POLL_S: Final = 0.05
_AT_ONCE: Final = 500
_AGAIN_S: Final = 1.0


class ReadModel:
    """Follows the journals of all partitions into a store.

    Where it begins is where the store ends, which it finds in each journal by
    halving; what is there already is passed over by its version and its command
    (R3), so that a restart loses and doubles nothing. `entries` says how many it has
    read.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        topics: Names and counts.
        store: What is appended to; nobody else may append to it.
        client: Further settings of Kafka's clients, such as credentials.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: Topics,
        store: EventStore,
        *,
        client: ClientConfig | None = None,
    ) -> None:
        self._servers = bootstrap_servers
        self._topics = topics
        self._store = store
        self._client = client
        self._stopping = threading.Event()
        self._caught_up = threading.Event()
        self._moved = threading.Condition()
        self.entries: int = 0
        self._fault: str | None = None
        self._reads_all = False
        self._thread = threading.Thread(
            target=self._follow, name="healthpay-read-model", daemon=True
        )

    def __enter__(self) -> Self:
        """Begin to follow."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop following."""
        self._stopping.set()
        self._thread.join()

    def fault(self) -> str | None:
        """Why it does not follow, or that it has not caught up yet; None if well."""
        if self._fault is None and not self._caught_up.is_set():
            return "the read model has not caught up yet"
        return self._fault

    def wait_until_caught_up(self, timeout_s: float) -> bool:
        """Wait for where the journals ended as it began; whether it got there."""
        return self._caught_up.wait(timeout_s)

    def wait_for(self, stream: StreamId, version: int, timeout_s: float) -> bool:
        """Wait until an aggregate has at least a version; whether it does."""
        until = time.monotonic() + timeout_s
        with self._moved:
            while self._store.versions((stream,))[stream] < version:
                left = until - time.monotonic()
                if left <= 0 or self._fault is not None:
                    return False
                self._moved.wait(left)
        return True

    def _follow(self) -> None:
        """Follow until it is stopped; after a fault, again from the beginning."""
        while not self._stopping.is_set():
            try:
                self._follow_once()
            except StreamCorrupted as error:
                if self._reads_all:
                    # To read it again would show the same.
                    self._fail(error)
                    return
                self._reads_all = True
            except Exception as error:
                # Its thread has nobody above: `fault` says it, and readiness with it.
                self._fail(error)
                self._stopping.wait(_AGAIN_S)

    def _follow_once(self) -> None:
        config = reader_config(self._servers, self._client)
        config["auto.offset.reset"] = "earliest"
        config["enable.partition.eof"] = True
        topic, starts = self._topics.journal, self._starts()
        with closing(Consumer(config)) as consumer:
            places = [TopicPartition(topic, n, at) for n, at in enumerate(starts)]
            consumer.assign(places)
            behind = set(range(len(places)))
            while not self._stopping.is_set():
                behind -= self._take(consumer.consume(_AT_ONCE, _POLL_S))
                if not behind:
                    self._reads_all = False
                    self._fault = None
                    self._caught_up.set()

    def _starts(self) -> list[int]:
        """For each partition, the first entry that the store may lack."""
        count = self._topics.partitions
        self._reads_all = self._reads_all or not self._store.feed(0, 1)
        if self._reads_all:
            return [0] * count
        topic = self._topics.journal
        with closing(PartitionReader(self._servers, self._client)) as reader:
            return [
                first_unknown(reader, topic, n, self._is_known) for n in range(count)
            ]

    def _is_known(self, value: bytes) -> bool | None:
        """Whether the store has what an entry says; None of one that says nothing."""
        entry = _entry(value)
        ends = {e.stream: e.sequence for e in _envelopes(entry)}
        if ends:
            versions = self._store.versions(list(ends))
            return all(versions[stream] >= end for stream, end in ends.items())
        if entry.pinned and entry.outcome is not None:
            return bool(self._store.outcomes((entry.command_id,)))
        return None

    def _fail(self, error: Exception) -> None:
        self._fault = f"{type(error).__name__}: {error}"
        with self._moved:
            self._moved.notify_all()

    def _take(self, messages: Sequence[Message]) -> set[int]:
        """Append what is new; the partitions whose end was reached."""
        entries: list[Entry] = []
        ended: set[int] = set()
        for message in messages:
            error = message.error()
            if error is None:
                entries.append(_entry(message.value() or b""))
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                ended.add(message.partition() or 0)
            elif error.fatal() or not error.retriable():
                raise KafkaException(error)
        if entries:
            self.entries += len(entries)
            self._append(entries)
        return ended

    def _append(self, entries: Sequence[Entry]) -> None:
        envelopes = [e for entry in entries for e in _envelopes(entry)]
        versions = dict(self._store.versions([e.stream for e in envelopes]))
        before = dict(versions)
        new: list[EventEnvelope] = []
        for envelope in envelopes:
            at = versions[envelope.stream]
            if envelope.sequence <= at:
                continue
            if envelope.sequence != at + 1:
                raise StreamCorrupted("a version is missing", envelope.stream, at + 1)
            versions[envelope.stream] = envelope.sequence
            new.append(envelope)
        outcomes = self._new_outcomes(entries)
        if not new and not outcomes:
            return
        touched = {envelope.stream for envelope in new}
        result = self._store.append(
            Append(
                expected={stream: before[stream] for stream in sorted(touched)},
                events=new,
                outcomes=outcomes,
            )
        )
        if not isinstance(result, Appended):
            raise StreamCorrupted(f"the read model's store answered {result}")
        with self._moved:
            self._moved.notify_all()

    def _new_outcomes(self, entries: Sequence[Entry]) -> list[OutcomeRecord]:
        found = {
            entry.command_id: entry
            for entry in entries
            if entry.pinned and entry.outcome is not None
        }
        known = self._store.outcomes(list(found))
        return [_record(entry) for key, entry in found.items() if key not in known]


def _entry(value: bytes) -> Entry:
    decoded = decode_entry(value)
    if isinstance(decoded, Err):
        raise StreamCorrupted(decoded.error.errors[0].detail)
    return decoded.value


def _envelopes(entry: Entry) -> list[EventEnvelope]:
    envelopes: list[EventEnvelope] = []
    for event in entry.events:
        decoded = decode_structured(event)
        if isinstance(decoded, Err):
            raise StreamCorrupted(decoded.error.errors[0].detail)
        envelopes.append(decoded.value.recorded.envelope)
    return envelopes


def _record(entry: Entry) -> OutcomeRecord:
    assert entry.outcome is not None
    meta = CommandMeta(
        command_id=entry.command_id,
        actor=SYSTEM,
        correlation_id=entry.correlation_id,
        causation_id=entry.command_id,
        occurred_at=entry.recorded_at,
        recorded_at=entry.recorded_at,
    )
    return OutcomeRecord(
        fingerprint=entry.fingerprint, outcome=entry.outcome, meta=meta
    )
