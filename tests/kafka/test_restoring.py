"""What a partition is restored from: whole, of one installation, by the log's time."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from healthpay_core import (
    Command,
    CommandRequest,
    Committed,
    StreamCorrupted,
    derive_id,
)
from healthpay_core.testing import deposit, funded, wallet_id, withdrawal
from tests.kafka.memory_log import MemoryLog
from tests.kafka.memory_reader import restored

A = wallet_id("a")


def _do(log: MemoryLog, commands: Sequence[Command], name: str) -> None:
    for number, command in enumerate(commands):
        key = derive_id(f"{name} {number}")
        log.ask(CommandRequest(command=command, command_id=key))
    log.settle()


def _log() -> MemoryLog:
    """A partition with a checkpoint, and commands decided since."""
    log = MemoryLog(1)
    _do(log, funded(A, 100), "before")
    log.checkpoint(0)
    _do(log, [deposit(A, 7)], "since")
    return log


def test_a_journal_that_is_not_the_snapshots_is_refused() -> None:
    """R4: made again without them, its entries would be taken for known ones."""
    log = _log()
    assert restored(log, 0).entries > 0
    log.records[log.topics.journal, 0].clear()
    with pytest.raises(StreamCorrupted, match=r"journal\[0\] ends at 0, and snapshots"):
        restored(log, 0)


def test_a_commands_topic_that_was_made_again_is_refused() -> None:
    """R4: its first commands would be taken for decided, and never be answered."""
    log = _log()
    log.records[log.topics.commands, 0].clear()
    _do(log, [], "")
    with pytest.raises(StreamCorrupted, match=r"commands\[0\] ends at 0, and its"):
        restored(log, 0)


def test_a_new_installation_begins_at_the_first_command() -> None:
    """R4: where nothing was decided nothing is passed over, whatever a group says."""
    log = MemoryLog(1)
    log.ask(CommandRequest(command=deposit(A, 1), command_id=derive_id("early")))
    assert restored(log, 0).next_offset == 0


def test_a_clock_that_is_wrong_makes_no_id_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """I4, I8: what was decided in the log's last month is known, on any machine."""
    log = _log()
    log.checkpoint(0)
    _do(log, [deposit(A, 1)], "after")
    years = log.clock.now() * 1000 + 10**17
    monkeypatch.setattr(time, "time_ns", lambda: years)
    restored(log, 0)
    before = len(list(log.replies()))
    _do(log, [deposit(A, 7)], "since")
    *_, again = list(log.replies())[before:]
    assert isinstance(again, Committed)
    assert again.replayed
    state, _ = log.owned[0].holdings.get(f"wallet/{A}")  # type: ignore[arg-type]
    assert getattr(state, "balance", None) == 108


def test_an_id_is_forgotten_after_a_month_of_the_log() -> None:
    """I8: what is older is not read again, with a checkpoint behind it."""
    log = MemoryLog(1, remembers=False)
    _do(log, funded(A, 100), "before")
    log.clock.advance(days=40)
    _do(log, [withdrawal(A, 1)], "later")
    log.checkpoint(0)
    _do(log, [withdrawal(A, 1)], "last")
    # The two of the last month.
    assert restored(log, 0).entries == 2
