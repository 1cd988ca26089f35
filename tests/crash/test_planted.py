"""Each check finds the bug it is there for, when somebody puts it in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.launching import Worker
from tests.crash.plants import PLANTS
from tests.crash.test_failing_disk import (
    doubt_is_not_denied,
    doubt_is_settled,
    failed_sync,
    full_from,
    heal_then_go_on,
)
from tests.crash.test_power_loss import cut_everywhere, recorded, replayed_then_cut
from tests.crash.test_sigkill import KILLS, kill_at_every_call, kill_at_every_point

pytestmark = pytest.mark.crash


def test_every_plant_is_in_a_test_of_this_file() -> None:
    """A bug that no test puts in proves nothing."""
    here = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in PLANTS if f'"{name}"' not in here] == []


@pytest.mark.parametrize(
    "job", [{"plant": "never syncs"}, {"synchronous": "NORMAL"}], ids=str
)
def test_a_store_that_does_not_sync_is_found(
    worker: Worker, room: Path, job: dict[str, object]
) -> None:
    """I7: with `synchronous` OFF or NORMAL the power takes what was acknowledged."""
    log = recorded(worker, job)
    with pytest.raises(AssertionError, match=r"nothing: lost: \d+ steps were ack"):
        cut_everywhere(log, room, seed=1, every_way=False)


def test_a_replay_that_is_not_synced_is_found(worker: Worker, room: Path) -> None:
    """I4, I7: answered again from what a killed process had not synced, and lost."""
    with pytest.raises(AssertionError, match=r"ANSWERED.*nothing: lost: "):
        replayed_then_cut(worker, room, 4, "opens without a commit")


def test_an_early_answer_is_found(worker: Worker) -> None:
    """I7: acknowledged before COMMIT, and killed."""
    with pytest.raises(AssertionError, match=r"killed at point .*: lost: "):
        kill_at_every_point(worker, "answers before it commits")


def test_two_transactions_are_found(worker: Worker) -> None:
    """I4: outcomes without their events, at a statement as at a system call."""
    wrong = "not the events of these steps"
    with pytest.raises(AssertionError, match=wrong):
        kill_at_every_point(worker, "stores outcomes apart")
    with pytest.raises(AssertionError, match=wrong):
        kill_at_every_call(worker, KILLS[:1], "stores outcomes apart")


def test_a_failed_sync_that_is_called_done_is_found(worker: Worker) -> None:
    """I7: the next commit is written over what was acknowledged."""
    with pytest.raises(AssertionError, match="after it was well again"):
        heal_then_go_on(worker, failed_sync(1), 5, "", "calls a failed sync done")


def test_a_denial_of_what_is_there_is_found(worker: Worker) -> None:
    """I4: "unavailable", and the next process finds it done."""
    for plant in ("denies what is in doubt", "forgets what is in doubt"):
        with pytest.raises(AssertionError, match="6 steps are there, 5 were sent"):
            doubt_is_not_denied(worker, plant)


def test_a_doubt_that_stays_in_the_log_is_found(worker: Worker) -> None:
    """I4: a commit whose sync failed comes back after a crash."""
    with pytest.raises(AssertionError, match="6 steps are there, 5 were sent"):
        doubt_is_settled(worker, "leaves the doubt in the log")


def test_a_gap_after_a_failure_is_found(worker: Worker) -> None:
    """V1: what was not stored takes no position."""
    with pytest.raises(AssertionError, match="a position is missing"):
        heal_then_go_on(worker, full_from(1), 5, "", "counts on after a failure")
