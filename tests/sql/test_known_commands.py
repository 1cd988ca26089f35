"""A command is done once: whatever the clock said, and whoever forgot its answer."""

from __future__ import annotations

import gc
import threading
from dataclasses import replace
from typing import Final

import pytest

from healthpay_core import (
    NO_LIMITS,
    Append,
    CommandHandler,
    CommandRequest,
    Committed,
    CreditWallet,
    DebitWallet,
    DuplicateCommand,
    ManualClock,
    StoreQueries,
    wallet_stream,
)
from healthpay_sql import SqliteEventStore, writer
from healthpay_sql.writing import WritingConnection
from tests.sql.conftest import Funded

DAY: Final = 86_400_000_000
PERIOD: Final = 28 * DAY
START: Final = 733 * PERIOD + DAY


@pytest.fixture
def clock() -> ManualClock:
    """At the beginning of one of the periods that commands are filed under."""
    return ManualClock(START)


@pytest.fixture
def handler(store: SqliteEventStore, clock: ManualClock) -> CommandHandler:
    """Without receipts, as if each had left memory."""
    return CommandHandler(store, clock=clock, policy=NO_LIMITS, cached_receipts=0)


def _debit(wallet_id: str) -> CommandRequest:
    command = DebitWallet(
        wallet_id=wallet_id, amount=10, currency="EGP", reason="withdrawal"
    )
    return CommandRequest(command=command)


def _credit(wallet_id: str) -> CommandRequest:
    command = CreditWallet(
        wallet_id=wallet_id, amount=1, currency="EGP", reason="deposit"
    )
    return CommandRequest(command=command)


def _is_known(
    handler: CommandHandler, store: SqliteEventStore, asked: CommandRequest
) -> bool:
    """Asked again it is a replay, and moves nothing."""
    before = len(store.feed())
    again = handler.handle(asked)
    assert isinstance(again, Committed)
    return again.replayed and len(store.feed()) == before


def test_what_was_filed_long_ago_is_known(
    store: SqliteEventStore,
    handler: CommandHandler,
    clock: ManualClock,
    funded: Funded,
) -> None:
    """I4, I7, I8: the clock was two periods behind, and was put right."""
    wallet = funded(handler, 100)
    asked = _debit(wallet)
    clock.instant = START - 2 * PERIOD
    assert isinstance(handler.handle(asked), Committed)
    clock.instant = START
    handler.handle(_credit(wallet))
    assert StoreQueries(store).command(asked.command_id) is not None
    assert _is_known(handler, store, asked)


def test_what_was_filed_in_a_gap_is_known(
    store: SqliteEventStore,
    handler: CommandHandler,
    clock: ManualClock,
    funded: Funded,
) -> None:
    """I4, I7, I8: the clock was ahead once; later a period lies between."""
    wallet = funded(handler, 100)
    clock.instant = START + 2 * PERIOD
    handler.handle(_credit(wallet))
    clock.instant = START
    handler.handle(_credit(wallet))
    asked = _debit(wallet)
    clock.instant = START - DAY + 2 * PERIOD - 1
    assert isinstance(handler.handle(asked), Committed)
    assert StoreQueries(store).command(asked.command_id) is not None
    clock.advance(seconds=1)
    assert _is_known(handler, store, asked)


@pytest.mark.parametrize("days", [0, 60])
def test_a_command_that_lost_its_outcome_is_known(
    store: SqliteEventStore,
    handler: CommandHandler,
    clock: ManualClock,
    funded: Funded,
    days: int,
) -> None:
    """I8: its events say that it was done, in any period."""
    wallet = funded(handler, 100)
    asked = _debit(wallet)
    assert isinstance(handler.handle(asked), Committed)
    connection = store._writing.connection
    connection.execute("UPDATE commands SET outcome = NULL WHERE key = 4")
    assert store.outcomes((asked.command_id,)) == {}
    clock.advance(days=days)
    handler.handle(_credit(wallet))
    assert _is_known(handler, store, asked)


def test_what_was_absent_before_a_commit_is_asked_for_again(
    store: SqliteEventStore,
    handler: CommandHandler,
    clock: ManualClock,
    funded: Funded,
) -> None:
    """I8: a look-up that comes late does not make a command unknown."""
    wallet = funded(handler, 100)
    commits = store._writer.commits
    asked = _debit(wallet)
    assert isinstance(handler.handle(asked), Committed)
    (event,) = store.feed()[-1:]
    clock.advance(days=60)
    meta = replace(event.envelope.meta, recorded_at=clock.now())
    again = replace(event.envelope, sequence=event.envelope.sequence + 1, meta=meta)
    store._writer.note_absent([asked.command_id], commits)
    append = Append(expected={again.stream: event.envelope.sequence}, events=[again])
    named = frozenset({asked.command_id})
    assert store.append(append) == DuplicateCommand(command_ids=named)


def test_threads_that_have_ended_hold_no_file(
    store: SqliteEventStore, handler: CommandHandler, funded: Funded
) -> None:
    """H8: the pools of servers start and end threads for ever."""
    wallet = funded(handler, 100)
    for _ in range(20):
        thread = threading.Thread(
            target=lambda: store.versions((wallet_stream(wallet),))
        )
        thread.start()
        thread.join()
    gc.collect()
    assert len(store._readers) <= 1


def test_an_interrupt_after_the_commit_locks_nothing(
    store: SqliteEventStore,
    handler: CommandHandler,
    funded: Funded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """V2: what was stored is found, and the wallet goes on."""
    wallet = funded(handler, 100)
    asked, real = _debit(wallet), WritingConnection.commit

    def interrupted(writing: WritingConnection) -> object:
        assert real(writing) is None
        raise KeyboardInterrupt

    with monkeypatch.context() as planted:
        planted.setattr(WritingConnection, "commit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            handler.handle(asked)
    assert isinstance(handler.handle(_credit(wallet)), Committed)
    assert _is_known(handler, store, asked)


def test_heads_are_bounded(
    store: SqliteEventStore,
    handler: CommandHandler,
    funded: Funded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """V1: what was forgotten of a stream is read again."""
    monkeypatch.setattr(writer, "_KNOWN_HEADS", 4)
    wallets = [funded(handler, 100) for _ in range(12)]
    assert len(store._writer._heads) <= 5
    for wallet in wallets:
        assert isinstance(handler.handle(_debit(wallet)), Committed)
