"""Who starts ended processors again does so for one reason only."""

from __future__ import annotations

import pytest

from healthpay_core import Committed
from healthpay_core.testing import funded, request, wallet_id
from healthpay_kafka.gateway import KafkaGateway
from tests.kafka.fleet import Fleet, Supervised
from tests.kafka.traffic import Traffic
from tests.kafka.waiting import wait_until


def test_a_processor_that_is_fenced_is_started_again(
    fleet: Fleet, gateway: KafkaGateway
) -> None:
    """R1, R5: another took its name; it comes back under it, and goes on."""
    processor, crowd = Supervised(fleet), Traffic(gateway, seed=0, clients=0)
    first, second, _ = funded(wallet_id("a"), 1)
    assert isinstance(crowd.insist(request(first)), Committed)
    other = fleet.start("one")
    wait_until(lambda: processor.restarts == 1, "it has come back")
    assert other.wait_until_dead()
    assert isinstance(crowd.insist(request(second)), Committed)
    processor.stop()


def test_any_other_end_is_a_failure(fleet: Fleet) -> None:
    """R5: a processor that was killed is not brought back in secret."""
    processor = Supervised(fleet)
    processor.member.wait_for("restored", fleet.topics.partitions)
    processor.member.kill()
    with pytest.raises(AssertionError, match="without a word"):
        processor.stop()
    assert processor.restarts == 0
