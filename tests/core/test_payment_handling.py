"""Payments through the handler: streams that become known while deciding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

from healthpay_core import (
    AuthorizePayment,
    CapturePayment,
    CloseWallet,
    Code,
    Event,
    InMemoryEventStore,
    StoreFault,
    StreamCorrupted,
    StreamId,
    SuspendWallet,
    medcard_stream,
    payment_stream,
    wallet_stream,
)
from healthpay_core.ports import Append, AppendResult
from healthpay_core.testing import (
    ScriptedStore,
    Workbench,
    card_id,
    funded,
    issued,
    opened,
    payment,
    payment_id,
    request,
    wallet_id,
    withdrawal,
)

AHMED, SHOP = wallet_id("ahmed"), wallet_id("shop")
CARD, P = card_id("card"), payment_id("payment")
AUTHORIZE: Final = AuthorizePayment(payment_id=P)


def agreed(store: InMemoryEventStore | ScriptedStore) -> Workbench:
    """A payment by card, agreed on."""
    made = Workbench(store)
    made.do(*funded(AHMED, 100), *opened(SHOP, wallet_type="merchant"))
    made.do(*issued(CARD, AHMED), payment(AHMED, SHOP, 60, card=CARD))
    return made


class Recording(InMemoryEventStore):
    """Remembers what was appended, and can be made to fail for a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.appends: list[Append] = []
        self.fails_for: StreamId | None = None
        self.error: Exception = StoreFault("gone")

    def append(self, append: Append) -> AppendResult:
        self.appends.append(append)
        return super().append(append)

    def facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        if stream == self.fails_for:
            raise self.error
        return super().facts(stream, after, limit)


def test_what_was_only_looked_at_must_not_have_changed_either() -> None:
    """V1, D6: the append expects the versions of card and payee as well."""
    store = Recording()
    room = agreed(store)
    room.do(AUTHORIZE)
    assert store.appends[-1].expected == {
        wallet_stream(AHMED): 3,
        wallet_stream(SHOP): 2,
        payment_stream(P): 1,
        medcard_stream(CARD): 2,
    }
    assert list(store.appends[-1].expected) == sorted(store.appends[-1].expected)


def test_a_batch_expects_what_was_stored_before_it() -> None:
    """T9, V1: what an earlier order of the batch appended is no stored version."""
    store = Recording()
    room = agreed(store)
    plain = payment(AHMED, SHOP, 10, name="plain")
    second = AuthorizePayment(payment_id=payment_id("plain"))
    room.handle(withdrawal(AHMED, 1), AUTHORIZE, plain, second)
    assert store.appends[-1].expected == {
        wallet_stream(AHMED): 3,
        wallet_stream(SHOP): 2,
        payment_stream(P): 1,
        payment_stream(payment_id("plain")): 0,
        medcard_stream(CARD): 2,
    }
    assert room.wallet(AHMED).held == 70
    again = Workbench(store)
    assert again.wallet(AHMED) == room.wallet(AHMED)


def test_a_payee_who_closes_meanwhile_wins_the_race() -> None:
    """V2, W8: the lost race is decided anew on what the other writer left."""
    store = InMemoryEventStore()
    room, other = agreed(store), Workbench(store)
    room.do(withdrawal(AHMED, 1))
    other.do(CloseWallet(wallet_id=SHOP))
    room.refuse(AUTHORIZE, Code.WALLET_CLOSED, party="merchant")
    assert room.wallet(AHMED).held == 0


@pytest.mark.parametrize(
    "stream",
    [wallet_stream(AHMED), wallet_stream(SHOP), medcard_stream(CARD)],
)
def test_a_party_that_cannot_be_read_is_no_refusal_and_no_bug(
    stream: StreamId,
) -> None:
    """E4: the store is unavailable, whichever stream it was that could not be read."""
    store = Recording()
    agreed(store)
    room = Workbench(store)
    store.fails_for = stream
    room.refuse(request(AUTHORIZE, "key"), Code.STORE_UNAVAILABLE)
    store.fails_for = None
    room.do(request(AUTHORIZE, "key"))


@pytest.mark.parametrize(
    "stream",
    [
        payment_stream(P),
        wallet_stream(AHMED),
        wallet_stream(SHOP),
        medcard_stream(CARD),
    ],
)
def test_a_damaged_party_stops_its_payments_only(stream: StreamId) -> None:
    """C5: the damaged stream is named; orders that do not need it go on."""
    store = Recording()
    agreed(store).do(*funded(wallet_id("else"), 10))
    room = Workbench(store)
    store.fails_for, store.error = stream, StreamCorrupted("not JSON")
    outcomes = room.handle(AUTHORIZE, withdrawal(wallet_id("else"), 1))
    assert [type(outcome).__name__ for outcome in outcomes] == ["Rejected", "Committed"]
    room.refuse(AUTHORIZE, Code.CORRUPT_STREAM, stream=stream)


def test_a_version_is_that_of_the_payment() -> None:
    """V3, E2: the precondition is about the payment, after its existence."""
    room = agreed(InMemoryEventStore())
    room.refuse(
        request(AUTHORIZE, expected_version=2),
        Code.VERSION_MISMATCH,
        current_version=1,
    )
    room.do(request(AUTHORIZE, expected_version=1))
    capture = CapturePayment(payment_id=P)
    room.refuse(request(capture, expected_version=1), Code.VERSION_MISMATCH)
    nobody = AuthorizePayment(payment_id=payment_id("nobody"))
    room.refuse(request(nobody, expected_version=1), Code.PAYMENT_NOT_FOUND)


def test_an_unknown_append_of_a_payment_is_found_again() -> None:
    """I8: the same order asked again after a time-out is its first answer."""
    store = InMemoryEventStore()
    room = agreed(store)
    first = room.do(request(AUTHORIZE, "key"))
    again = Workbench(store).do(request(AUTHORIZE, "key"))
    assert again.replayed
    assert (again.resource, again.events) == (first.resource, first.events)


def test_an_order_is_pinned_with_its_refusal() -> None:
    """I6: a refusal of state or value stays under its key, also when it would pass."""
    room = agreed(InMemoryEventStore())
    room.do(SuspendWallet(wallet_id=AHMED, reason_code="other"))
    room.refuse(request(AUTHORIZE, "key"), Code.WALLET_NOT_ACTIVE)
    room.do(opened(AHMED)[1])
    room.refuse(request(AUTHORIZE, "key"), Code.WALLET_NOT_ACTIVE)
    room.do(request(AUTHORIZE, "another"))
