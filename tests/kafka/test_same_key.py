"""The same command id, however often and whenever: one effect, one answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

from healthpay_core import Committed, Decided, Rejected
from healthpay_core.catalogue import Code
from healthpay_core.testing import (
    card_id,
    deposit,
    funded,
    issue,
    opened,
    request,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_kafka.gateway import GatewaySettings, KafkaGateway
from tests.kafka.audit import audit
from tests.kafka.fleet import Fleet
from tests.kafka.traffic import Traffic

A, B = wallet_id("a"), wallet_id("b")


def test_one_key_at_many_gateways_over_restarts_and_snapshots(fleet: Fleet) -> None:
    """I3, I4, I9, R4: at once, after a restart, after a restore from snapshots."""
    orders = {
        "deposit": request(deposit(A, 7), "d", fingerprint=b"d"),
        "refused": request(withdrawal(A, 5_000), "w", fingerprint=b"w"),
        "transfer": request(transfer(A, B, 3, name="t"), "t", fingerprint=b"t"),
        "card": request(issue(card_id("c"), A), "c", fingerprint=b"c"),
    }
    with ExitStack() as stack:
        gateways = [stack.enter_context(_gateway(fleet, n)) for n in range(3)]
        crowds = [
            Traffic(gateway, seed=n, clients=0) for n, gateway in enumerate(gateways)
        ]
        member = fleet.start(checkpoint_every=3, max_batch=3)
        for number, command in enumerate((*funded(A, 10), *opened(B))):
            crowds[0].insist(request(command, f"setup {number}"))
        told = {name: set[object]() for name in orders}
        for restart in range(3):
            with ThreadPoolExecutor(24) as pool:
                asked = [
                    (name, pool.submit(crowd.insist, order))
                    for name, order in orders.items()
                    for crowd in crowds
                    for _ in range(2)
                ]
            for name, answer in asked:
                told[name].add(_essence(answer.result()))
            other = replace(orders["deposit"], fingerprint=b"other")
            reused = crowds[1].insist(other)
            assert isinstance(reused, Rejected)
            assert reused.error.code is Code.IDEMPOTENCY_KEY_REUSED
            # Enough for a checkpoint after all that was decided so far.
            for number in range(12):
                wallet = wallet_id(f"{restart}/{number}")
                for command in opened(wallet):
                    crowds[0].insist(request(command))
            if restart == 1:
                member.kill()
            else:
                member.stop()
            member = fleet.start(checkpoint_every=3, max_batch=3)
        member.wait_for("restored", fleet.topics.partitions)
        member.stop()
    assert {name: len(answers) for name, answers in told.items()} == dict.fromkeys(
        orders, 1
    )
    assert any(r["snapshots"] > 3 for r in member.reports("restored"))
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    assert (books.balances[A], books.balances[B]) == (14, 3)
    for crowd in crowds:
        books.check_outcomes(
            o for o in crowd.outcomes if o.command_id != orders["deposit"].command_id
        )


def _gateway(fleet: Fleet, number: int) -> KafkaGateway:
    return KafkaGateway(
        GatewaySettings(
            bootstrap_servers=fleet.servers,
            topics=fleet.topics,
            reply_partition=number,
            timeout_s=2.0,
        )
    )


def _essence(outcome: Decided) -> object:
    if isinstance(outcome, Committed):
        return outcome.resource, outcome.events
    return outcome.error


def test_a_late_answer_is_not_given_to_another_request(fleet: Fleet) -> None:
    """I3: the first request's answer comes late; the second one is told of the key."""
    member = fleet.start()
    with _gateway(fleet, 0) as gateway:
        crowd = Traffic(gateway, seed=0, clients=0)
        for command in funded(A, 10):
            crowd.insist(request(command))
        member.stop()
        first = request(deposit(A, 1), "late", fingerprint=b"one")
        second = request(deposit(A, 2), "late", fingerprint=b"two")
        gateway.execute(first)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(crowd.insist, second)
            member = fleet.start()
            refused = waiting.result()
        assert isinstance(refused, Rejected)
        assert refused.error.code is Code.IDEMPOTENCY_KEY_REUSED
        assert isinstance(crowd.insist(first), Committed)
    member.stop()
    assert audit(fleet.servers, fleet.topics, at_rest=True).balances[A] == 11
