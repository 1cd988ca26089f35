"""The replay's proofs are worth something: each finds the fault that is planted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

import pytest

from examples import card_data, replay
from examples.card_data import card_data_in
from examples.effects import is_whole
from examples.proofs import Acknowledged, Proof, prove
from healthpay_core import (
    ANY_VERSION,
    Append,
    Appended,
    CommandHandler,
    CommandRequest,
    CreateWallet,
    EventEnvelope,
    InMemoryEventStore,
    PaymentCaptured,
    PaymentRefunded,
    PaymentView,
    RecordedEvent,
    StoreQueries,
    TransferCompleted,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
    WalletHoldReleased,
    WalletView,
    event_id,
    new_id,
)
from healthpay_core.memory import Digest
from healthpay_wire.envelopes import digest

COMMANDS = 2_500
BALANCES = "every balance is the fold of its stream"
MONEY = "money is conserved in every currency"
HOLDS = "every wallet holds what its open holds are"
PAYMENTS = "refunded <= captured <= authorised"
CARDS = "no event holds card data"
CHAINS = "every hash chain is whole"
VERSIONS = "versions run from 1 without a gap"
EFFECTS = "each command has at most one effect"
ANSWERS = "what was acknowledged is there"

Log = list[EventEnvelope]
MOVEMENTS = (WalletCredited, WalletDebited, WalletHoldPlaced, WalletHoldReleased)


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
            related = data.related
            moved = related is not None and related.transfer_id is not None
            paid = related is not None and related.payment_id is not None
            if moved == transfer and not paid:
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


def _shift(log: Log, place: int, by: int) -> None:
    """Move the balance after an event, and after all that follow in its stream."""
    stream = log[place].stream
    for later in range(place, len(log)):
        data = log[later].data
        if log[later].stream == stream and isinstance(data, MOVEMENTS):
            moved = replace(data, balance_after=data.balance_after + by)
            log[later] = replace(log[later], data=moved)


def _full_refund(log: Log) -> int:
    return next(
        i
        for i, e in enumerate(log)
        if isinstance(e.data, PaymentRefunded) and e.data.full
    )


def _other_refund(log: Log, by: int) -> None:
    """A refund of another amount, the same in both wallets and in the payment."""
    place = _full_refund(log)
    command_id = log[place].meta.command_id
    for i, envelope in enumerate(log):
        if envelope.meta.command_id != command_id:
            continue
        match envelope.data:
            case PaymentRefunded() as data:
                total = data.refunded_total + by
                more = replace(data, amount=data.amount + by, refunded_total=total)
                log[i] = replace(envelope, data=more)
            case WalletDebited() | WalletCredited() as leg:
                more_moved = replace(leg, amount=leg.amount + by)
                log[i] = replace(envelope, data=more_moved)
                _shift(log, i, by if isinstance(leg, WalletCredited) else -by)
            case _:
                pass


def _refunded_too_much(log: Log) -> None:
    _other_refund(log, 1)


def _refund_only_said(log: Log) -> None:
    """The payment says less than the wallets moved, which breaks no rule alone."""
    place = _full_refund(log)
    data = log[place].data
    assert isinstance(data, PaymentRefunded)
    less = replace(data, amount=data.amount - 1, refunded_total=data.refunded_total - 1)
    log[place] = replace(log[place], data=less)


def _fee_not_said(log: Log) -> None:
    place, data = next(
        (i, e.data)
        for i, e in enumerate(log)
        if isinstance(e.data, PaymentCaptured) and e.data.fee is not None
    )
    log[place] = replace(log[place], data=replace(data, fee=None))


def _hold_never_released(log: Log) -> None:
    """A void whose money stays held, for all that comes after in the wallet."""
    place = next(
        i
        for i, e in enumerate(log)
        if isinstance(e.data, WalletHoldReleased) and e.data.reason == "voided"
    )
    gone = log.pop(place)
    assert isinstance(gone.data, WalletHoldReleased)
    for later in range(place, len(log)):
        data = log[later].data
        if log[later].stream == gone.stream and isinstance(data, MOVEMENTS):
            held = data.held_after + gone.data.amount
            log[later] = replace(log[later], data=replace(data, held_after=held))


def _a_card_number(log: Log) -> None:
    """Where a reference should stand, grouped as on the card; a known test number."""
    place, data = _last_credit(log, transfer=False)
    number = replace(data, reference="4242-4242 42424242")
    log[place] = replace(log[place], data=number)


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
        (_refunded_too_much, {PAYMENTS}, [", authorised ", "cannot be folded"]),
        (_refund_only_said, {PAYMENTS}, ["payment ", "given_back="]),
        (_fee_not_said, {PAYMENTS}, ["fees=0", "fee="]),
        (
            _hold_never_released,
            {HOLDS, EFFECTS, ANSWERS},
            ["its payment wants 0", "left payment.voided"],
        ),
        (_a_card_number, {CARDS}, ["/data/reference holds the number of a card"]),
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


def test_a_wrong_payment_is_found(month: tuple[Log, Acknowledged]) -> None:
    """What the library tells of a payment is compared with the books (P18)."""
    log, acknowledged = month
    store = _rebuilt(log)
    victim = log[_full_refund(log)].aggregate_id

    class Wrong(StoreQueries):
        def payment(self, payment_id: str) -> PaymentView | None:
            view = super().payment(payment_id)
            if view is None or payment_id != victim:
                return view
            return replace(view, refunded_amount=view.refunded_amount - 1)

    proofs = prove(store, Wrong(store), acknowledged=acknowledged)
    assert _failed(proofs) == {PAYMENTS}


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("4242424242424242", True),
        ("card 4242 4242 4242 4242.", True),
        ("3782-822463-10005", True),
        ("6304000000000000000", True),
        ("4242424242424241", False),
        ("42424242424", False),
        ("42424242424242424242", False),
        ("00000000-0000-4000-8000-424242424242", False),
        ("00-a4242424242424242bcdef0123456789-00f067aa0ba902b7-01", False),
    ],
)
def test_card_numbers_are_told_by_their_shape(text: str, is_found: bool) -> None:
    """12 to 19 digits that pass Luhn's check, grouped or not; ids are none (D2)."""
    created = _created(text)
    assert bool(list(card_data_in(created))) == is_found


def _created(owner_id: str) -> RecordedEvent:
    store = InMemoryEventStore(digest=digest)
    create = CreateWallet(
        wallet_id=new_id(),
        owner_id=owner_id,
        wallet_type="personal",
        currency="EGP",
        kyc_level="basic",
    )
    CommandHandler(store).handle(CommandRequest(command=create))
    return store.feed(0, 1)[0]


def test_members_for_card_data_are_told_by_their_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A member called cvv, pin or card number is found, whatever is in it (D2)."""
    created = _created("patient-7")
    assert not list(card_data_in(created))
    for name in ("cvv", "cardNumber", "PIN", "security_code"):
        text = json.dumps({"data": {"more": [{name: 123}]}}).encode()
        monkeypatch.setattr(card_data, "canonical", lambda *_, text=text: text)
        assert list(card_data_in(created)) == [
            f"/data/more/0/{name} is a member for card data"
        ]


@pytest.mark.parametrize(
    "types",
    [
        ["wallet.hold_placed"],
        ["wallet.hold_released"],
        ["payment.captured"],
        ["wallet.debited", "wallet.credited"],
        ["wallet.hold_placed", "payment.authorized", "payment.captured"],
    ],
)
def test_a_part_of_a_payment_is_not_whole(types: list[str]) -> None:
    """A hold without its payment, or a payment without its money, is torn (P2, P10)."""
    assert not is_whole(types)


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
    assert len(_failed(_proofs(InMemoryEventStore(digest=digest)))) == 8


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
