"""The replay's proofs are worth something: each finds the fault that is planted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

import pytest

from examples import replay
from examples.proofs import Acknowledged, Proof, prove
from healthpay_core import (
    ANY_VERSION,
    Append,
    Appended,
    EventEnvelope,
    InMemoryEventStore,
    StoreQueries,
    TransferCompleted,
    WalletCredited,
    WalletView,
    event_id,
)
from healthpay_core.memory import Digest
from healthpay_wire.envelopes import digest

COMMANDS = 1_500
BALANCES = "every balance is the fold of its stream"
MONEY = "money is conserved in every currency"
CHAINS = "every hash chain is whole"
VERSIONS = "versions run from 1 without a gap"
EFFECTS = "each command has at most one effect"
ANSWERS = "what was acknowledged is there"

Log = list[EventEnvelope]


@pytest.fixture(scope="module")
def month() -> tuple[Log, Acknowledged]:
    store = InMemoryEventStore(digest=digest)
    _, acknowledged = replay.replay(store, store, seed=4, commands=COMMANDS)
    return [r.envelope for r in store.feed(0, 1_000_000)], acknowledged


def _rebuilt(log: Sequence[EventEnvelope], make: Digest = digest) -> InMemoryEventStore:
    """A store of these events, numbered and sealed anew, as a forger would."""
    store = InMemoryEventStore(digest=make)
    expected = dict.fromkeys((e.stream for e in log), ANY_VERSION)
    assert isinstance(store.append(Append(expected=expected, events=log)), Appended)
    return store


def _last_credit(log: Log, *, transfer: bool) -> tuple[int, WalletCredited]:
    """A credit that nothing follows in its stream."""
    later: set[str] = set()
    for place in range(len(log) - 1, -1, -1):
        data, stream = log[place].data, log[place].stream
        if isinstance(data, WalletCredited) and stream not in later:
            moved = data.related is not None and data.related.transfer_id is not None
            if moved == transfer:
                return place, data
        later.add(stream)
    raise AssertionError("the month has no such credit")


def _proofs(
    store: InMemoryEventStore, acknowledged: Acknowledged | None = None
) -> list[Proof]:
    return prove(store, StoreQueries(store), acknowledged=acknowledged)


def _failed(proofs: Sequence[Proof]) -> set[str]:
    return {proof.claim for proof in proofs if not proof.holds}


def _other_amount(log: Log) -> None:
    place, data = _last_credit(log, transfer=False)
    log[place] = replace(log[place], data=replace(data, amount=data.amount + 1))


def _more_arrives_than_left(log: Log) -> None:
    place, data = _last_credit(log, transfer=True)
    more = replace(data, amount=data.amount + 1, balance_after=data.balance_after + 1)
    log[place] = replace(log[place], data=more)


def _transfer_never_ends(log: Log) -> None:
    place = next(i for i, e in enumerate(log) if isinstance(e.data, TransferCompleted))
    del log[place]


def _done_twice(log: Log) -> None:
    place, data = _last_credit(log, transfer=False)
    once = log[place]
    again = replace(data, balance_after=data.balance_after + data.amount)
    new_id = event_id(once.aggregate_id, once.meta.command_id, 1)
    log.append(replace(once, data=again, event_id=new_id))


def _lost_at_the_end(log: Log) -> None:
    place, _ = _last_credit(log, transfer=False)
    del log[place]


def test_an_untouched_month_holds(month: tuple[Log, Acknowledged]) -> None:
    """Rebuilt without a change, every proof holds."""
    log, acknowledged = month
    proofs = _proofs(_rebuilt(log), acknowledged)
    assert not _failed(proofs)
    assert all(proof.checked for proof in proofs)


@pytest.mark.parametrize(
    ("fault", "found_by", "texts"),
    [
        (_other_amount, {BALANCES, MONEY}, ["event ", " held, its events add up to"]),
        (_more_arrives_than_left, {MONEY}, ["EGP: wallets and", "transfer "]),
        (_transfer_never_ends, {MONEY, EFFECTS, ANSWERS}, ["completed=False"]),
        (_done_twice, {EFFECTS, ANSWERS}, ["has a second effect"]),
        (_lost_at_the_end, {ANSWERS}, ["was told 1 events, there are 0"]),
    ],
)
def test_what_is_sealed_anew_is_still_found(
    month: tuple[Log, Acknowledged],
    fault: Callable[[Log], None],
    found_by: set[str],
    texts: list[str],
) -> None:
    """A fault under whole hash chains is found by the proofs it breaks (C5, C6)."""
    log, acknowledged = list(month[0]), month[1]
    fault(log)
    proofs = _proofs(_rebuilt(log), acknowledged)
    assert _failed(proofs) == found_by
    said = "\n".join(fault for proof in proofs for fault in proof.faults)
    assert all(text in said for text in texts), said


def test_a_wrong_answer_is_found(month: tuple[Log, Acknowledged]) -> None:
    """What the library tells is compared with the books, not with itself."""
    log, acknowledged = month
    store = _rebuilt(log)
    victim = log[0].aggregate_id

    class Wrong(StoreQueries):
        def wallet(
            self, wallet_id: str, *, version: int | None = None, at: int | None = None
        ) -> WalletView | None:
            view = super().wallet(wallet_id, version=version, at=at)
            if view is None or wallet_id != victim:
                return view
            return replace(view, balance=view.balance + 1)

    proofs = prove(store, Wrong(store), acknowledged=acknowledged)
    assert _failed(proofs) == {BALANCES, MONEY}


def test_a_broken_link_is_found(month: tuple[Log, Acknowledged]) -> None:
    """One wrong hash is found by the chains alone (A2)."""
    log, acknowledged = month
    victim = log[len(log) // 2].event_id

    def lying(prev_hash: bytes, envelope: EventEnvelope) -> bytes:
        true = digest(prev_hash, envelope)
        return true[::-1] if envelope.event_id == victim else true

    found = _failed(_proofs(_rebuilt(log, lying), acknowledged))
    assert found == {CHAINS}


def test_an_empty_store_proves_nothing() -> None:
    """Where nothing was checked, nothing is said to be proved."""
    assert len(_failed(_proofs(InMemoryEventStore(digest=digest)))) == 5


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("proofs") / "month.db"
    commands = str(COMMANDS)
    assert replay.main(["--store", f"sqlite:///{path}", "--commands", commands]) == 0
    return path


def _tampered(played: Path, folder: Path, statement: str) -> Path:
    path = folder / "tampered.db"
    copyfile(played, path)
    with closing(sqlite3.connect(path)) as file, file:
        assert file.execute(statement).rowcount == 1
    return path


# The third event of some wallet that has more of them: its first money.
_VICTIM = """(
    SELECT e.position FROM events e JOIN event_types t ON t.key = e.type
     WHERE t.name = 'wallet.credited' AND e.version = 3
       AND EXISTS (SELECT 1 FROM events l WHERE l.stream = e.stream AND l.version = 4)
     ORDER BY e.position LIMIT 1
)"""
_ANOTHER_AMOUNT = f"""
UPDATE events SET data = CAST(json_set(CAST(data AS TEXT), '$.amount',
       json_extract(CAST(data AS TEXT), '$.amount') + 1) AS BLOB)
 WHERE position = {_VICTIM}
"""
_GONE = f"DELETE FROM events WHERE position = {_VICTIM}"
_UNREADABLE = f"UPDATE events SET data = x'7b7d' WHERE position = {_VICTIM}"


@pytest.mark.parametrize(
    ("statement", "found_by", "text"),
    [
        (_ANOTHER_AMOUNT, {BALANCES, CHAINS}, "hash does not match the content"),
        (_GONE, {BALANCES, CHAINS, VERSIONS}, "lacks the versions [3]"),
        (_UNREADABLE, {EFFECTS}, "the feed cannot be read"),
    ],
    ids=["another amount", "an event gone", "unreadable"],
)
def test_a_tampered_file_is_found(
    played: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    statement: str,
    found_by: set[str],
    text: str,
) -> None:
    """Who edits the file is found out: exit code 1, and a text that says it (A2)."""
    path = _tampered(played, tmp_path, statement)
    capsys.readouterr()
    assert replay.main(["--store", f"sqlite:///{path}", "--check"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("replay: not proved: ")
    assert all(f"{claim} (" in said.err for claim in found_by)
    assert all(f"FAILED  {claim}" in said.out for claim in found_by)
    assert text in said.out
