"""What a caller was told stays true: after a take-over, for a copy, after a month."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from healthpay_core import (
    Code,
    Command,
    CommandRequest,
    Committed,
    Decided,
    Err,
    Rejected,
    derive_id,
)
from healthpay_core.refusals import ValidationFailed
from healthpay_core.testing import (
    card_id,
    create,
    deposit,
    funded,
    issue,
    opened,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_core.wallet.commands import CaptureHold
from healthpay_kafka import partition as module
from healthpay_kafka.deciding import Decider, Decision
from healthpay_kafka.holdings import Holdings
from healthpay_kafka.orders import (
    COMMAND_ID,
    aggregate_of,
)
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.records import Record
from tests.kafka.memory_log import MemoryLog

A, B = wallet_id("a"), wallet_id("b")


def _ask(command: Command, name: str) -> CommandRequest:
    key = derive_id(name)
    return CommandRequest(command=command, command_id=key, fingerprint=name.encode())


def _do(log: MemoryLog, commands: Sequence[Command], name: str = "setup") -> None:
    for number, command in enumerate(commands):
        log.ask(_ask(command, f"{name} {number}"))
    log.settle()


def _told(log: MemoryLog, asked: CommandRequest) -> list[Decided]:
    return [one for one in log.replies() if one.command_id == asked.command_id]


def _codes(log: MemoryLog, asked: CommandRequest) -> list[object]:
    return [
        one.error.code if isinstance(one, Rejected) else "committed"
        for one in _told(log, asked)
    ]


def _money(log: MemoryLog) -> dict[str, tuple[int, int]]:
    found = {}
    for event in log.events():
        after = getattr(event.envelope.data, "balance_after", None)
        if after is not None:
            held = getattr(event.envelope.data, "held_after", 0)
            found[event.envelope.aggregate_id] = (after, held)
    return found


def _pending(log: MemoryLog) -> int:
    return sum(len(p.holdings.pending.committed) for p in log.owned.values())


class _Bug:
    """What deciding raises, for as long as it is there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
        self.is_there = True
        real = Decider.decide

        def decide(
            decider: Decider, request: CommandRequest, holdings: Holdings, now: int
        ) -> Decision:
            if self.is_there and isinstance(request.command, kind):
                raise ZeroDivisionError
            return real(decider, request, holdings, now)

        monkeypatch.setattr(Decider, "decide", decide)


def test_a_transfer_under_a_second_key_is_refused() -> None:
    """I3, T1: its id is taken; nobody waits for ever, nothing stays under way."""
    log = MemoryLog(4)
    _do(log, [*funded(A, 100), *funded(B, 5)])
    first = _ask(transfer(A, B, 10, name="t"), "first")
    second = _ask(transfer(A, B, 60, name="t"), "second")
    log.ask(first)
    log.ask(second)
    log.settle()
    log.ask(second)
    log.settle()
    assert _codes(log, first) == ["committed"]
    assert _codes(log, second) == [Code.TRANSFER_ALREADY_EXISTS] * 2
    assert _pending(log) == 0
    assert _money(log) == {A: (90, 0), B: (15, 0)}


def test_what_raised_is_not_done_after_a_take_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R4, E5: told INTERNAL_ERROR, the caller may have paid in another way."""
    log = MemoryLog(1)
    _do(log, funded(A, 100))
    bug = _Bug(monkeypatch, type(withdrawal(A, 1)))
    asked = _ask(withdrawal(A, 60), "raises")
    log.ask(_ask(deposit(A, 1), "with it"))
    log.ask(asked)
    log.run(0)
    bug.is_there = False
    letters = len(log.dead())
    log.take_over(0)
    log.settle()
    first, again = _told(log, asked)
    assert isinstance(first, Rejected)
    assert first.error.code == Code.INTERNAL_ERROR
    assert again == first
    assert _money(log) == {A: (101, 0)}
    # Its letter may have been in what was lost.
    assert len(log.dead()) == letters + 1
    # Asked anew it is decided: a fault is pinned to nothing (I6).
    log.ask(asked)
    log.settle()
    assert _codes(log, asked)[2:] == ["committed"]


@pytest.mark.parametrize("fault", ["too large", "unfit", "undecodable"])
def test_what_was_set_aside_is_not_done_after_an_upgrade(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R4: a newer processor may be able to do what an older one refused."""
    log = MemoryLog(1)
    _do(log, funded(A, 100))
    asked = _ask(withdrawal(A, 60), "refused")
    with monkeypatch.context() as older:
        if fault == "too large":
            older.setattr(module, "LARGEST_ASK", 10)
        elif fault == "unfit":
            older.setattr(module, "fits", lambda record: len(record.value) < 600)
        else:
            older.setattr(module, "decode_order", _unknown)
        log.ask(asked)
        log.run(0)
    (told,) = _told(log, asked)
    assert isinstance(told, Rejected)
    log.take_over(0)
    log.settle()
    assert _told(log, asked) == [told, told]
    assert _money(log) == {A: (100, 0)}


def _unknown(_value: bytes, _headers: object) -> object:
    return Err(ValidationFailed.at("", "is of a type that is not known yet"))


def test_poison_of_nobody_is_noted_nowhere() -> None:
    """R5: without who waits there is a letter, and no entry."""
    log = MemoryLog(1)
    for headers in ((), ((COMMAND_ID, derive_id("x").encode()),)):
        topic = log.topics.commands
        poison = Record(topic=topic, partition=0, key="k", value=b"{", headers=headers)
        log.produce(poison)
    log.settle()
    assert len(log.dead()) == 2
    assert log.records[log.topics.journal, 0] == []
    assert list(log.replies()) == []


def test_a_copy_of_a_step_is_not_granted_what_was_refused() -> None:
    """T6, D1: told that the wallet is not there, the caller gets no card later."""
    log = MemoryLog(4)
    wallet = wallet_id("w")
    there = partition_of(wallet, 4)
    ids = map(card_id, "abcdefgh")
    card = next(one for one in ids if partition_of(one, 4) != there)
    root = _ask(issue(card, wallet), "root")
    here = partition_of(aggregate_of(root), 4)
    log.ask(root)
    log.run(here)
    # The caller has waited, and asks again: the step is sent a second time.
    log.ask(root)
    log.run(there)
    for number, command in enumerate(opened(wallet)):
        log.ask(_ask(command, f"open {number}"))
    log.run(there)
    log.settle()
    assert set(_codes(log, root)) == {Code.WALLET_NOT_FOUND}
    assert not [e for e in log.events() if e.envelope.aggregate_id == card]


def test_a_process_under_way_for_months_ends_as_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """T5, T6: its steps are not forgotten, and none is done twice."""
    log = MemoryLog(3, remembers=False)
    _do(log, [*funded(A, 100), *funded(B, 5)])
    bug = _Bug(monkeypatch, CaptureHold)
    root = _ask(transfer(A, B, 10, name="t"), "root")
    log.ask(root)
    log.settle()
    assert _money(log) == {A: (100, 10), B: (15, 0)}
    for day in range(65):
        log.clock.advance(days=1)
        _do(log, [create(wallet_id(f"{day} {n}")) for n in range(30)], f"day {day}")
        for number, owned in log.owned.items():
            for record in owned.overdue(log.clock.now()):
                log.produce(record)
            owned.holdings.receipts.settle(len(log.records[log.topics.journal, number]))
            owned.holdings.receipts._recent.clear()
        log.settle()
    assert _told(log, root) == []
    bug.is_there = False
    log.clock.advance(days=1)
    for owned in log.owned.values():
        for record in owned.overdue(log.clock.now()):
            log.produce(record)
    log.settle()
    assert _pending(log) == 0
    assert _money(log) == {A: (90, 0), B: (15, 0)}
    log.ask(root)
    log.settle()
    (outcome,) = _told(log, root)
    assert isinstance(outcome, Committed)
