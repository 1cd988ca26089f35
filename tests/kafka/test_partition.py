"""What a partition makes of its log: whole processes, replays, poison, bugs."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from healthpay_core import (
    NO_LIMITS,
    Code,
    Command,
    CommandHandler,
    CommandRequest,
    Committed,
    Decided,
    InMemoryEventStore,
    ManualClock,
    Rejected,
    State,
    StoreQueries,
    StreamId,
    SuspendWallet,
    derive_id,
    domain,
)
from healthpay_core.context import Context
from healthpay_core.testing import (
    NOW,
    create,
    funded,
    opened,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_kafka.holdings import entry_of
from healthpay_kafka.orders import COMMAND_ID, DEADLINE, REPLY_TO, aggregate_of
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.records import Record
from tests.core.test_payment_saga import SETUP, STORIES, _sent
from tests.core.test_slips import CASES
from tests.kafka.memory_log import MemoryLog

A, B = wallet_id("a"), wallet_id("b")
APART = next(
    order
    for order in (transfer(A, B, 4, name=name) for name in "tuvwxyz")
    if partition_of(order.transfer_id, 3) != partition_of(A, 3)
)
"""A transfer whose first step is not where it begins."""


def _underway(log: MemoryLog, root: CommandRequest, reply_to: int = 0) -> int:
    """Its process begun, its first step in another partition; the root's own."""
    for number, command in enumerate((*funded(A, 10), *opened(B))):
        _one(log, _ask(command, f"setup {number}"))
    log.ask(root, reply_to)
    place = partition_of(aggregate_of(root), log.partitions)
    log.run(place)
    assert root.command_id in log.owned[place].holdings.pending.committed
    return place


def _ask(command: Command, name: str) -> CommandRequest:
    return CommandRequest(command=command, command_id=derive_id(name))


def _one(log: MemoryLog, request: CommandRequest) -> Decided:
    """Ask, let everything settle, and take the answer."""
    before = len(list(log.replies()))
    log.ask(request)
    log.settle()
    answers = list(log.replies())[before:]
    # After a restore the last batch is answered again, to callers that are gone.
    mine = [a for a in answers if a.command_id == request.command_id]
    return mine[-1]


def _code(outcome: object) -> object:
    return outcome.error.code if isinstance(outcome, Rejected) else "committed"


def _balances(log: MemoryLog) -> dict[str, tuple[int, int]]:
    """Balance and held of each wallet, as the topics of events tell them."""
    states: dict[StreamId, State] = {}
    for recorded in log.events():
        stream = recorded.envelope.stream
        states[stream] = domain.evolve(states.get(stream), recorded.envelope.data)
    return {
        stream.partition("/")[2]: (getattr(s, "balance", 0), getattr(s, "held", 0))
        for stream, s in states.items()
        if stream.startswith("wallet/")
    }


def _local(requests: list[CommandRequest]) -> tuple[list[object], InMemoryEventStore]:
    store = InMemoryEventStore()
    handler = CommandHandler(store, clock=ManualClock(NOW), policy=NO_LIMITS)
    return [_code(handler.handle(r)) for r in requests], store


@pytest.mark.parametrize("partitions", [1, 5])
@pytest.mark.parametrize("name", STORIES)
def test_payments_end_as_in_one_process(name: str, partitions: int) -> None:
    """R2, P1-P17: through the log, the same answers and balances as locally."""
    requests = [
        CommandRequest(command=c, command_id=derive_id(f"setup {n}"))
        for n, c in enumerate(SETUP)
    ] + _sent(STORIES[name])
    codes, store = _local(requests)
    log = MemoryLog(partitions)
    assert [_code(_one(log, request)) for request in requests] == codes
    queries = StoreQueries(store)
    for wallet, money in _balances(log).items():
        view = queries.wallet(wallet)
        assert view is not None
        assert money == (view.balance, view.held)


@pytest.mark.parametrize("partitions", [1, 4])
@pytest.mark.parametrize("name", CASES)
def test_transfers_closings_cards_end_as_in_one_process(
    name: str, partitions: int
) -> None:
    """R2, T5, W7, D1: through the log, the same answers and balances as locally."""
    before, root = CASES[name]
    commands = [*funded(A, 100), *funded(B, 5), create(wallet_id("pending")), *before]
    requests = [_ask(c, f"setup {n}") for n, c in enumerate(commands)] + [root]
    codes, store = _local(requests)
    log = MemoryLog(partitions)
    assert [_code(_one(log, request)) for request in requests] == codes
    queries = StoreQueries(store)
    for wallet, money in _balances(log).items():
        view = queries.wallet(wallet)
        assert view is not None
        assert money == (view.balance, view.held)


def test_the_same_command_is_answered_again() -> None:
    """I3, I4, I6: one effect; another request under the id is refused."""
    log = MemoryLog(2)
    for number, command in enumerate(funded(A, 10)):
        _one(log, _ask(command, f"setup {number}"))
    order = replace(_ask(withdrawal(A, 4), "order"), fingerprint=b"x")
    first = _one(log, order)
    assert isinstance(first, Committed)
    assert _one(log, order) == replace(first, replayed=True)
    assert _code(_one(log, replace(order, fingerprint=b"y"))) == (
        Code.IDEMPOTENCY_KEY_REUSED
    )
    assert _balances(log)[A] == (6, 0)


def test_an_old_command_is_found_in_the_journal() -> None:
    """I4, I8: beyond what is at hand and after a restore, the first answer again."""
    log = MemoryLog(1)
    orders = [_ask(command, f"s{n}") for n, command in enumerate(funded(A, 10))]
    orders += [_ask(withdrawal(A, 1), f"w{n}") for n in range(20)]
    first = [_one(log, order) for order in orders]
    log.checkpoint(0)
    for _ in range(2):
        for order, outcome in zip(orders, first, strict=True):
            again = _one(log, order)
            assert replace(again, replayed=False) == outcome
            assert again.replayed
        log.take_over(0)
    assert _balances(log)[A] == (0, 0)


def test_a_process_under_way_answers_all_who_ask() -> None:
    """I4, I3, T6: asked again midway, everyone gets the one answer."""
    log = MemoryLog(3)
    root = replace(_ask(APART, "root"), fingerprint=b"x")
    _underway(log, root)
    log.ask(replace(root, fingerprint=b"y"), reply_to=1)
    log.ask(root, reply_to=2)
    log.settle()
    (reused,), (other,) = list(log.replies(1)), list(log.replies(2))
    assert _code(reused) == Code.IDEMPOTENCY_KEY_REUSED
    assert list(log.replies())[-1] == replace(other, replayed=False)
    assert isinstance(other, Committed)
    assert _balances(log) == {A: (6, 0), B: (4, 0)}


@pytest.mark.parametrize("checkpoint", [False, True])
def test_who_waits_for_a_process_is_answered_by_the_next_owner(
    checkpoint: bool,
) -> None:
    """R5: where the caller waits is in the journal, beyond what is run again."""
    log = MemoryLog(3, remembers=not checkpoint)
    place = _underway(log, _ask(APART, "root"), reply_to=1)
    other = next(w for w in map(wallet_id, "cdefghijk") if partition_of(w, 3) == place)
    log.ask(_ask(create(other), "meanwhile"))
    log.run(place)
    if checkpoint:
        log.checkpoint(place)
    log.take_over(place)
    log.settle()
    (outcome,) = log.replies(1)
    assert isinstance(outcome, Committed)
    assert _balances(log)[B] == (4, 0)


def test_an_entry_that_names_no_caller_is_read() -> None:
    """R4: entries of before callers were in the journal are entries all the same."""
    log = MemoryLog(3)
    place = _underway(log, _ask(APART, "root"))
    values = [record.value for _, record in log.records[log.topics.journal, place]]
    (begun,) = (v for v in values if v is not None and entry_of(v).kind == "begun")
    entry = entry_of(begun)
    assert entry.reply is not None
    older = orjson.dumps(orjson.loads(begun)[:-1])
    assert entry_of(older) == replace(entry, reply=None)


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b'{"data":{}}', b"\xff\x00", b'{"data":{"request":1}}']
)
def test_poison_is_set_aside_and_answered(value: bytes) -> None:
    """R5, E7: undecodable bytes go to the dead letters as they are; others go on."""
    log = MemoryLog(1)
    command_id = derive_id("poison")
    headers = (
        (COMMAND_ID, command_id.encode()),
        (REPLY_TO, b"0"),
        (DEADLINE, b"9" * 17),
    )
    poison = Record(
        topic=log.topics.commands, partition=0, key="k", value=value, headers=headers
    )
    log.produce(poison)
    log.ask(_ask(create(A), "after"))
    log.settle()
    refused, done = log.replies()
    assert _code(refused) == Code.VALIDATION_ERROR
    assert refused.command_id == command_id
    assert isinstance(done, Committed)
    (letter,) = log.dead()
    assert letter.value == value
    assert dict(letter.headers)["hp-from-offset"] == b"0"


def test_a_decision_that_raises_is_answered_and_set_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """E5: a bug costs its command a 500 and a dead letter, and nobody else."""
    log = MemoryLog(1)
    real = domain.decide

    def decide(
        command: Command, states: domain.States, context: Context, command_id: str
    ) -> object:
        if isinstance(command, SuspendWallet):
            raise ZeroDivisionError
        return real(command, states, context, command_id)

    monkeypatch.setattr(domain, "decide", decide)
    for number, command in enumerate(funded(A, 10)):
        _one(log, _ask(command, f"setup {number}"))
    bad = _one(log, _ask(SuspendWallet(wallet_id=A, reason_code="fraud"), "bad"))
    assert _code(bad) == Code.INTERNAL_ERROR
    assert isinstance(_one(log, _ask(withdrawal(A, 3), "good")), Committed)
    assert [type(error) for error in log.raised] == [ZeroDivisionError]
    assert len(log.dead()) == 1


def test_a_process_that_lost_its_step_is_sent_on() -> None:
    """T6, T7: what takes too long is begun again, with one effect."""
    log = MemoryLog(3)
    place = _underway(log, _ask(APART, "root"))
    for number in range(3):
        if number != place:
            # The step is gone from the log, as no broker may lose it.
            log.records[log.topics.commands, number].clear()
            log.offsets[number] = 0
    log.settle()
    partition = log.owned[place]
    now = log.clock.now()
    assert partition.overdue(now) == []
    late = partition.overdue(now + 40_000_000)
    assert len(late) == 1
    assert partition.overdue(now + 41_000_000) == []
    # The machine's clock was a day ahead, and is right again.
    assert len(partition.overdue(now + 86_400_000_000)) == 1
    assert len(partition.overdue(now + 80_000_000)) == 1
    for record in (*late, *late):
        log.produce(record)
    log.settle()
    assert isinstance(list(log.replies())[-1], Committed)
    assert _balances(log) == {A: (6, 0), B: (4, 0)}


def test_nobody_is_answered_after_the_deadline() -> None:
    """R5: who has gone gets no record; the command is done all the same."""
    log = MemoryLog(1)
    log.ask(_ask(create(A), "late"))
    log.clock.advance(days=30)
    at, record = log.records[log.topics.commands, 0][0]
    log.records[log.topics.commands, 0][0] = (at + 10**13, record)
    log.settle()
    assert list(log.replies()) == []
    assert _balances(log) == {A: (0, 0)}
