"""The relay on a real broker: each stored event, in order, as it is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from confluent_kafka.admin import AdminClient

from healthpay_core import (
    CommandHandler,
    Ok,
    new_id,
)
from healthpay_core.testing.builders import (
    deposit,
    request,
)
from healthpay_kafka import (
    FileCheckpoint,
    Mark,
    Relay,
    Topics,
    create_topics,
)
from healthpay_sql import SqliteEventStore
from tests.kafka.reading import all_of, audit, read_events
from tests.kafka.relay_room import A, B, do, publish_all
from tests.kafka.waiting import wait_until
from tools.broker import Broker

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Counted:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.durations_s: list[float] = []

    def published(self, durations_s: Sequence[float]) -> None:
        self.durations_s += durations_s


def test_what_is_stored_is_published_once_as_it_is(
    relay_on: Callable[..., Relay],
    store: SqliteEventStore,
    broker: Broker,
    made_topics: Topics,
) -> None:
    """V7, B1, B2, B3: bytes, keys, partitions and headers are the store's own."""
    counted = Counted()
    publish_all(relay_on(store, observer=counted), store)
    found = read_events(broker.bootstrap_servers, made_topics)
    assert audit(store, found, made_topics) == 0
    assert {record.topic for record in found} == set(made_topics.events)
    assert len(counted.durations_s) == len(found)
    # Seconds: none of them took longer than all of this.
    oldest_s = time.time() - all_of(store)[0].envelope.meta.recorded_at / 1e6
    assert all(0 < duration < oldest_s for duration in counted.durations_s)


def test_causes_and_traces_travel_along(
    relay_on: Callable[..., Relay],
    store: SqliteEventStore,
    broker: Broker,
    made_topics: Topics,
) -> None:
    """B5, H5: the cause is the command's id where no event is; trace in a header."""
    handler = CommandHandler(store)
    command_id = new_id()
    handler.handle(
        replace(request(deposit(A, 5)), command_id=command_id, traceparent=TRACE)
    )
    publish_all(relay_on(store), store)
    found = read_events(broker.bootstrap_servers, made_topics)
    ours = [r for r in found if r.event.envelope.meta.command_id == command_id]
    assert ours
    for record in ours:
        assert record.headers["traceparent"] == TRACE.encode()
        assert record.event.envelope.meta.causation_id == command_id
    assert any("traceparent" not in record.headers for record in found)


def test_what_comes_is_published_when_it_is_stored(
    relay_on: Callable[..., Relay],
    store: SqliteEventStore,
    broker: Broker,
    made_topics: Topics,
) -> None:
    """V7: a relay follows; woken by the handler, it does not wait for its next look."""
    relay = relay_on(store)
    handler = CommandHandler(store, snapshots=store, observers=(relay,))
    with relay:
        wait_until(lambda: relay.fault is None, "it follows")
        for _ in range(50):
            handler.handle(request(deposit(A, 1)))
        last = all_of(store)[-1].position
        wait_until(lambda: relay.position == last, "it has caught up")
    found = read_events(broker.bootstrap_servers, made_topics)
    assert audit(store, found, made_topics) == 0


@pytest.mark.parametrize("lost", ["nothing", "file", "half", "old"])
def test_a_restart_goes_on_where_it_was(
    lost: str,
    relay_on: Callable[..., Relay],
    store: SqliteEventStore,
    broker: Broker,
    made_topics: Topics,
    checkpoint: FileCheckpoint,
) -> None:
    """V7: with the checkpoint or, where it is lost, by the ends of the topics."""
    publish_all(relay_on(store), store)
    mark = checkpoint.load()
    last = all_of(store)[-1]
    assert mark == Mark(position=last.position, event_id=last.envelope.event_id)
    match lost:
        case "file":
            checkpoint.path.unlink()
        case "half":
            checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:-9])
        case "old":
            first = all_of(store)[1]
            old = Mark(position=first.position, event_id=first.envelope.event_id)
            checkpoint.save(old)
    do(store, deposit(A, 1), deposit(B, 2))
    publish_all(relay_on(store), store)
    found = read_events(broker.bootstrap_servers, made_topics)
    assert audit(store, found, made_topics) == 0


@pytest.mark.parametrize("lost", ["everything", "transfers", "wallets"])
def test_what_topics_lost_they_get_again(
    lost: str,
    relay_on: Callable[..., Relay],
    store: SqliteEventStore,
    broker: Broker,
    made_topics: Topics,
) -> None:
    """V7: a checkpoint that any one of the topics does not bear out is not believed."""
    publish_all(relay_on(store), store)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    names = {
        "everything": [spec.name for spec in made_topics.specs()],
        "transfers": [made_topics.events_transfer],
        "wallets": [made_topics.events_wallet],
    }[lost]
    for future in admin.delete_topics(names).values():
        future.result(15)
    wait_until(
        lambda: not set(names) & admin.list_topics(timeout=5).topics.keys(), "gone"
    )
    assert isinstance(create_topics(broker.bootstrap_servers, made_topics), Ok)
    publish_all(relay_on(store), store)
    found = read_events(broker.bootstrap_servers, made_topics)
    assert audit(store, found, made_topics) == 0
