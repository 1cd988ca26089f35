"""Long streams are read in pages, and damage in them is found (A1, C5, V1)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from healthpay_core import (
    Command,
    CommandHandler,
    CommandRequest,
    CreditWallet,
    DebitWallet,
    StoreFault,
    StreamCorrupted,
    StreamId,
    wallet_stream,
)
from healthpay_sql import SqliteEventStore, facts

Funded = Callable[[CommandHandler, int], str]
HandlerOn = Callable[..., CommandHandler]
LENGTH: Final = 23


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of five events, so that a short stream has several."""
    monkeypatch.setattr("healthpay_sql.facts._PAGE", 5)


@pytest.fixture
def stream(
    path: Path, small_pages: None, handler_on: HandlerOn, funded: Funded
) -> StreamId:
    """A wallet with a history of events of several types, in a closed file."""
    with SqliteEventStore(path) as store:
        handler = handler_on(store)
        wallet = funded(handler, 100)
        for turn in range(LENGTH - 3):
            command = _movement(wallet, 1 + turn, credit=turn % 9 > 0)
            handler.handle(CommandRequest(command=command))
    return wallet_stream(wallet)


def _movement(wallet_id: str, amount: int, *, credit: bool) -> Command:
    reference = "“نوفمبر”, {1}"
    if credit:
        return CreditWallet(
            wallet_id=wallet_id,
            amount=amount,
            currency="EGP",
            reason="deposit",
            reference=reference,
        )
    return DebitWallet(
        wallet_id=wallet_id,
        amount=amount,
        currency="EGP",
        reason="withdrawal",
        reference=reference,
    )


def _change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(statement, values)


def test_facts_are_what_read_gives(path: Path, stream: StreamId) -> None:
    """A1: at every start and limit, across pages, the same events as `read`."""
    with SqliteEventStore(path) as store:
        whole = [(e.envelope.sequence, e.envelope.data) for e in store.read(stream)]
        assert len(whole) == LENGTH
        for after in range(LENGTH + 2):
            assert list(store.facts(stream, after)) == whole[after:]
            for limit in (0, 1, 4, 5, 6, 10, 11, LENGTH, LENGTH + 9):
                found = list(store.facts(stream, after, limit))
                assert found == whole[after : after + limit]
        assert list(store.facts(StreamId("wallet/none"))) == []


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b"null",
        b'{"amount":1',
        b"{},{}",
        b'"a","b"',
    ],
)
@pytest.mark.parametrize("version", [1, 5, 6, 13, LENGTH])
def test_a_damaged_event_is_named_wherever_it_is(
    path: Path, stream: StreamId, damage: bytes, version: int
) -> None:
    """C5: on any page, first or last of it, the load says which event it is."""
    _change(path, "UPDATE events SET data = ? WHERE version = ?", damage, version)
    with SqliteEventStore(path) as store:
        with pytest.raises(StreamCorrupted, match=f"event {version} of {stream}"):
            store.facts(stream)
        assert len(store.facts(stream, 0, version - 1)) == version - 1
        assert len(store.facts(stream, version)) == LENGTH - version


def test_an_event_that_is_two_does_not_shift_the_others(
    path: Path, stream: StreamId
) -> None:
    """C5: a row of two whole events is refused, and not taken for two rows."""
    with closing(sqlite3.connect(path)) as other:
        row = other.execute("SELECT data FROM events WHERE version = 7").fetchone()
    _change(
        path, "UPDATE events SET data = ? WHERE version = 7", row[0] + b"," + row[0]
    )
    with (
        SqliteEventStore(path) as store,
        pytest.raises(StreamCorrupted, match=f"event 7 of {stream}"),
    ):
        store.facts(stream)


def test_a_gap_is_left_for_the_load_to_find(path: Path, stream: StreamId) -> None:
    """V1: events keep their own versions; none is renumbered over a gap."""
    _change(path, "DELETE FROM events WHERE version = 8")
    with SqliteEventStore(path) as store:
        found = [version for version, _ in store.facts(stream)]
    assert found == [v for v in range(1, LENGTH + 1) if v != 8]


def test_the_order_of_a_page_is_looked_at(
    path: Path, stream: StreamId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V1: should SQLite join rows in another order, they are read one by one."""
    backwards = facts._JOINED.replace("ORDER BY version", "ORDER BY version DESC")
    monkeypatch.setattr(facts, "_JOINED", backwards)
    with SqliteEventStore(path) as store:
        found = [version for version, _ in store.facts(stream)]
    assert found == list(range(1, LENGTH + 1))


def test_a_type_of_a_newer_program_is_named(path: Path, stream: StreamId) -> None:
    """A4: an event whose type this program does not know stops its stream alone."""
    _change(path, "INSERT INTO event_types VALUES (99, 'wallet.tokenised', 1)")
    _change(path, "UPDATE events SET type = 99 WHERE version = 9")
    with (
        SqliteEventStore(path) as store,
        pytest.raises(StreamCorrupted, match=f"is not known at event 9 of {stream}"),
    ):
        store.facts(stream)
    _change(path, "UPDATE events SET type = 98 WHERE version = 9")
    with (
        SqliteEventStore(path) as store,
        pytest.raises(StreamCorrupted, match=f"is not known at event 9 of {stream}"),
    ):
        store.facts(stream)


def test_a_store_that_cannot_be_read_is_no_damage(path: Path, stream: StreamId) -> None:
    """E4: a fault of the file is a fault of the store, not of the stream."""
    with SqliteEventStore(path) as store:
        assert store.facts(stream)
        _change(path, "DROP TABLE events")
        with pytest.raises(StoreFault):
            store.facts(stream)
