"""Three real nodes for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from healthpay_core import Ok
from healthpay_core.ids import new_id
from healthpay_kafka import Topics, create_topics
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
