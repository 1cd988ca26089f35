"""What the example server works on when its store is Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from examples.server.kafka import KafkaNotReady, on_kafka
from examples.server.parsing import KafkaStore, SqliteStore
from examples.server.settings import Settings
from healthpay_core import NO_LIMITS, SystemClock
from healthpay_http import HealthCheck
from healthpay_kafka import (
    Decider,
    Processor,
    ProcessorSettings,
    Topics,
    TopicsRefused,
    check_topics,
    processor,
)
from tests.kafka.waiting import wait_until


def _checks(settings: Settings, store: KafkaStore) -> set[str]:
    """What is asked, once all of it is well."""

    async def ask() -> set[str]:
        async with on_kafka(settings, store, ()) as backend:
            # A busy broker may need more than the second that a check gives it.
            wait_until(lambda: _are_well(backend.checks), "all is well")
            return set(backend.checks)

    return asyncio.run(ask())


def _are_well(checks: Mapping[str, HealthCheck]) -> bool:
    return all(check() is None for check in checks.values())


def test_it_is_ready_when_broker_gateway_and_read_model_are(
    servers: str, made_topics: Topics, tmp_path: Path
) -> None:
    """H8: readiness asks the broker itself, and whoever works with it."""
    settings = Settings(read_model=SqliteStore(path=tmp_path / "read.db"))
    store = KafkaStore(servers=servers, topics=made_topics)
    assert _checks(settings, store) == {"broker", "gateway", "readModel"}


def test_it_does_not_start_without_topics(
    servers: str, topics: Topics, tmp_path: Path
) -> None:
    """H8: what is missing is said, with the command that makes it."""
    settings = Settings(read_model=SqliteStore(path=tmp_path / "read.db"))
    with pytest.raises(KafkaNotReady, match="healthpay-kafka topics create"):
        _checks(settings, KafkaStore(servers=servers, topics=topics))


def test_a_processor_looks_at_its_topics_as_it_will_use_them(
    servers: str, made_topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R1: with its own credentials; with wrong ones it is refused at once."""
    # Nobody wants to wait as long as for a broker that is far away.
    impatient = partial(check_topics, timeout_s=2.0)
    monkeypatch.setattr(processor, "check_topics", impatient)
    settings = ProcessorSettings(
        bootstrap_servers=servers,
        topics=made_topics,
        instance_id="one",
        client={"security.protocol": "ssl"},
    )
    with pytest.raises(TopicsRefused):
        Processor(settings, Decider(SystemClock(), NO_LIMITS)).run()
