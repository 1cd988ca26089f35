"""The process is killed at every step of a commit; nothing it said is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from healthpay_sql import SqliteEventStore
from tests.crash.disk import changes
from tests.crash.launching import Ended, Worker
from tests.crash.scenario import STEPS, audit, go_on
from tests.crash.shim import Action, Fault

pytestmark = pytest.mark.crash

CONTINUED = 4
KILLS = (Action.KILL_BEFORE, Action.KILL_HALF, Action.KILL_AFTER)


def check(ended: Ended, number: int, where: str) -> bool:
    """Audit what a killed process left; whether more is there than was said.

    Every fourth time it is also worked on, to the end.

    Raises:
        AssertionError: Something is lost, doubled, torn, or answered otherwise.
    """
    try:
        with SqliteEventStore(ended.path) as store:
            said = ended.acknowledged
            found = audit(store, said, min(said + 1, len(STEPS)))
            if number % CONTINUED == 0:
                go_on(store, store)
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from error
    for suffix in ("", "-wal", "-shm"):
        ended.path.with_name(ended.path.name + suffix).unlink(missing_ok=True)
    return found > said


def kill_at_every_point(worker: Worker, plant: str = "") -> Counter[bool]:
    """Between any two statements of any append, and around the answers."""
    points = worker.do(plant=plant).said("points")
    assert isinstance(points, list)
    seen: Counter[bool] = Counter()
    for number, name in enumerate(points, start=1):
        ended = worker.do(kill_at=number, plant=plant)
        assert ended.signal == 9, f"not killed at {name}"
        seen[check(ended, number, f"killed at point {number}, {name}")] += 1
    return seen


def kill_at_every_call(
    worker: Worker, actions: Sequence[Action], plant: str = ""
) -> dict[str, Counter[bool]]:
    """Before, in the middle of, and after any system call of the store."""
    worker.log.write_bytes(b"")
    worker.control.record(True)
    worker.do(plant=plant)
    worker.control.record(False)
    labels = [c.label for c in changes(worker.log) if c.call]
    seen: dict[str, Counter[bool]] = {}
    for number, label in enumerate(labels, start=1):
        # In CI one way for each call, so that all come up in turn.
        for action in actions or (KILLS[number % len(KILLS)],):
            fault = Fault(action=action, first=number)
            ended = worker.do(fault=fault, plant=plant)
            assert ended.signal == 9, f"not killed at call {number}, {label}"
            found = check(ended, number, f"{action.name} at call {number}, {label}")
            seen.setdefault(label, Counter())[found] += 1
    return seen


def test_sigkill_between_any_two_statements(
    worker: Worker, tell: Callable[[str], None]
) -> None:
    """I7, I4, T4, A2: before BEGIN, after each statement, before and after COMMIT."""
    seen = kill_at_every_point(worker)
    tell(f"SIGKILL between statements: {_figures(seen)}")
    # Stored and not answered is rare: between COMMIT and the answer only.
    assert seen[False] > 100
    assert seen[True] > 10, seen


def test_sigkill_at_any_system_call(
    worker: Worker, is_soak: bool, tell: Callable[[str], None]
) -> None:
    """I7, I4, T4, A2: in the middle of COMMIT, of a checkpoint, of making the file."""
    seen = kill_at_every_call(worker, KILLS if is_soak else ())
    for label, counts in sorted(seen.items()):
        tell(f"SIGKILL at {label}: {_figures(counts)}")
    for label in ("WRITE WAL", "SYNC WAL", "WRITE DB", "SYNC DB", "SYNC FOLDER"):
        assert seen[label].total() > 0, label
    assert seen["WRITE WAL"].total() > 100
    # Before it is synced, a commit that was written whole is found again.
    assert seen["SYNC WAL"][True] > 5, seen


def _figures(seen: Counter[bool]) -> str:
    return (
        f"{seen.total()} kills, {seen[True]} stored what was not yet answered,"
        f" {seen[False]} did not, 0 lost or doubled"
    )
