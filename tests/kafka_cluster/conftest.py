"""Three real nodes for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from healthpay_kafka import Topics
from tests.kafka.rooms import fleet, gateway, made_topics, prefix
from tools.broker import Broker

__all__ = ["fleet", "gateway", "made_topics", "prefix"]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Broker]:
    """Replication 3, two copies in sync at least; the run fails when there is none."""
    with Broker(3) as running:
        yield running


@pytest.fixture(scope="session")
def servers(cluster: Broker) -> str:
    """Where the nodes are found."""
    return cluster.bootstrap_servers


@pytest.fixture
def topics(prefix: str) -> Topics:
    """This test's topics, with the specification's copies; nobody has made them."""
    return Topics(prefix=prefix, partitions=3, reply_partitions=4)


@pytest.fixture(scope="session")
def patience_s() -> float:
    """How long a caller waits."""
    return 2.0
