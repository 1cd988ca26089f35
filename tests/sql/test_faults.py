"""What the store does after an error: it doubts itself, and says what is wrong."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from healthpay_core import (
    AppendUnavailable,
    CommandHandler,
    CommandRequest,
    Committed,
    CreditWallet,
    DebitWallet,
    Rejected,
    Unknown,
    new_id,
)
from healthpay_core.refusals import StoreUnavailable
from healthpay_core.testing.builders import create
from healthpay_sql import SqliteEventStore
from healthpay_sql.opening import connect
from tests.sql.failing_commit import FailingCommit

Funded = Callable[[CommandHandler, int], str]
HandlerOn = Callable[..., CommandHandler]
WAIT_S = 0.4
TRIES = 6
"""A busy machine may hold up some of them, not each."""


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits five seconds for a lock here."""
    monkeypatch.setattr("healthpay_sql.opening.BUSY_TIMEOUT_S", WAIT_S)
    monkeypatch.setattr("healthpay_sql.writing.BUSY_TIMEOUT_S", WAIT_S)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program is writing, and does not come to an end."""
    with closing(connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def debit(wallet: str, amount: int) -> CommandRequest:
    command = DebitWallet(
        wallet_id=wallet, amount=amount, currency="EGP", reason="withdrawal"
    )
    return CommandRequest(command=command)


def credit(wallet: str, amount: int) -> CommandRequest:
    command = CreditWallet(
        wallet_id=wallet, amount=amount, currency="EGP", reason="deposit"
    )
    return CommandRequest(command=command)


def break_commit(store: SqliteEventStore, code: int, *, stores: bool = False) -> None:
    """The next COMMIT of this store fails."""
    writing = store._writing
    writing.connection = FailingCommit(  # type: ignore[assignment]
        writing.connection, code, stores=stores
    )


@pytest.mark.parametrize("others", range(1, 6))
def test_no_refusal_rests_on_old_data_after_a_failed_commit(
    path: Path, handler_on: HandlerOn, funded: Funded, others: int
) -> None:
    """V2: SQLite counts the writes of others anew for each connection; we do not."""
    with SqliteEventStore(path) as one, SqliteEventStore(path) as two:
        here, there = handler_on(one), handler_on(two)
        wallet = funded(here, 10)
        break_commit(one, sqlite3.SQLITE_IOERR)
        unknown = here.handle(CommandRequest(command=create(new_id())))
        assert isinstance(unknown, Unknown)
        for _ in range(others):
            assert isinstance(there.handle(credit(wallet, 1_000)), Committed)
        assert isinstance(here.handle(debit(wallet, 500)), Committed)


def test_out_of_memory_at_commit_is_unknown(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """I4: SQLite may run out of memory when all is written and synced."""
    with SqliteEventStore(path) as store:
        handler = handler_on(store)
        wallet = funded(handler, 10)
        break_commit(store, sqlite3.SQLITE_NOMEM)
        assert isinstance(handler.handle(debit(wallet, 1)), Unknown)


def test_a_connection_whose_commit_failed_is_not_used_again(
    path: Path,
    handler_on: HandlerOn,
    funded: Funded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """I7: while no new connection can be made, the store is not available."""

    def cannot(*_: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open database file")

    with SqliteEventStore(path) as store:
        handler = handler_on(store)
        wallet = funded(handler, 10)
        break_commit(store, sqlite3.SQLITE_IOERR)
        broken = store._writing.connection
        with monkeypatch.context() as patch:
            patch.setattr("healthpay_sql.store.connect", cannot)
            assert isinstance(handler.handle(debit(wallet, 1)), Unknown)
            refused = handler.handle(debit(wallet, 2))
            assert isinstance(refused, Rejected)
            assert refused.error == StoreUnavailable()
        assert isinstance(handler.handle(debit(wallet, 3)), Committed)
        assert store._writing.connection is not broken


def test_who_waited_in_vain_for_a_lock_waits_less(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """E4: a lock that is held for long holds nobody up for long but the first."""
    with SqliteEventStore(path) as store:
        handler = handler_on(store)
        wallet = funded(handler, 10)
        with locked(path):
            waits, patience_s = [], []
            for _ in range(TRIES):
                patience_s.append(_patience_s(store))
                before = time.monotonic()
                outcome = handler.handle(debit(wallet, 1))
                waits.append(time.monotonic() - before)
                assert isinstance(outcome, Rejected)
                assert outcome.error == StoreUnavailable()
        assert waits[0] >= WAIT_S == patience_s[0]
        assert max(patience_s[1:]) < WAIT_S / 4
        assert min(waits[1:]) < WAIT_S, waits
        assert isinstance(handler.handle(debit(wallet, 1)), Committed)
        # Patient again: the one who holds the lock may be quick this time.
        assert _patience_s(store) == WAIT_S


def _patience_s(store: SqliteEventStore) -> float:
    """How long it will wait for a lock."""
    connection = store._writing.connection
    return float(connection.execute("PRAGMA busy_timeout").fetchone()[0]) / 1000


def test_a_fault_is_told_until_it_is_over(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """H8: a health check says what is wrong, changes nothing, and sees the end."""
    with SqliteEventStore(path) as store:
        handler = handler_on(store)
        wallet = funded(handler, 10)
        assert store.fault() is None
        with locked(path):
            assert store.fault() is None, "nobody wanted to write"
            handler.handle(debit(wallet, 1))
            texts, waits = set(), []
            for _ in range(TRIES):
                began = time.monotonic()
                texts.add(store.fault())
                waits.append(time.monotonic() - began)
                assert _patience_s(store) < WAIT_S / 4
            assert min(waits) < WAIT_S, "it waits for the lock"
            (text,) = texts
            assert text is not None
            assert text.startswith("is locked by another program; stop that one first")
            assert str(path) not in text
        before = store.feed()
        with closing(connect(path)) as other:
            writes = [_writes_seen_by(other)]
            for _ in range(3):
                assert store.fault() is None
                writes.append(_writes_seen_by(other))
        assert writes[0] < writes[1], "it has not tried to write"
        assert writes[1:] == [writes[1]] * 3, "it writes though all is well"
        assert store.feed() == before


def _writes_seen_by(other: sqlite3.Connection) -> int:
    return int(other.execute("PRAGMA data_version").fetchone()[0])


def test_a_fault_of_reading_is_told(path: Path) -> None:
    """H8, E5: a file that is damaged while it is used is not healthy."""
    with SqliteEventStore(path) as store:
        store._writing.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        path.write_bytes(b"\xa5" * path.stat().st_size)
        text = store.fault()
    assert text is not None
    assert "not an SQLite file" in text or "damaged" in text


def test_the_reason_of_an_append_says_what_to_do(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """E4: whoever reads the reason knows what is wrong with which thing."""
    with SqliteEventStore(path) as store:
        handler = handler_on(store)
        wallet = funded(handler, 10)
        seen: list[object] = []
        original = store.append

        def append(batch: object) -> object:
            seen.append(original(batch))  # type: ignore[arg-type]
            return seen[-1]

        store.append = append  # type: ignore[method-assign,assignment]
        break_commit(store, sqlite3.SQLITE_FULL)
        handler.handle(debit(wallet, 1))
    assert isinstance(seen[0], AppendUnavailable)
    assert seen[0].reason.startswith("cannot grow: the disk is full; make space")
