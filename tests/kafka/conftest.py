"""A real broker for the whole session, and topics of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from healthpay_core import InMemoryEventStore, Ok
from healthpay_core.testing.builders import (
    card_id,
    funded,
    issued,
    opened,
    payment,
    transfer,
)
from healthpay_kafka import FileCheckpoint, Relay, Topics, create_topics
from healthpay_sql import SqliteEventStore
from tests.kafka.relay_room import A, B, do
from tests.kafka.rooms import fleet, gateway, made_topics, prefix
from tools.broker import Broker

__all__ = ["fleet", "gateway", "made_topics", "prefix"]


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """One Apache Kafka of one node; the run fails when there is none."""
    with Broker() as running:
        yield running


@pytest.fixture(scope="session")
def servers(broker: Broker) -> str:
    """Where it is found."""
    return broker.bootstrap_servers


@pytest.fixture(scope="session")
def patience_s() -> float:
    """How long a caller waits."""
    return 1.0


@pytest.fixture
def topics(prefix: str) -> Topics:
    """This test's topics, few partitions of one copy; nobody has made them yet."""
    return Topics(
        prefix=prefix, partitions=3, reply_partitions=4, replication=1, min_insync=1
    )


@pytest.fixture
def make_topics(broker: Broker, prefix: str) -> Callable[[int], Topics]:
    """Makes this test's topics with another number of partitions."""

    def make(partitions: int) -> Topics:
        topics = Topics(
            prefix=prefix, partitions=partitions, replication=1, min_insync=1
        )
        assert isinstance(create_topics(broker.bootstrap_servers, topics), Ok)
        return topics

    return make


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a proof is repeated: `--rounds`."""
    chosen = request.config.getoption("--rounds")
    assert isinstance(chosen, int)
    return chosen


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test's store is."""
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteEventStore]:
    """A store with events of every kind of aggregate."""
    with SqliteEventStore(path) as opened_store:
        do(
            opened_store,
            *funded(A, 50_000),
            *opened(B, wallet_type="merchant"),
            transfer(A, B, 700, name="t"),
            *issued(card_id("c"), A),
            payment(A, B, 900, card=card_id("c")),
        )
        yield opened_store


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
