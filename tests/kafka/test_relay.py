"""The relay on a real broker: each stored event, in order, as it is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from healthpay_core import (
    CommandHandler,
    Err,
    InMemoryEventStore,
    Ok,
    RecordedEvent,
    StoreFault,
    new_id,
)
from healthpay_core.testing.builders import (
    card_id,
    deposit,
    funded,
    issued,
    opened,
    payment,
    request,
    transfer,
    wallet_id,
)
from healthpay_kafka import (
    BrokerUnavailable,
    FileCheckpoint,
    Mark,
    Relay,
    StoreDiffers,
    Topics,
    UnsafeTopics,
    create_topics,
)
from healthpay_sql import SqliteEventStore
from tests.kafka.reading import all_of, audit, read_events
from tests.kafka.waiting import wait_until
from tools.broker import Broker

A, B = wallet_id("a"), wallet_id("b")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test's store is."""
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteEventStore]:
    """A store with events of every kind of aggregate."""
    with SqliteEventStore(path) as opened_store:
        _do(
            opened_store,
            *funded(A, 50_000),
            *opened(B, wallet_type="merchant"),
            transfer(A, B, 700, name="t"),
            *issued(card_id("c"), A),
            payment(A, B, 900, card=card_id("c")),
        )
        yield opened_store


def _do(store: SqliteEventStore, *commands: object) -> None:
    handler = CommandHandler(store, snapshots=store)
    for command in commands:
        handler.handle(request(command))  # type: ignore[arg-type]


@pytest.fixture
def checkpoint(tmp_path: Path) -> FileCheckpoint:
    """A checkpoint that nobody has saved yet."""
    return FileCheckpoint(tmp_path / "relay.checkpoint")


@pytest.fixture
def relay_on(
    broker: Broker, made_topics: Topics, checkpoint: FileCheckpoint
) -> Callable[..., Relay]:
    """Makes a relay of a store to this test's topics."""

    def make(store: SqliteEventStore | InMemoryEventStore, **more: object) -> Relay:
        return Relay(
            store,
            broker.bootstrap_servers,
            topics=made_topics,
            checkpoint=checkpoint,
            **more,  # type: ignore[arg-type]
        )

    return make


def _publish_all(relay: Relay, store: SqliteEventStore) -> None:
    last = all_of(store)[-1].position
    with relay:
        wait_until(lambda: relay.position == last, "everything is published")
        assert relay.fault is None
        assert relay.lag_s() == 0
        assert relay.health(max_lag_s=0) is None
        assert relay.drain(timeout_s=0)


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
    _publish_all(relay_on(store, observer=counted), store)
    found = read_events(broker.bootstrap_servers, made_topics)
    assert audit(store, found, made_topics) == 0
    assert {record.topic for record in found} == set(made_topics.events)
    assert len(counted.durations_s) == len(found)
    assert all(0 < duration < 60 for duration in counted.durations_s)


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
    _publish_all(relay_on(store), store)
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
    _publish_all(relay_on(store), store)
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
    _do(store, deposit(A, 1), deposit(B, 2))
    _publish_all(relay_on(store), store)
    found = read_events(broker.bootstrap_servers, made_topics)
    assert audit(store, found, made_topics) == 0


def test_topics_that_lost_everything_get_it_again(
    relay_on: Callable[..., Relay],
    store: SqliteEventStore,
    broker: Broker,
    made_topics: Topics,
) -> None:
    """V7: a checkpoint that the topics do not bear out is not believed."""
    _publish_all(relay_on(store), store)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    names = [spec.name for spec in made_topics.specs()]
    for future in admin.delete_topics(names).values():
        future.result(15)
    wait_until(
        lambda: not set(names) & admin.list_topics(timeout=5).topics.keys(), "gone"
    )
    assert isinstance(create_topics(broker.bootstrap_servers, made_topics), Ok)
    _publish_all(relay_on(store), store)
    found = read_events(broker.bootstrap_servers, made_topics)
    assert audit(store, found, made_topics) == 0


def _refusal(relay: Relay) -> object:
    prepared = relay.prepare()
    assert isinstance(prepared, Err)
    with relay:
        wait_until(lambda: relay.fault == str(prepared.error), "it says why it waits")
        assert relay.position == 0
    return prepared.error


@pytest.mark.parametrize("knows", ["topics", "checkpoint"])
def test_another_store_is_refused(
    knows: str,
    relay_on: Callable[..., Relay],
    store: SqliteEventStore,
    checkpoint: FileCheckpoint,
    tmp_path: Path,
) -> None:
    """V7: the topics of one store never get the events of another."""
    _publish_all(relay_on(store), store)
    if knows == "topics":
        checkpoint.path.unlink()
    with SqliteEventStore(tmp_path / "other.db") as other:
        _do(other, *funded(A, 1_000), *funded(B, 1_000), *opened(wallet_id("c")))
        assert isinstance(_refusal(relay_on(other)), StoreDiffers)


def test_an_older_copy_of_the_store_is_refused(
    relay_on: Callable[..., Relay],
    store: SqliteEventStore,
    path: Path,
    tmp_path: Path,
    checkpoint: FileCheckpoint,
) -> None:
    """V7: after a restore that lost published events nothing is published over them."""
    store.close()
    backup = tmp_path / "backup.db"
    copyfile(path, backup)
    with SqliteEventStore(path) as again:
        _do(again, deposit(A, 5))
        _publish_all(relay_on(again), again)
    with SqliteEventStore(backup) as older:
        assert isinstance(_refusal(relay_on(older)), StoreDiffers)
        checkpoint.path.unlink()
        assert isinstance(_refusal(relay_on(older)), StoreDiffers)


def test_unsafe_topics_are_refused(
    broker: Broker, store: SqliteEventStore, topics: Topics, checkpoint: FileCheckpoint
) -> None:
    """Nothing is published to topics that could lose it; once they are made, all is."""
    relay = Relay(store, broker.bootstrap_servers, topics=topics, checkpoint=checkpoint)
    refused = _refusal(relay)
    assert isinstance(refused, UnsafeTopics)
    relay = Relay(store, broker.bootstrap_servers, topics=topics, checkpoint=checkpoint)
    with relay:
        wait_until(lambda: relay.fault == str(refused), "it says why it waits")
        assert isinstance(create_topics(broker.bootstrap_servers, topics), Ok)
        wait_until(lambda: relay.fault is None, "it goes on by itself")
        wait_until(lambda: relay.lag_s() == 0, "and publishes")
    found = read_events(broker.bootstrap_servers, topics)
    assert audit(store, found, topics) == 0


def test_no_broker_is_said(
    store: SqliteEventStore,
    topics: Topics,
    checkpoint: FileCheckpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """H8: without a broker the relay waits, says so, and its lag grows."""
    monkeypatch.setattr("healthpay_kafka.relay._ANSWER_S", 0.3)
    relay = Relay(store, "127.0.0.1:9", topics=topics, checkpoint=checkpoint)
    assert isinstance(_refusal(relay), BrokerUnavailable)
    before = relay.lag_s()
    time.sleep(0.05)
    assert relay.lag_s() > before > 0
    assert "s old; the broker: " in (relay.health(max_lag_s=3600) or "")
    assert not relay.drain(timeout_s=60)
    assert checkpoint.load() is None


class Failing:
    """A feed that cannot be read for a while."""

    def __init__(self, store: SqliteEventStore) -> None:
        self._store = store
        self.fault: Exception | None = None

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        if self.fault is not None:
            raise self.fault
        return self._store.feed(after, limit)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (StoreFault("the disk is gone"), "the disk is gone"),
        (RuntimeError("secret"), "failed: RuntimeError"),
    ],
)
def test_a_store_that_fails_is_waited_for(
    fault: Exception,
    said: str,
    relay_on: Callable[..., Relay],
    store: SqliteEventStore,
    broker: Broker,
    made_topics: Topics,
) -> None:
    """H8, E5: the relay says so, without the text of a defect, and then goes on."""
    feed = Failing(store)
    relay = relay_on(feed)
    with relay:
        wait_until(lambda: relay.lag_s() == 0, "it has caught up")
        feed.fault = fault
        wait_until(lambda: said in (relay.fault or ""), "it says what is wrong")
        _do(store, deposit(A, 3))
        feed.fault = None
        wait_until(lambda: relay.fault is None, "it goes on")
        wait_until(lambda: relay.lag_s() == 0, "it has caught up again")
    found = read_events(broker.bootstrap_servers, made_topics)
    assert audit(store, found, made_topics) == 0


def test_a_checkpoint_that_cannot_be_saved_stops_nothing(
    relay_on: Callable[..., Relay],
    store: SqliteEventStore,
    broker: Broker,
    made_topics: Topics,
    checkpoint: FileCheckpoint,
) -> None:
    """V7: it is a hint, so a full disk costs a restart time, and no event."""
    checkpoint.path.mkdir()
    _publish_all(relay_on(store), store)
    _do(store, deposit(A, 1))
    _publish_all(relay_on(store), store)
    found = read_events(broker.bootstrap_servers, made_topics)
    assert audit(store, found, made_topics) == 0


def _limit(broker: Broker, name: str, max_bytes: int) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    entry = ConfigEntry(
        "max.message.bytes",
        str(max_bytes),
        incremental_operation=AlterConfigOpType.SET,
    )
    wanted = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([wanted]).values():
        future.result(15)


def test_an_event_that_is_refused_is_never_overtaken(
    relay_on: Callable[..., Relay],
    store: SqliteEventStore,
    broker: Broker,
    made_topics: Topics,
) -> None:
    """V7: the relay waits at what the broker refuses, for as long as it does."""
    _publish_all(relay_on(store), store)
    _limit(broker, made_topics.events_wallet, 3_000)
    noise = "".join(new_id() for _ in range(200))
    _do(store, deposit(A, 1), deposit(A, 2, reference=noise), deposit(A, 3))
    refused = all_of(store)[-2].envelope
    # Each event in a batch of its own: else the refusal would be of all three.
    relay = relay_on(store, more={"batch.num.messages": 1})
    with relay:
        wait_until(lambda: "size too large" in (relay.fault or ""), "it says why")
        found = read_events(broker.bootstrap_servers, made_topics)
        versions = [r.event.envelope.sequence for r in found if r.key == A.encode()]
        assert max(versions) == refused.sequence - 1
        _limit(broker, made_topics.events_wallet, 1_000_000)
        wait_until(lambda: relay.fault is None, "it goes on by itself")
        wait_until(lambda: relay.lag_s() == 0, "it has caught up")
    found = read_events(broker.bootstrap_servers, made_topics)
    audit(store, found, made_topics)
