"""The relay where something is wrong: it waits, says so, and goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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
    Err,
    Ok,
    RecordedEvent,
    StoreFault,
    new_id,
)
from healthpay_core.testing.builders import (
    deposit,
    funded,
    opened,
    wallet_id,
)
from healthpay_kafka import (
    BrokerUnavailable,
    FileCheckpoint,
    Relay,
    StoreDiffers,
    Topics,
    UnsafeTopics,
    create_topics,
)
from healthpay_sql import SqliteEventStore
from tests.kafka.reading import all_of, audit, read_events
from tests.kafka.relay_room import A, B, do, publish_all
from tests.kafka.waiting import wait_until
from tools.broker import Broker


def _refusal(relay: Relay) -> object:
    prepared = relay.prepare()
    assert isinstance(prepared, Err)
    said = str(prepared.error)
    if isinstance(prepared.error, BrokerUnavailable):
        # Refused or out of time: that may be another thing each time.
        said = "the broker: "
    with relay:
        wait_until(lambda: (relay.fault or "").startswith(said), "it says why it waits")
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
    publish_all(relay_on(store), store)
    if knows == "topics":
        checkpoint.path.unlink()
    with SqliteEventStore(tmp_path / "other.db") as other:
        do(other, *funded(A, 1_000), *funded(B, 1_000), *opened(wallet_id("c")))
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
        do(again, deposit(A, 5))
        publish_all(relay_on(again), again)
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
        do(store, deposit(A, 3))
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
    publish_all(relay_on(store), store)
    do(store, deposit(A, 1))
    publish_all(relay_on(store), store)
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
    asked = ConfigResource(ResourceType.TOPIC, name)

    def is_known() -> bool:
        (answer,) = admin.describe_configs([asked]).values()
        return str(answer.result(15)["max.message.bytes"].value) == str(max_bytes)

    # The broker is told a little later than it answers.
    wait_until(is_known, "the new limit")


def test_an_event_that_is_refused_is_never_overtaken(
    relay_on: Callable[..., Relay],
    store: SqliteEventStore,
    broker: Broker,
    made_topics: Topics,
) -> None:
    """V7: the relay waits at what the broker refuses, for as long as it does."""
    publish_all(relay_on(store), store)
    _limit(broker, made_topics.events_wallet, 3_000)
    noise = "".join(new_id() for _ in range(200))
    do(store, deposit(A, 1), deposit(A, 2, reference=noise), deposit(A, 3))
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
