"""The disk is full, or fails; what is said is what is stored, and it heals."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import pytest

from healthpay_sql import SqliteEventStore
from tests.crash.launching import Ended, Worker
from tests.crash.scenario import STEPS, audit, go_on, reference
from tests.crash.shim import Action, Call, Fault, Kind

pytestmark = pytest.mark.crash

UNAVAILABLE, UNKNOWN = "STORE_UNAVAILABLE", "unknown"
FAULTY = (5, 6, 9)
"""A transfer, a batch with a refusal in it, and a batch of three."""


def full_from(first: int) -> Fault:
    """From this call on, nothing that needs space works."""
    calls = Call.SPACE
    files = Kind.ANY & ~Kind.FOLDER
    return Fault(
        action=Action.FAIL, error=errno.ENOSPC, first=first, calls=calls, files=files
    )


def broken_once(number: int, error: int = errno.EIO) -> Fault:
    """This one call fails, the ones after it work."""
    return Fault(action=Action.FAIL, error=error, first=number, last=number)


def failed_sync(number: int) -> Fault:
    """This sync of the log fails; what it should have saved may be gone (fsync)."""
    return Fault(
        action=Action.FAIL,
        error=errno.EIO,
        first=number,
        last=number,
        calls=Call.SYNC,
        files=Kind.WAL,
    )


def dead_log(first: int) -> Fault:
    """From this call on, the log of commits can neither be written nor synced."""
    return Fault(
        action=Action.FAIL,
        error=errno.EIO,
        first=first,
        calls=Call.WRITE | Call.SYNC,
        files=Kind.WAL,
    )


def each_call(worker: Worker, step: int, fault: Fault) -> Iterator[int]:
    """The numbers of the calls that a step makes, of those the fault is about."""
    counted = Fault(action=Action.PASS, calls=fault.calls, files=fault.files)
    seen = worker.do(fault=counted, faulty=step).said("seen")
    assert isinstance(seen, int)
    assert seen > 0, "the fault would never happen"
    yield from range(1, seen + 1)


def check_answers(ended: Ended, step: int, where: str) -> str:
    """What the faulty step was answered, in one word; then whether it is true."""
    codes = dict(ended.answers[: step + 1])[step]
    expected = reference().codes(step)
    allowed = {UNAVAILABLE, UNKNOWN, *expected}
    assert set(codes) <= allowed, f"{where}: answered {codes}"
    if list(codes) == expected:
        return "done"
    assert len(set(codes)) == 1, f"{where}: one append, answered {codes}"
    return codes[0]


def die_then_look(
    worker: Worker, fault: Fault, step: int, where: str, plant: str = ""
) -> str:
    """Answered and killed: unavailable means not there, done means there.

    Raises:
        AssertionError: It was not as it was said.
    """
    ended = worker.do(fault=fault, faulty=step, dies=True, plant=plant)
    assert ended.signal == 9
    answer = check_answers(ended, step, where)
    least = step + 1 if answer == "done" else step
    most = step if answer == UNAVAILABLE else step + 1
    _look(ended, least, most, f"{where}, answered {answer}")
    return answer


def heal_then_go_on(
    worker: Worker, fault: Fault, step: int, where: str, plant: str = ""
) -> str:
    """Answered, healed and asked again: right, without a restart, to the end.

    Raises:
        AssertionError: The request or one after it was answered otherwise.
    """
    ended = worker.do(fault=fault, faulty=step, plant=plant)
    answer = check_answers(ended, step, where)
    told = ended.answers[step + 1 :]
    expected = [(s, reference().codes(s)) for s in range(step, len(STEPS))]
    assert told == expected, f"{where}: after it was well again: {told}"
    _look(ended, len(STEPS), len(STEPS), where)
    return answer


def _look(ended: Ended, least: int, most: int, where: str) -> int:
    try:
        with SqliteEventStore(ended.path) as store:
            found = audit(store, least, most)
            go_on(store, store)
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from error
    for suffix in ("", "-wal", "-shm"):
        ended.path.with_name(ended.path.name + suffix).unlink(missing_ok=True)
    return found


def both(
    worker: Worker, faults: Iterable[tuple[int, Fault]], plant: str = ""
) -> Counter[str]:
    """Each fault in its step, with either end; how the faulty steps were answered."""
    seen: Counter[str] = Counter()
    for step, fault in faults:
        where = f"step {step}, {errno.errorcode[fault.error]} at {fault.first}"
        seen[die_then_look(worker, fault, step, where, plant)] += 1
        seen[heal_then_go_on(worker, fault, step, where, plant)] += 1
    return seen


def test_a_full_disk_at_any_write_is_said_and_heals(
    worker: Worker, tell: Callable[[str], None]
) -> None:
    """I4, I7, E4: full from any call on: unavailable or unknown, never a lie.

    After there is space again the same request is answered right, in the same
    process; killed instead, what was called unavailable is not there.
    """
    seen = both(
        worker,
        [
            (step, full_from(number))
            for step in FAULTY
            for number in each_call(worker, step, full_from(1))
        ],
    )
    tell(f"full disk: answered {dict(seen)}, 0 untrue")
    assert seen[UNAVAILABLE] > 20, seen
    assert seen["unknown"] == 0, "a write that did not fit is known not to be there"


@pytest.mark.parametrize("error", [errno.EIO, errno.EROFS, errno.EDQUOT])
def test_an_error_of_any_call_is_said_and_heals(
    worker: Worker, error: int, tell: Callable[[str], None]
) -> None:
    """I4, I7, E4: one call fails, be it a write or a sync; as with a full disk."""
    step = FAULTY[error % len(FAULTY)]
    numbers = each_call(worker, step, broken_once(1))
    seen = both(worker, [(step, broken_once(n, error)) for n in numbers])
    tell(f"{errno.errorcode[error]}: answered {dict(seen)}, 0 untrue")
    assert seen[UNKNOWN] > 5, seen


def doubt_is_settled(worker: Worker, plant: str = "") -> None:
    """The sync of a commit fails, once, and the process is killed.

    Raises:
        AssertionError: It was called done, or it is there after all.
    """
    for step in FAULTY:
        ended = worker.do(fault=failed_sync(1), faulty=step, dies=True, plant=plant)
        assert check_answers(ended, step, "a sync failed") == UNKNOWN
        _look(ended, step, step, "a sync failed, the process was killed")


def doubt_is_not_denied(worker: Worker, plant: str = "") -> Counter[str]:
    """The log dies at any call; the same is asked again, and the process is killed.

    Raises:
        AssertionError: What was said last is not what is there.
    """
    found: Counter[str] = Counter()
    for step in FAULTY:
        for number in each_call(worker, step, dead_log(1)):
            fault, then = dead_log(number), dead_log(1)
            ended = worker.do(
                fault=fault, faulty=step, then=then, dies=True, plant=plant
            )
            said = [codes[0] for _, codes in ended.answers[step:]]
            most = step if said[-1] == UNAVAILABLE else step + 1
            least = step + 1 if "committed" in said else step
            there = _look(ended, least, most, f"call {number}, answered {said}")
            found[f"{said[-1]}, {there - step} there"] += 1
    return found


def test_a_failed_sync_is_never_acknowledged(worker: Worker) -> None:
    """I7: what may not be on the disk is unknown, whatever a later sync says.

    Nor can it come back: the store writes over it before it says anything else.
    """
    doubt_is_settled(worker)
    seen = both(worker, [(step, failed_sync(1)) for step in FAULTY])
    assert seen == {UNKNOWN: 2 * len(FAULTY)}


def test_what_was_in_doubt_is_not_denied_while_it_is(
    worker: Worker, tell: Callable[[str], None]
) -> None:
    """I4: unknown, and asked again while nothing works: whatever is said is true.

    A commit whose sync failed lies in the log; a process that is killed then
    leaves it to the next one, which finds it.
    """
    found = doubt_is_not_denied(worker)
    tell(f"dead log, asked again, killed: {dict(found)}, 0 untrue")
    assert found[f"{UNKNOWN}, 1 there"] >= len(FAULTY), found


def test_a_store_that_is_opened_on_a_failing_disk_is_whole(worker: Worker) -> None:
    """E3, I7: an error at any call of opening is refused or survived."""
    refused: Counter[bool] = Counter()
    for error, stride in ((errno.EIO, 1), (errno.ENOSPC, 4)):
        for number in range(1, 60, stride):
            fault = broken_once(number, error)
            ended = worker.do(fault=fault, end=1)
            text = ended.said("refused")
            refused[text is not None] += 1
            if text is not None:
                assert str(ended.path) in str(text)
            _look(ended, ended.acknowledged, 1, f"error at call {number}")
    assert refused[True] > 10, refused
    assert refused[False] > 10, refused
