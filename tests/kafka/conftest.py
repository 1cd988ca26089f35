"""A real broker for the whole session, and topics of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from healthpay_core import Ok
from healthpay_core.ids import new_id
from healthpay_kafka import Topics, create_topics
from healthpay_kafka.gateway import GatewaySettings, KafkaGateway
from tests.kafka.fleet import Fleet
from tools.broker import Broker


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """One Apache Kafka of one node; the run fails when there is none."""
    with Broker() as running:
        yield running


@pytest.fixture
def prefix() -> str:
    """What the names of this test's topics begin with."""
    return f"test-{new_id()[:13]}"


@pytest.fixture
def topics(prefix: str) -> Topics:
    """This test's topics, few partitions of one copy; nobody has made them yet."""
    return Topics(
        prefix=prefix, partitions=3, reply_partitions=4, replication=1, min_insync=1
    )


@pytest.fixture
def made_topics(broker: Broker, topics: Topics) -> Topics:
    """The same, made on the broker."""
    assert isinstance(create_topics(broker.bootstrap_servers, topics), Ok)
    return topics


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
def fleet(broker: Broker, made_topics: Topics, tmp_path: Path) -> Iterator[Fleet]:
    """Processors as processes, on this test's topics."""
    with Fleet(broker.bootstrap_servers, made_topics, tmp_path) as processors:
        yield processors


@pytest.fixture
def gateway(broker: Broker, made_topics: Topics) -> Iterator[KafkaGateway]:
    """A gateway whose callers are impatient."""
    settings = GatewaySettings(
        bootstrap_servers=broker.bootstrap_servers, topics=made_topics, timeout_s=1.0
    )
    with KafkaGateway(settings) as opened:
        yield opened


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a proof is repeated: `--rounds`."""
    chosen = request.config.getoption("--rounds")
    assert isinstance(chosen, int)
    return chosen
