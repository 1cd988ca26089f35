"""Records that nobody can do are set aside, and their partition goes on."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from healthpay_core import (
    Code,
    Command,
    CommandRequest,
    Committed,
    Decided,
    Rejected,
    derive_id,
)
from healthpay_core.envelope import Actor
from healthpay_core.slips import first
from healthpay_core.testing import (
    card_id,
    create,
    deposit,
    funded,
    issued,
    opened,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_kafka import outgoing
from healthpay_kafka.orders import (
    COMMAND_ID,
    DEADLINE,
    LARGEST_ASK,
    REPLY_TO,
    Ask,
    StepOrder,
    aggregate_of,
    encode_order,
)
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.receipts import EntryUnavailable
from healthpay_kafka.records import LARGEST_RECORD, Record
from tests.kafka.memory_log import MemoryLog

A, B = wallet_id("a"), wallet_id("b")
HEADERS = (
    (COMMAND_ID, derive_id("x").encode()),
    (REPLY_TO, b"0"),
    (DEADLINE, b"9" * 17),
)


def _ask(command: Command, name: str) -> CommandRequest:
    return CommandRequest(command=command, command_id=derive_id(name))


def _open(log: MemoryLog) -> int:
    for number, command in enumerate((*funded(A, 10), *opened(B))):
        log.ask(_ask(command, f"setup {number}"))
        log.settle()
    return len(list(log.replies()))


def _refused(outcome: Decided) -> Code:
    assert isinstance(outcome, Rejected)
    return outcome.error.code


def _put(log: MemoryLog, number: int, value: bytes | None) -> None:
    topic = log.topics.commands
    log.produce(
        Record(topic=topic, partition=number, key="k", value=value, headers=HEADERS)
    )


def test_an_order_in_another_partition_is_not_done() -> None:
    """R1: sent with another client's partitioner, a wallet would be there twice."""
    log = MemoryLog(3)
    done = _open(log)
    mine = partition_of(A, 3)
    _put(log, (mine + 1) % 3, encode_order_of(_ask(deposit(A, 5), "x")))
    _put(log, (mine + 1) % 3, encode_order_of(_ask(create(A), "x")))
    log.settle()
    log.ask(_ask(withdrawal(A, 10), "after"))
    log.settle()
    *refused, last = list(log.replies())[done:]
    assert [_refused(r) for r in refused] == [Code.VALIDATION_ERROR] * 2
    assert isinstance(last, Committed)
    assert [letter.value is not None for letter in log.dead()] == [True, True]


def encode_order_of(request: CommandRequest) -> bytes:
    """The value of a caller's record."""
    return encode_order(Ask(request=request))


def test_a_step_that_makes_no_sense_is_set_aside() -> None:
    """E5: what decides well and then cannot go on is a dead letter, never a stop."""
    log = MemoryLog(1)
    done = _open(log)
    travel = first(_ask(transfer(A, B, 3, name="t"), "root"))
    # The slip of a transfer, on a step that is none of it.
    lost = StepOrder(
        request=_ask(withdrawal(A, 1), "step"), slip=replace(travel.slip, step="hold")
    )
    _put(log, 0, encode_order(lost))
    log.ask(_ask(withdrawal(A, 10), "after"))
    log.settle()
    refused, last = list(log.replies())[done:]
    assert _refused(refused) == Code.INTERNAL_ERROR
    # It was undone: the ten are all there.
    assert isinstance(last, Committed)
    assert len(log.dead()) == 1
    assert len(log.raised) == 1


@pytest.mark.parametrize("size", [LARGEST_ASK, 2 * LARGEST_RECORD])
def test_a_command_too_large_is_refused(size: int) -> None:
    """R5, M9: no entry of the journal outgrows what a broker takes."""
    log = MemoryLog(1)
    done = _open(log)
    large = _ask(transfer(A, B, 3, name="t"), "x")
    large = replace(large, actor=Actor(type="user", id="i" * size))
    _put(log, 0, encode_order_of(large))
    log.ask(_ask(withdrawal(A, 10), "after"))
    log.settle()
    refused, last = list(log.replies())[done:]
    assert _refused(refused) == Code.VALIDATION_ERROR
    assert isinstance(last, Committed)
    (letter,) = log.dead()
    assert (letter.value is None) == (size > LARGEST_RECORD)
    assert _largest(log) <= LARGEST_RECORD


def test_the_largest_command_goes_through() -> None:
    """T6: at the largest size, every record of a whole process can be written."""
    log = MemoryLog(3)
    _open(log)
    room = LARGEST_ASK - len(encode_order_of(_ask(transfer(A, B, 3, name="t"), "x")))
    large = _ask(transfer(A, B, 3, name="t"), "x")
    large = replace(
        large, actor=Actor(type="user", id="i" * (room + len("system") - 4))
    )
    log.ask(large)
    log.settle()
    assert isinstance(list(log.replies())[-1], Committed)
    assert _largest(log) <= LARGEST_RECORD


def test_what_follows_from_a_command_may_be_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """E5: also then the command alone is set aside, and its answer is no refusal."""
    log = MemoryLog(1)
    done = _open(log)
    with monkeypatch.context() as patched:
        patched.setattr(outgoing, "LARGEST_RECORD", 700)
        log.ask(_ask(withdrawal(A, 1), "x"))
        log.run(0)
    log.ask(_ask(withdrawal(A, 10), "after"))
    log.settle()
    refused, last = list(log.replies())[done:]
    assert _refused(refused) == Code.INTERNAL_ERROR
    assert isinstance(last, Committed)


def test_a_checkpoint_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A1: the partition goes on without, and what has changed is not forgotten."""
    log = MemoryLog(1)
    _open(log)
    partition = log.owned[0]
    changed = set(partition.holdings.changed)
    with monkeypatch.context() as patched:
        patched.setattr(outgoing, "LARGEST_RECORD", 50)
        assert partition.checkpoint(0, 0) == []
    log.ask(_ask(withdrawal(A, 1), "x"))
    log.settle()
    assert partition.holdings.changed >= changed
    assert len(partition.checkpoint(0, 0)) == len(partition.holdings.changed) + 1


def test_an_entry_that_cannot_be_read_is_no_fault_of_the_command() -> None:
    """I4: while the journal does not answer, nothing is decided and nobody refused."""
    log = MemoryLog(1)
    _open(log)
    for number in range(8):
        log.ask(_ask(deposit(A, 1), f"d{number}"))
    log.settle()
    done = len(list(log.replies()))

    def unreachable(offset: int) -> bytes:
        raise TimeoutError(offset)

    log.owned[0].holdings.receipts._fetch_entry = unreachable
    log.ask(_ask(deposit(A, 1), "d0"))
    with pytest.raises(EntryUnavailable):
        log.run(0)
    assert len(list(log.replies())) == done
    log.take_over(0)
    log.settle()
    assert list(log.replies())[-1].replayed


def test_processes_under_way_outlive_a_checkpoint() -> None:
    """T6: of those a checkpoint keeps the places in the journal, and no more."""
    log = MemoryLog(3)
    done = _open(log)
    roots = [_ask(transfer(A, B, 4, name=f"t{n}"), "root") for n in range(9)]
    places = [partition_of(aggregate_of(root), 3) for root in roots]
    # One whose steps are elsewhere.
    root, place = next(
        (r, p) for r, p in zip(roots, places, strict=True) if p != partition_of(A, 3)
    )
    log.ask(root)
    log.run(place)
    log.checkpoint(place)
    journal = log.records[log.topics.journal, place]
    value = log.records[log.topics.snapshots, place][-1][1].value
    _, _, _, begun = orjson.loads(value or b"")
    assert [orjson.loads(journal[at][1].value or b"")[1] for at in begun] == ["begun"]
    # As if everything before were too old to be asked about.
    log.remembers = False
    log.take_over(place)
    assert root.command_id in log.owned[place].holdings.pending.committed
    log.settle()
    log.ask(root)
    log.settle()
    assert isinstance(list(log.replies())[done:][-1], Committed)


def test_nothing_decided_since_a_checkpoint_is_no_new_beginning() -> None:
    """R4: a checkpoint says itself from which command to go on."""
    log = MemoryLog(1, remembers=False)
    done = _open(log)
    log.ask(_ask(deposit(wallet_id("late"), 1), "refused, not for good"))
    log.settle()
    log.owned[0].holdings.receipts.settle(len(log.records[log.topics.journal, 0]))
    log.checkpoint(0)
    ended = log.offsets[0]
    # What the group was told may be old.
    log.offsets[0] = 0
    log.take_over(0)
    assert log.offsets[0] == ended
    log.settle()
    assert len(list(log.replies())) == done + 1


@pytest.mark.parametrize("meanwhile", [False, True])
def test_a_parked_partition_goes_on_where_it_is(meanwhile: bool) -> None:
    """R3, R4: what it has committed is not run again; what others did is taken."""
    log = MemoryLog(1)
    log.take_over(0)
    done = _open(log)
    late = wallet_id("late")
    for number, command in enumerate((deposit(late, 1), *funded(late, 2))):
        log.ask(_ask(command, f"late {number}"))
        log.settle()
    ended = log.offsets[0]
    log.leave(0)
    if meanwhile:
        log.ask(_ask(withdrawal(late, 2), "meanwhile"))
        log.settle()
    log.come_back(0)
    # Of what the other one did last, what came after is run again, and no more.
    assert log.offsets[0] == ended
    log.ask(_ask(withdrawal(late, 1), "too much by now, or not"))
    log.settle()
    answers = {answer.command_id: answer for answer in list(log.replies())[done:]}
    last = answers[derive_id("too much by now, or not")]
    assert isinstance(last, Rejected if meanwhile else Committed)
    assert _refused(answers[derive_id("late 0")]) == Code.WALLET_NOT_FOUND


def test_what_a_parked_partition_has_refused_stays_refused() -> None:
    """R4: whatever batch the other owner began with, nothing is decided twice."""
    log = MemoryLog(1)
    _open(log)
    late = wallet_id("late")
    log.ask(_ask(deposit(late, 1), "refused, not for good"))
    log.settle()
    log.leave(0)
    for number, command in enumerate(funded(late, 2)):
        log.ask(_ask(command, f"late {number}"))
    # One batch of the other: the refused command again, and what came after it.
    assert log.run(0) == 4
    log.come_back(0)
    log.settle()
    deposits = [r for r in log.events() if late in r.envelope.stream]
    assert len(deposits) == len(funded(late, 2))


def test_what_was_refused_before_a_checkpoint_stays_refused() -> None:
    """R4: a restore goes on behind the checkpoint, wherever the last batch began."""
    log = MemoryLog(1)
    _open(log)
    late = wallet_id("late")
    log.ask(_ask(deposit(late, 1), "refused, not for good"))
    log.settle()
    log.checkpoint(0)
    # Who reads all of the journal finds the batch before the checkpoint last.
    log.take_over(0)
    for number, command in enumerate(funded(late, 2)):
        log.ask(_ask(command, f"late {number}"))
    log.settle()
    # Who reads what came since finds no more of that batch than its end.
    log.remembers = False
    log.tables[0].add({}, 0, len(log.records[log.topics.journal, 0]))
    log.take_over(0)
    log.settle()
    deposits = [r for r in log.events() if late in r.envelope.stream]
    assert len(deposits) == len(funded(late, 2))


def test_a_partition_amid_what_it_runs_again_is_not_parked() -> None:
    """R3, R4: of a transaction that may be torn nothing is forgotten."""
    log = MemoryLog(1)
    _open(log)
    log.take_over(0)
    log.leave(0)
    assert log.parked == {}
    log.settle()
    log.leave(0)
    assert list(log.parked) == [0]


@pytest.mark.parametrize("partitions", [1, 3])
def test_the_answer_to_a_process_names_events_that_are_there(partitions: int) -> None:
    """I8, H1: also where the events are of its steps, and also when asked again."""
    log = MemoryLog(partitions)
    _open(log)
    roots = [_ask(transfer(A, B, 4, name="t"), "root")]
    roots += [_ask(c, f"c{n}") for n, c in enumerate(issued(card_id("c"), A))]
    for root in (*roots, *roots):
        log.ask(root)
        log.settle()
    ids = {recorded.envelope.event_id for recorded in log.events()}
    for outcome in log.replies():
        assert isinstance(outcome, Committed)
        assert {ref.event_id for ref in outcome.events} <= ids


def _largest(log: MemoryLog) -> int:
    sizes = [
        len(record.value or b"")
        for (topic, _), records in log.records.items()
        for _, record in records
        if topic != log.topics.commands
    ]
    return max(sizes)
