"""Three real nodes for the whole session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from healthpay_core import Ok
from healthpay_core.ids import new_id
from healthpay_kafka import Topics, create_topics
from healthpay_kafka.gateway import GatewaySettings, KafkaGateway
from tests.kafka.fleet import Fleet
from tools.broker import Broker


@pytest.fixture(scope="session")
def cluster() -> Iterator[Broker]:
    """Replication 3, two copies in sync at least; the run fails when there is none."""
    with Broker(3) as running:
        yield running


@pytest.fixture
def topics(cluster: Broker) -> Topics:
    """This test's topics, with the copies of the specification, made."""
    topics = Topics(prefix=f"test-{new_id()[:13]}", partitions=3, reply_partitions=4)
    made = create_topics(cluster.bootstrap_servers, topics)
    assert isinstance(made, Ok), made
    return topics


@pytest.fixture
def fleet(cluster: Broker, topics: Topics, tmp_path: Path) -> Iterator[Fleet]:
    """Processors as processes, on this test's topics."""
    with Fleet(cluster.bootstrap_servers, topics, tmp_path) as processors:
        yield processors


@pytest.fixture
def gateway(cluster: Broker, topics: Topics) -> Iterator[KafkaGateway]:
    """A gateway whose callers are impatient."""
    settings = GatewaySettings(
        bootstrap_servers=cluster.bootstrap_servers, topics=topics, timeout_s=2.0
    )
    with KafkaGateway(settings) as opened:
        yield opened
