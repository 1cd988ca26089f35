"""Torn transactions on a real broker: a part is committed, and then it dies."""

from __future__ import annotations

from random import Random

import pytest

from healthpay_kafka.gateway import KafkaGateway
from tests.kafka.audit import audit
from tests.kafka.fleet import Fleet
from tests.kafka.traffic import Traffic

TEARS = 8


def test_torn_transactions_are_harmless(
    fleet: Fleet,
    gateway: KafkaGateway,
    rounds: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """R2-R5, T5, T6: whatever part was written, it is done once, and whole."""
    traffic = Traffic(gateway, seed=100 + rounds, clients=10)
    member = fleet.start()
    traffic.open()
    traffic.start()
    member.kill()
    draw = Random(rounds)
    for number in range(TEARS * rounds):
        member = fleet.start(
            tear=draw.randint(1, 25),
            seed=number,
            checkpoint_every=8,
            max_batch=draw.choice((3, 20, 200)),
        )
        assert member.wait_until_dead(), member.reports()
        assert member.exit_code == -9
    member = fleet.start()
    traffic.rest()
    member.stop()
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    books.check_outcomes(traffic.outcomes)
    torn = list(fleet.reports("dies"))
    kept = sum(r["kept"] for r in torn)
    # Else nothing was proved: something was written, something was lost.
    assert len(torn) == TEARS * rounds
    assert all(0 < r["kept"] < r["of"] for r in torn)
    assert not list(fleet.reports("unexpected"))
    with capsys.disabled():
        print(
            f"\n{len(torn)} transactions torn, {kept} of"
            f" {sum(r['of'] for r in torn)} records kept: {len(traffic.sent)} commands,"
            f" {len(books.events)} events, {books.repeated} records written again"
        )


def test_what_seemed_undone_is_looked_for(fleet: Fleet, gateway: KafkaGateway) -> None:
    """R1, R4: a part of a transaction that was reported undone is not done twice."""
    traffic = Traffic(gateway, seed=7, clients=4)
    member = fleet.start()
    traffic.open()
    member.stop()
    traffic.start()
    for number in range(4):
        keeps_entry = number % 2 == 0
        member = fleet.start(
            tear=5 + number, keeps_entry=keeps_entry, live_on=True, seed=number
        )
        member.wait_for("dies")
        if keeps_entry:
            reason = member.wait_for("lost")["reason"]
            assert "its journal holds more" in reason, reason
        member.wait_for("undone")
        member.wait_for("committed", 20)
        member.stop()
    member = fleet.start()
    traffic.rest()
    member.stop()
    audit(fleet.servers, fleet.topics, at_rest=True).check_outcomes(traffic.outcomes)
