"""Processors that are killed at every step: nothing is lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from threading import Thread
from time import sleep

import pytest

from healthpay_core import (
    ActivateWallet,
    CloseWallet,
    Command,
    CommandRequest,
    Committed,
    Decided,
    SuspendWallet,
    Unknown,
)
from healthpay_core.testing import (
    create,
    deposit,
    funded,
    opened,
    request,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_kafka.gateway import KafkaGateway
from tests.kafka.audit import audit, settle
from tests.kafka.fleet import Fleet
from tests.kafka.processor_program import AFTER_A_FAULT
from tests.kafka.traffic import Traffic

STEPS = (
    "begin",
    "produce",
    "produced",
    "flush",
    "commit",
    "committed",
    "abort",
    "renew",
    "take over",
    "restore",
)


def test_killed_at_each_step_under_load(
    fleet: Fleet,
    gateway: KafkaGateway,
    rounds: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """R1-R5, T5, T6, P15, W7, D1: SIGKILL at any step, then the next takes over."""
    traffic = Traffic(gateway, seed=rounds)
    member = fleet.start(checkpoint_every=12)
    traffic.open()
    traffic.start()
    draw = Random(rounds)
    for _ in range(rounds):
        for number, step in enumerate(draw.sample(STEPS, len(STEPS))):
            if member.is_running:
                member.kill()
            few = step in ("take over", "restore", *AFTER_A_FAULT)
            member = fleet.start(
                die_at=step,
                die_after=draw.randint(1, 2 if few else 12),
                checkpoint_every=12,
                max_batch=draw.choice((1, 4, 200)),
            )
            assert member.wait_until_dead(), member.reports()
            assert member.exit_code == -9
            if number % 3 == 0:
                settle(fleet.servers, fleet.topics)
                audit(fleet.servers, fleet.topics, at_rest=False)
    member = fleet.start(checkpoint_every=12, abort_every=5)
    traffic.rest()
    member.stop()
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    books.check_outcomes(traffic.outcomes)
    restored = [r["took_s"] for r in fleet.reports("restored")]
    # After the kills, records were found that a torn or repeated batch had left.
    with capsys.disabled():
        print(
            f"\nkilled {len(STEPS) * rounds} times: {len(traffic.sent)} commands,"
            f" {len(books.events)} events, {traffic.unknown} answers unknown at first,"
            f" restore {max(restored):.2f} s at most"
        )


A = wallet_id("a")
MEANWHILE: dict[str, Callable[[str], Command | None]] = {
    "nothing": lambda _: None,
    "destination suspended": lambda to: SuspendWallet(
        wallet_id=to, reason_code="fraud"
    ),
    "payee closed": lambda to: CloseWallet(wallet_id=to),
    "source suspended": lambda _: SuspendWallet(wallet_id=A, reason_code="fraud"),
    "source emptied": lambda _: withdrawal(A, 100),
}


def test_a_transfer_cut_between_any_two_steps(
    fleet: Fleet, gateway: KafkaGateway, rounds: int
) -> None:
    """T5-T7, W5, W8: whatever happens in the gap, one defined end, money conserved."""
    cuts = [(cut, name) for cut in range(1, 8) for name in MEANWHILE]
    # Each gap with something else, or each with everything.
    chosen = cuts[:: len(MEANWHILE) + 1] if rounds == 1 else cuts * (rounds - 1)
    member = fleet.start()
    outcomes = [_insist(gateway, request(c)) for c in funded(A, 90)]
    for cut, meanwhile in chosen:
        wallet = wallet_id(f"{cut}/{meanwhile}/{len(outcomes)}")
        outcomes += [_insist(gateway, request(c)) for c in opened(wallet)]
        member.stop()
        root = request(transfer(A, wallet, 1), fingerprint=b"f")
        member = fleet.start(die_at="committed", die_after=cut, max_batch=1)
        caller = _ask(gateway, root)
        while caller.is_alive() and member.is_running:
            sleep(0.01)
        member.kill()
        change = MEANWHILE[meanwhile](wallet)
        asked = [root, request(deposit(A, 1))]
        if change is not None:
            # Into the log, while nobody decides.
            asked.append(request(change))
            _ask(gateway, asked[-1])
        member = fleet.start()
        outcomes += [_insist(gateway, one) for one in (*asked, root)]
        resume = request(ActivateWallet(wallet_id=A, reason_code="cleared"))
        outcomes.append(_insist(gateway, resume))
    member.stop()
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    books.check_outcomes(outcomes)
    assert len([n for n in books.streams if "/transfer/" in n]) == len(chosen)


def _ask(gateway: KafkaGateway, asked: CommandRequest) -> Thread:
    caller = Thread(target=gateway.execute, args=(asked,), daemon=True)
    caller.start()
    return caller


def _insist(gateway: KafkaGateway, asked: CommandRequest) -> Decided:
    return Traffic(gateway, seed=0, clients=0).insist(asked)


@pytest.mark.parametrize("step", ["flush", "commit"])
def test_an_answer_is_never_taken_back(
    fleet: Fleet, gateway: KafkaGateway, step: str
) -> None:
    """R5: killed right before the commit, nobody has been answered."""
    # The first command there is: nothing else is done before it.
    member = fleet.start(die_at=step)
    member.wait_for("restored", fleet.topics.partitions)
    asked = request(create(A), "taken back")
    assert isinstance(gateway.execute(asked), Unknown)
    assert member.wait_until_dead()
    member = fleet.start()
    assert isinstance(_insist(gateway, asked), Committed)
    member.stop()
