"""The log on a real broker: what is read, and what stops a projection."""

from __future__ import annotations

import psycopg
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from psycopg import Connection

from examples.projection.following import event_log
from examples.projection.settings import Settings
from examples.projection.views import PostgresViews
from healthpay_core import RecordedEvent
from healthpay_kafka import Topics, partition_of, transactional_config
from healthpay_kafka.projection import (
    KafkaEventLog,
    LogLost,
    Partition,
    Projection,
    Projector,
    decode_event,
)
from healthpay_wire.cloudevents import encode_binary, encode_structured
from tests.kafka.projection.histories import History
from tests.kafka.projection.rows import rows_of
from tests.kafka.projection.stage import Publisher, following, rows_in
from tools.broker import Broker

CUT_OFF = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND usename = current_user
"""


def send(producer: Producer, topics: Topics, events: list[RecordedEvent]) -> None:
    """Produce in the transaction that is open."""
    for event in events:
        key = event.envelope.aggregate_id
        number = partition_of(key, topics.partitions)
        producer.produce(
            topics.events_wallet, encode_structured(event), key=key, partition=number
        )
    producer.flush(30)


def test_only_committed_records_are_read(
    settings: Settings, broker: Broker, made_topics: Topics, connection: Connection
) -> None:
    """What a transaction aborted is never seen; the end is reached all the same."""
    history = History(2)
    first, second = [*history.go_on(10)], [*history.go_on(10)]
    servers = broker.bootstrap_servers
    config = transactional_config(servers, made_topics.prefix)
    # It stays open while a projection is started.
    producer = Producer({**config, "transaction.timeout.ms": 120_000})
    producer.init_transactions(30)
    producer.begin_transaction()
    send(producer, made_topics, first)
    producer.abort_transaction(30)
    producer.begin_transaction()
    send(producer, made_topics, [*first, *second])
    with following(settings) as follower:
        for _ in range(5):
            assert follower.projection.step(0.1) == 0
        producer.commit_transaction(30)
        follower.catch_up()
        # The mark of the commit may be written after the answer to it.
        while follower.projection.lag().records:
            follower.catch_up()
    assert rows_in(connection, settings.view) == rows_of([*first, *second])


def test_binary_mode_is_read_too(
    settings: Settings, broker: Broker, made_topics: Topics, connection: Connection
) -> None:
    """The content type of each record tells the mode (B1, B4)."""
    events = History(3).go_on(20)
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    for event in events:
        headers, value = encode_binary(event)
        key = event.envelope.aggregate_id
        producer.produce(
            made_topics.events_wallet,
            value,
            key=key,
            partition=partition_of(key, made_topics.partitions),
            headers=[*headers],
        )
    producer.flush(30)
    with following(settings) as follower:
        follower.catch_up()
        assert not follower.alarms
    assert rows_in(connection, settings.view) == rows_of(events)


def test_a_start_takes_up_the_offsets_of_the_view(
    settings: Settings, broker: Broker, made_topics: Topics, connection: Connection
) -> None:
    """Nothing is read twice over a restart, and no group's offset is asked (R3)."""
    history, publisher = History(4), Publisher(broker.bootstrap_servers, made_topics)
    events = [*history.go_on(20)]
    publisher.send(events)
    with following(settings) as follower:
        follower.catch_up()
        kept = follower.log.positions()
    more = history.go_on(5)
    publisher.send(more)
    with following(settings) as follower:
        read = 0
        while follower.projection.lag().records:
            read += follower.projection.step(0.1)
        assert read == len(more)
        assert all(follower.log.positions()[p] >= n for p, n in kept.items())
    assert rows_in(connection, settings.view) == rows_of([*events, *more])


def test_a_place_that_is_gone_stops_it(
    settings: Settings, broker: Broker, made_topics: Topics
) -> None:
    """Records that were deleted are never skipped in silence (R3)."""
    history, publisher = History(4), Publisher(broker.bootstrap_servers, made_topics)
    publisher.send(history.go_on(5))
    with following(settings) as follower:
        follower.catch_up()
        ends = follower.log.ends()
    publisher.send(history.go_on(30))
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    with event_log(settings) as log:
        grown = {p: end for p, end in log.ends().items() if end > ends[p]}
    gone = [TopicPartition(*place, end) for place, end in grown.items()]
    for future in admin.delete_records(gone).values():
        future.result(15)
    with following(settings) as follower, pytest.raises(LogLost):
        follower.catch_up()


def test_another_log_is_refused(
    settings: Settings, broker: Broker, made_topics: Topics, connection: Connection
) -> None:
    """A view that is ahead of the log, or of a log that is not there, stays (R3)."""
    view = PostgresViews(connection, settings.view).live
    view.progress()
    with view.transaction() as transaction:
        transaction.advance({Partition(made_topics.events_wallet, 0): 7})
    with event_log(settings) as log:
        projection = Projection(log, Projector(view, decode_event, lambda _: None))
        with pytest.raises(LogLost, match=r"is at 7, the log ends at 0"):
            projection.start()
    servers = broker.bootstrap_servers
    with KafkaEventLog(servers, ["no-such-topic"]) as log, pytest.raises(LogLost):
        log.ends()


def test_a_database_that_is_away_is_a_fault_not_a_loss(
    settings: Settings, broker: Broker, made_topics: Topics, connection: Connection
) -> None:
    """A broken connection raises psycopg's own error, and nothing was stored (R3)."""
    events = History(6).go_on(20)
    Publisher(broker.bootstrap_servers, made_topics).send(events)
    with following(settings) as follower:
        connection.execute(CUT_OFF)
        with pytest.raises(psycopg.OperationalError):
            follower.catch_up()
    with following(settings) as follower:
        follower.catch_up()
    assert rows_in(connection, settings.view) == rows_of(events)
