"""Processors that were thought dead, and are not."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from healthpay_core import Committed, Unknown
from healthpay_core.testing import deposit, funded, request, wallet_id
from healthpay_kafka import reader_config, transactional_config
from healthpay_kafka.gateway import KafkaGateway
from healthpay_kafka.partitions import partition_of
from tests.kafka.audit import audit
from tests.kafka.fleet import Fleet
from tests.kafka.traffic import Traffic

A = wallet_id("a")
LONG_MS = 600_000


def test_an_open_transaction_is_hidden_and_ended_at_take_over(
    fleet: Fleet, gateway: KafkaGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    """R1: who takes over ends what was left open, long before its time is over."""
    topics, number = fleet.topics, partition_of(A, fleet.topics.partitions)
    member = fleet.start()
    traffic = Traffic(gateway, seed=1, clients=0)
    for number_, command in enumerate(funded(A, 10)):
        traffic.insist(request(command, f"open/{number_}"))
    member.stop()
    name = f"{topics.commands}.{number}"
    config = transactional_config(fleet.servers, name)
    left_open = Producer({**config, "transaction.timeout.ms": LONG_MS})
    left_open.init_transactions(30)
    left_open.begin_transaction()
    left_open.produce(topics.journal, b"not an entry", partition=number)
    left_open.flush(30)
    hidden, shown = (
        _last(fleet, number, "read_committed"),
        _last(fleet, number, "read_uncommitted"),
    )
    assert shown == b"not an entry"
    assert hidden != shown
    began = time.monotonic()
    member = fleet.start()
    outcome = traffic.insist(request(deposit(A, 1)))
    took_s = time.monotonic() - began
    assert isinstance(outcome, Committed)
    assert _last(fleet, number, "read_committed") != b"not an entry"
    with pytest.raises(KafkaException, match=r"fenced"):
        left_open.commit_transaction(30)
    member.stop()
    audit(fleet.servers, topics, at_rest=True)
    restored = [r["took_s"] for r in member.reports("restored")]
    with capsys.disabled():
        print(
            f"\nan open transaction ended at take-over: {took_s:.2f} s from the start"
            f" of a processor to its first answer, restore {max(restored):.2f} s"
        )


def _last(fleet: Fleet, number: int, isolation: str) -> bytes:
    """The last record of a journal's partition, as such a reader sees it."""
    config = {
        **reader_config(fleet.servers),
        "isolation.level": isolation,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
    }
    value = b""
    with Consumer(config) as consumer:
        consumer.assign([TopicPartition(fleet.topics.journal, number, 0)])
        while True:
            message = consumer.poll(60)
            assert message is not None
            if message.error() is not None:
                return value
            value = message.value() or b""


@pytest.mark.parametrize("step", ["commit", "produce"])
def test_a_zombie_is_refused(
    fleet: Fleet, gateway: KafkaGateway, step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """R1, R5: stopped beyond its session, then let go on: it writes nothing more."""
    traffic = Traffic(gateway, seed=len(step), clients=4)
    member = fleet.start()
    traffic.open()
    member.stop()
    zombie = fleet.start("one", die_at=step, die_after=12, only_stop=True)
    traffic.start()
    stopped = zombie.wait_for("dies")
    other = fleet.start("two")
    taken = other.wait_for("restored", fleet.topics.partitions)
    time.sleep(0.5)
    zombie.resume()
    zombie.wait_for("lost")
    time.sleep(1.0)
    traffic.rest()
    other.stop()
    zombie.kill()
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    books.check_outcomes(traffic.outcomes)
    lost = {r["reason"] for r in zombie.reports("lost")}
    with capsys.disabled():
        print(
            f"\nzombie stopped at {step}: its partitions were another's after"
            f" {taken['at'] - stopped['at']:.1f} s; it was told {sorted(lost)}"
        )


def test_of_two_with_one_name_the_older_ends(
    fleet: Fleet, gateway: KafkaGateway
) -> None:
    """R1: an instance id belongs to one process; the newer has it, and goes on."""
    traffic = Traffic(gateway, seed=3, clients=3)
    older = fleet.start("one")
    traffic.open()
    traffic.start()
    newer = fleet.start("one")
    assert older.wait_until_dead()
    assert older.exit_code == 3
    (ended,) = older.reports("ended")
    assert "fenced by other consumer" in ended["reason"]
    traffic.rest()
    newer.stop()
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    books.check_outcomes(traffic.outcomes)


def test_nobody_answers_while_nobody_decides(
    fleet: Fleet, gateway: KafkaGateway
) -> None:
    """R5: a caller without an answer is told so, and finds it later under its id."""
    asked = [request(command) for command in funded(A, 5)]
    assert isinstance(gateway.execute(asked[0]), Unknown)
    member = fleet.start()
    traffic = Traffic(gateway, seed=0, clients=0)
    first = [traffic.insist(one) for one in asked]
    assert all(isinstance(outcome, Committed) for outcome in first)
    member.stop()
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    assert books.balances[A] == 5
