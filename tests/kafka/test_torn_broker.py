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
    torn = [r for r in fleet.reports("dies") if r["kept"] < r["of"]]
    kept = sum(r["kept"] for r in torn)
    # Else nothing was proved: something was written, something was lost.
    assert {r["with_offsets"] for r in torn} == {True, False}
    assert kept
    assert not list(fleet.reports("unexpected"))
    with capsys.disabled():
        print(
            f"\n{len(torn)} transactions torn,"
            f" {sum(r['with_offsets'] for r in torn)} with their offsets, {kept} of"
            f" {sum(r['of'] for r in torn)} records kept: {len(traffic.sent)} commands,"
            f" {len(books.events)} events, {books.repeated} records written again"
        )
