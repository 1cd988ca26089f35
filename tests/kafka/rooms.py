"""Fixtures of tests on one node and on three; their conftests import them.

Who imports them says `servers`, `topics` and `patience_s`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from healthpay_core import Ok
from healthpay_core.ids import new_id
from healthpay_kafka import GatewaySettings, KafkaGateway, Topics, create_topics
from tests.kafka.fleet import Fleet


@pytest.fixture
def prefix() -> str:
    """What the names of this test's topics begin with."""
    return f"test-{new_id()[:13]}"


@pytest.fixture
def made_topics(servers: str, topics: Topics) -> Topics:
    """This test's topics, made."""
    made = create_topics(servers, topics)
    assert isinstance(made, Ok), made
    return topics


@pytest.fixture
def fleet(servers: str, made_topics: Topics, tmp_path: Path) -> Iterator[Fleet]:
    """Processors as processes, on this test's topics."""
    with Fleet(servers, made_topics, tmp_path) as processors:
        yield processors


@pytest.fixture
def gateway(
    servers: str, made_topics: Topics, patience_s: float
) -> Iterator[KafkaGateway]:
    """A gateway whose callers are impatient."""
    settings = GatewaySettings(
        bootstrap_servers=servers, topics=made_topics, timeout_s=patience_s
    )
    with KafkaGateway(settings) as opened:
        yield opened
