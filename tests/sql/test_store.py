"""Atomic, durable, fair to readers; and honest about what it does not know."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from healthpay_core import (
    NO_LIMITS,
    AppendUnavailable,
    AppendUnknown,
    CommandHandler,
    CommandRequest,
    Committed,
    CreditWallet,
    DebitWallet,
    LocalRuntime,
    ManualClock,
    Outcome,
    Rejected,
    StoreFault,
    StoreQueries,
    StreamCorrupted,
    TransferFunds,
    Unknown,
    new_id,
    wallet_stream,
)
from healthpay_core.refusals import StoreUnavailable
from healthpay_sql import SqliteEventStore
from healthpay_sql.opening import connect
from healthpay_wire.verify import verify_chain
from tests.sql.failing_commit import FailingCommit

Funded = Callable[[CommandHandler, int], str]
HandlerOn = Callable[..., CommandHandler]


def _debit(wallet_id: str, amount: int = 1) -> DebitWallet:
    return DebitWallet(
        wallet_id=wallet_id, amount=amount, currency="EGP", reason="withdrawal"
    )


def _credit(wallet_id: str, amount: int = 1) -> CreditWallet:
    return CreditWallet(
        wallet_id=wallet_id, amount=amount, currency="EGP", reason="deposit"
    )


def test_a_transfer_is_one_transaction(
    store: SqliteEventStore, handler_on: HandlerOn, funded: Funded
) -> None:
    """T4: both legs and the transfer are stored together."""
    handler = handler_on(store)
    source, destination = funded(handler, 100), funded(handler, 1)
    before = len(store.feed())
    outcome = handler.handle(
        CommandRequest(
            command=TransferFunds(
                transfer_id=new_id(),
                source_wallet_id=source,
                destination_wallet_id=destination,
                amount=60,
                currency="EGP",
            )
        )
    )
    assert isinstance(outcome, Committed)
    added = store.feed(before)
    assert [e.envelope.event_type for e in added] == [
        "transfer.initiated",
        "wallet.debited",
        "wallet.credited",
        "transfer.completed",
    ]
    assert len({e.envelope.meta.command_id for e in added}) == 1


def test_chains_verify_and_tampering_with_the_file_is_found(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """A2: an amount changed in the file itself breaks the chain."""
    with SqliteEventStore(path) as store:
        wallet = wallet_stream(funded(handler_on(store), 100))
        assert verify_chain(store.read(wallet)) is None
        with closing(sqlite3.connect(path)) as other, other:
            other.execute(
                "UPDATE events SET data = CAST(replace(data, '100', '900') AS BLOB)"
            )
        broken = verify_chain(store.read(wallet))
        assert broken is not None
        assert broken.sequence == 3


def test_a_replay_is_answered_from_the_file(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """I4, I7: after a restart the same command has the same answer and no effect."""
    with SqliteEventStore(path) as store:
        handler = handler_on(store)
        wallet = funded(handler, 100)
        good = CommandRequest(command=_debit(wallet, 40), fingerprint=b"f" * 32)
        bad = CommandRequest(command=_debit(wallet, 400), fingerprint=b"g" * 32)
        first = [handler.handle(good), handler.handle(bad)]
    with SqliteEventStore(path) as store:
        handler = handler_on(store)
        events = len(store.feed())
        again = [handler.handle(good), handler.handle(bad)]
        assert len(store.feed()) == events
    for one, other in zip(first, again, strict=True):
        assert isinstance(other, (Committed, Rejected))
        assert other.replayed
        assert _content(one) == _content(other)


def _content(outcome: Outcome) -> object:
    if isinstance(outcome, Committed):
        return outcome.resource, outcome.events
    assert isinstance(outcome, Rejected)
    return outcome.error


def test_a_command_is_known_after_months(
    store: SqliteEventStore, handler_on: HandlerOn, funded: Funded
) -> None:
    """I8: a key is good for ever, also across the periods of the index."""
    clock = ManualClock(1_795_564_800_000_000)
    handler = handler_on(store, clock)
    wallet = funded(handler, 100)
    request = CommandRequest(command=_debit(wallet))
    assert isinstance(handler.handle(request), Committed)
    for _ in range(4):
        clock.advance(days=31)
        handler.handle(CommandRequest(command=_credit(wallet)))
    fresh = handler_on(store, clock)
    outcome = fresh.handle(request)
    assert isinstance(outcome, Committed)
    assert outcome.replayed


def test_a_duplicate_is_refused_by_the_store_itself(
    store: SqliteEventStore, handler_on: HandlerOn, funded: Funded
) -> None:
    """I8: even a handler that forgot everything cannot book a command twice."""

    class Forgetful(CommandHandler):
        def _known(self, requests: object) -> dict[str, object]:  # type: ignore[override]
            return {}

    handler = handler_on(store)
    wallet = funded(handler, 100)
    request = CommandRequest(command=_debit(wallet))
    handler.handle(request)
    forgetful = Forgetful(store, policy=NO_LIMITS, pause=lambda _: None)
    outcome = forgetful.handle(request)
    assert isinstance(outcome, Committed)
    assert outcome.replayed
    view = StoreQueries(store).wallet(wallet)
    assert view is not None
    assert view.balance == 99


def test_two_stores_on_one_file_see_each_other(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """V1, V2: another process's appends are noticed, for refusals too."""
    with SqliteEventStore(path) as one, SqliteEventStore(path) as two:
        here, there = handler_on(one), handler_on(two)
        wallet = funded(here, 10)
        for turn in range(10):
            handler = (here, there)[turn % 2]
            outcome = handler.handle(CommandRequest(command=_debit(wallet)))
            assert isinstance(outcome, Committed)
        for handler in (here, there):
            refused = handler.handle(CommandRequest(command=_debit(wallet)))
            assert isinstance(refused, Rejected)
            assert refused.error.code == "INSUFFICIENT_FUNDS"
        there.handle(CommandRequest(command=_credit(wallet)))
        assert isinstance(
            here.handle(CommandRequest(command=_debit(wallet))), Committed
        )
        assert verify_chain(one.read(wallet_stream(wallet))) is None


def test_a_replay_from_another_process_has_no_effect(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """I9: one key sent to two processes books once."""
    with SqliteEventStore(path) as one, SqliteEventStore(path) as two:
        here, there = handler_on(one), handler_on(two)
        wallet = funded(here, 10)
        request = CommandRequest(command=_debit(wallet))
        first, second = here.handle(request), there.handle(request)
        assert isinstance(first, Committed)
        assert isinstance(second, Committed)
        assert second.replayed
        assert first.events == second.events


def test_processes_that_race_for_one_wallet_never_overdraw_it(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """C8, V2: three processes debit at once; exactly the balance is spent."""
    with SqliteEventStore(path) as store:
        wallet = funded(handler_on(store), 50)
    script = Path(__file__).with_name("spender.py")
    arguments = [sys.executable, str(script), str(path), wallet, "40"]
    workers = [subprocess.Popen(arguments) for _ in range(3)]
    assert [worker.wait(240) for worker in workers] == [0, 0, 0]
    with SqliteEventStore(path) as store:
        events = store.read(wallet_stream(wallet))
        view = StoreQueries(store).wallet(wallet)
    assert view is not None
    assert view.balance == 0
    assert len(events) == 3 + 50
    assert verify_chain(events) is None


def test_forty_threads_spend_what_is_there(
    store: SqliteEventStore, handler_on: HandlerOn, funded: Funded
) -> None:
    """C8: of forty debits against a balance good for ten, exactly ten succeed."""
    handler = handler_on(store)
    wallet = funded(handler, 10)
    runtime = LocalRuntime(handler)
    outcomes: list[Outcome] = []

    def spend() -> None:
        outcomes.append(runtime.execute(CommandRequest(command=_debit(wallet))))

    threads = [Thread(target=spend) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = [o.error.code.value for o in outcomes if isinstance(o, Rejected)]
    assert codes == ["INSUFFICIENT_FUNDS"] * 30
    assert sum(isinstance(o, Committed) for o in outcomes) == 10


def test_a_locked_file_stores_nothing_and_says_so(
    path: Path,
    handler_on: HandlerOn,
    funded: Funded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """E4: while another program holds the file, nothing is stored and it is said."""
    monkeypatch.setattr("healthpay_sql.opening.BUSY_TIMEOUT_S", 0.05)
    with SqliteEventStore(path) as store:
        handler = handler_on(store)
        wallet = funded(handler, 10)
        request = CommandRequest(command=_debit(wallet))
        with closing(connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            outcome = handler.handle(request)
            assert isinstance(outcome, Rejected)
            assert outcome.error == StoreUnavailable()
            other.execute("ROLLBACK")
        assert isinstance(handler.handle(request), Committed)


def test_a_full_disk_loses_nothing_that_was_acknowledged(
    store: SqliteEventStore, handler_on: HandlerOn, funded: Funded
) -> None:
    """I7: when the file cannot grow, the append is refused whole; later it works."""
    handler = handler_on(store)
    wallet = funded(handler, 10)
    writer = store._writing.connection
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages}")
    acknowledged = 0
    for _ in range(400):
        outcome = handler.handle(CommandRequest(command=_credit(wallet)))
        if isinstance(outcome, Rejected):
            assert outcome.error == StoreUnavailable()
            break
        acknowledged += isinstance(outcome, Committed)
    else:
        pytest.fail("the disk never filled")
    store._writing.connection.execute("PRAGMA max_page_count = 1000000")
    assert isinstance(
        handler.handle(CommandRequest(command=_credit(wallet))), Committed
    )
    view = StoreQueries(store).wallet(wallet)
    assert view is not None
    assert view.balance == 10 + acknowledged + 1


@pytest.mark.parametrize("stores", [True, False])
def test_an_ambiguous_commit_is_unknown_until_it_is_looked_up(
    path: Path, handler_on: HandlerOn, funded: Funded, stores: bool
) -> None:
    """I4, E4: an I/O error at COMMIT is never reported as failed if it stored."""
    with SqliteEventStore(path) as store:
        handler = handler_on(store)
        wallet = funded(handler, 10)
        failing = FailingCommit(
            store._writing.connection, sqlite3.SQLITE_IOERR, stores=stores
        )
        store._writing.connection = failing  # type: ignore[assignment]
        request = CommandRequest(command=_debit(wallet))
        outcome = handler.handle(request)
        assert isinstance(outcome, Committed if stores else Unknown)
        again = handler.handle(request)
        assert isinstance(again, Committed)
        assert again.replayed is stores
        view = StoreQueries(store).wallet(wallet)
        assert view is not None
        assert view.balance == 9


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (sqlite3.SQLITE_FULL, AppendUnavailable),
        (sqlite3.SQLITE_BUSY, AppendUnavailable),
        (sqlite3.SQLITE_IOERR, AppendUnknown),
        (sqlite3.SQLITE_CORRUPT, AppendUnknown),
    ],
)
def test_what_a_failed_commit_means(
    path: Path, handler_on: HandlerOn, funded: Funded, code: int, answer: type
) -> None:
    """E4: only errors that certainly stored nothing are said to have stored nothing."""
    with SqliteEventStore(path) as store:
        seen: list[object] = []
        handler = handler_on(store)
        wallet = funded(handler, 10)
        store._writing.connection = FailingCommit(  # type: ignore[assignment]
            store._writing.connection, code
        )
        original = store.append

        def append(batch: object) -> object:
            seen.append(original(batch))  # type: ignore[arg-type]
            return seen[-1]

        store.append = append  # type: ignore[method-assign,assignment]
        handler.handle(CommandRequest(command=_debit(wallet)))
        assert isinstance(seen[0], answer)


def test_reads_do_not_wait_for_a_write(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """V2: while a transaction is open, readers see what was committed before."""
    with SqliteEventStore(path) as store:
        wallet = funded(handler_on(store), 10)
        with closing(connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM events")
            view = StoreQueries(store).wallet(wallet)
            other.execute("ROLLBACK")
    assert view is not None
    assert view.balance == 10


def test_snapshots_ride_along_and_may_be_lost(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """A1: a snapshot shortens the fold and changes nothing else."""
    with SqliteEventStore(path) as store:
        handler = handler_on(store)
        wallet = funded(handler, 10)
        for _ in range(9):
            handler.handle(CommandRequest(command=_debit(wallet)))
    stream = wallet_stream(wallet)
    with SqliteEventStore(path) as store:
        snapshot = store.load_snapshot(stream)
        assert snapshot is not None
        assert snapshot.version == 10
        with_it = StoreQueries(store, store).wallet(wallet)
        assert with_it == StoreQueries(store).wallet(wallet)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE snapshots SET state = x'00'")
    with SqliteEventStore(path) as store:
        assert store.load_snapshot(stream) is None
        outcome = handler_on(store).handle(CommandRequest(command=_debit(wallet)))
        assert isinstance(outcome, Committed)


def test_a_damaged_row_stops_the_load_and_is_named(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """C5: an event that cannot be read stops its stream, not the others."""
    with SqliteEventStore(path) as store:
        handler = handler_on(store)
        damaged, whole = funded(handler, 10), funded(handler, 10)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE events SET data = x'7b7d' WHERE position = 3")
    with SqliteEventStore(path) as store:
        with pytest.raises(StreamCorrupted, match=f"event 3 of wallet/{damaged}"):
            store.read(wallet_stream(damaged))
        handler = handler_on(store)
        refused = handler.handle(CommandRequest(command=_debit(damaged)))
        assert isinstance(refused, Rejected)
        assert refused.error.code == "CORRUPT_STREAM"
        assert isinstance(
            handler.handle(CommandRequest(command=_debit(whole))), Committed
        )


def test_a_closed_store_says_so(
    path: Path, handler_on: HandlerOn, funded: Funded
) -> None:
    """E4: after close nothing is read or stored, and it is no refusal."""
    store = SqliteEventStore(path)
    handler = handler_on(store)
    wallet = funded(handler, 10)
    store.close()
    store.close()
    with pytest.raises(StoreFault):
        store.feed()
    outcome = handler.handle(CommandRequest(command=_debit(wallet)))
    assert isinstance(outcome, Rejected)
    assert outcome.error == StoreUnavailable()


def test_ids_that_are_no_uuids_are_kept_as_they_are(
    store: SqliteEventStore, handler_on: HandlerOn, funded: Funded
) -> None:
    """I2: command ids of other shapes neither collide nor change."""
    handler = handler_on(store)
    wallet = funded(handler, 10)
    ids = ["k", "K", "x" * 300, "مفتاح", "00000000-0000-4000-8000-00000000000A"]
    for command_id in ids:
        request = CommandRequest(command=_debit(wallet), command_id=command_id)
        assert isinstance(handler.handle(request), Committed)
    assert set(store.outcomes(ids)) == set(ids)
