"""A partition that is restored, while the others of its processor go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException

from healthpay_core import NO_LIMITS, Committed, SystemClock, Unknown
from healthpay_core.testing import create, deposit, funded, request, wallet_id
from healthpay_kafka import Decider, Processor, ProcessorSettings, Topics
from healthpay_kafka.gateway import KafkaGateway
from healthpay_kafka.partitions import partition_of
from tests.kafka.audit import audit
from tests.kafka.traffic import Traffic
from tests.kafka.waiting import wait_until


class _Restoring:
    """A processor, of which one partition can be kept from being restored."""

    def __init__(self, servers: str, topics: Topics) -> None:
        self.may_restore = threading.Event()
        self.fails = False
        settings = ProcessorSettings(
            bootstrap_servers=servers, topics=topics, instance_id="one"
        )
        decider = Decider(SystemClock(), NO_LIMITS)
        self.processor = Processor(settings, decider, probe=self._probe)

    def _probe(self, step: str) -> None:
        if not threading.current_thread().name.endswith("-0"):
            return
        if step == "restore":
            assert self.may_restore.wait(60)
        if step == "commit" and self.fails:
            self.fails = False
            raise KafkaException(KafkaError(KafkaError._FAIL, "planted"))


@pytest.fixture
def restoring(servers: str, made_topics: Topics) -> Iterator[_Restoring]:
    """It runs until the end of the test."""
    made = _Restoring(servers, made_topics)
    thread = threading.Thread(target=made.processor.run)
    thread.start()
    yield made
    made.may_restore.set()
    made.processor.stop()
    thread.join(60)
    assert not thread.is_alive()


def _in(number: int, topics: Topics) -> str:
    """A wallet of a partition."""
    names = map(wallet_id, "abcdefghijklmnopqrstuvwxyz")
    return next(w for w in names if partition_of(w, topics.partitions) == number)


def test_others_are_served_while_one_is_restored(
    restoring: _Restoring, gateway: KafkaGateway, servers: str, made_topics: Topics
) -> None:
    """R1: at the start, and when one partition alone is taken over again."""
    here, there = _in(0, made_topics), _in(1, made_topics)
    traffic = Traffic(gateway, seed=1, clients=0)
    for command in funded(there, 10):
        assert isinstance(traffic.insist(request(command)), Committed)
    assert not restoring.processor.serving.is_set()
    asked = request(create(here))
    assert isinstance(gateway.execute(asked), Unknown)
    restoring.may_restore.set()
    assert isinstance(traffic.insist(asked), Committed)
    assert restoring.processor.serving.wait(60)
    for command in funded(here, 10)[1:]:
        assert isinstance(traffic.insist(request(command)), Committed)

    restoring.may_restore.clear()
    restoring.fails = True
    asked = request(deposit(here, 1))
    assert isinstance(gateway.execute(asked), Unknown)
    wait_until(lambda: not restoring.fails, "its transaction to fail")
    for _ in range(3):
        assert isinstance(traffic.insist(request(deposit(there, 1))), Committed)
    assert isinstance(gateway.execute(asked), Unknown)
    restoring.may_restore.set()
    assert isinstance(traffic.insist(asked), Committed)
    audit(servers, made_topics, at_rest=True).check_outcomes(traffic.outcomes)
