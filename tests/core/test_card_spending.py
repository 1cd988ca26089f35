"""Spending with a card: where, for what, in which order it is asked (D6-D11)."""

from __future__ import annotations

from itertools import combinations
from typing import Final

import pytest

from healthpay_core import (
    AuthorizePayment,
    CancelMedCard,
    CapturePayment,
    CardControls,
    CloseWallet,
    Code,
    Command,
    EligibleAmounts,
    ExpireMedCard,
    LimitPolicy,
    Limits,
    PolicyRef,
    RefundPayment,
    SuspendMedCard,
    VoidPayment,
    WalletHoldPlaced,
)
from healthpay_core.medcard.decide import HEALTH_CARE
from healthpay_core.medcard.events import HEALTH_CARE_ONLY
from healthpay_core.testing import (
    NOW,
    Workbench,
    card_id,
    funded,
    given,
    instant,
    issue,
    issued,
    opened,
    payment,
    payment_id,
    withdrawal,
)
from tests.core.card_room import (
    AHMED,
    AUTHORIZE,
    CARD,
    FAULTS,
    PARTIES,
    SHOP,
    P,
    bench,
    faulty,
    limited,
    spend,
)

# --- The order of D6 ---------------------------------------------------------


def test_an_authorisation_without_a_fault_succeeds() -> None:
    """D6: card, wallets, category, limits and funds are all asked, and all agree."""
    room = faulty()
    room.do(AUTHORIZE)
    assert room.wallet(AHMED).held == 100


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_an_authorisation_alone(fault: str) -> None:
    """D6, D11: each fault has its own code, and the payment stays as it was."""
    room = faulty(fault)
    before = list(room.feed())
    party = {"party": PARTIES[fault]} if fault in PARTIES else {}
    room.refuse(AUTHORIZE, FAULTS[fault], **party)
    assert list(room.feed()) == before


@pytest.mark.parametrize(("first", "second"), list(combinations(FAULTS, 2)))
def test_the_earlier_fault_of_an_authorisation_answers(first: str, second: str) -> None:
    """D6, E2: of any two faults the earlier stage's code is answered."""
    party = {"party": PARTIES[first]} if first in PARTIES else {}
    faulty(first, second).refuse(AUTHORIZE, FAULTS[first], **party)


@pytest.mark.parametrize(
    ("orders", "status"),
    [
        ((issue(card_id("new"), AHMED),), "issued"),
        ((SuspendMedCard(card_id=CARD, reason_code="lost"),), "suspended"),
        ((CancelMedCard(card_id=CARD, reason="admin"),), "cancelled"),
    ],
)
def test_a_card_that_is_not_active_says_what_it_is(
    orders: tuple[Command, ...], status: str
) -> None:
    """D6: issued, suspended and cancelled cards do not pay."""
    room = bench(*orders)
    card = card_id("new") if status == "issued" else CARD
    order = spend(room, 1, "payment", card=card)
    room.refuse(order, Code.CARD_NOT_ACTIVE, current_status=status)


@pytest.mark.parametrize("swept", [False, True])
def test_a_card_does_not_pay_after_its_month(swept: bool) -> None:
    """D5: use is refused from the first instant after, though the sweep is late."""
    room = Workbench()
    room.do(*funded(AHMED, 100), *opened(SHOP, wallet_type="merchant"))
    room.do(*issued(CARD, AHMED, exp_month=3, exp_year=2026))
    order = spend(room, 1, "payment")
    room.clock.instant = instant("2026-04-01T00:00:00+02:00")
    if swept:
        room.do(ExpireMedCard(card_id=CARD))
    room.refuse(order, Code.CARD_EXPIRED)
    room.clock.instant -= 1
    if not swept:
        room.do(order)


def test_a_closed_wallet_pays_with_no_card() -> None:
    """D11, W8: closing the wallet blocks its cards, which have no event of it."""
    room = bench()
    order = spend(room, 1, "payment")
    room.do(withdrawal(AHMED, 10_000), CloseWallet(wallet_id=AHMED))
    room.refuse(order, Code.WALLET_CLOSED, party="payer")
    assert room.medcard(CARD).status == "active"


@pytest.mark.parametrize(
    "end",
    [
        SuspendMedCard(card_id=CARD, reason_code="stolen"),
        CancelMedCard(card_id=CARD, reason="stolen"),
    ],
)
def test_what_a_card_authorised_settles_without_it(end: Command) -> None:
    """D10: capture, void and refund do not ask for the card any more."""
    room = bench()
    room.do(spend(room, 100, "payment"), spend(room, 50, "second"), end)
    room.do(CapturePayment(payment_id=P), RefundPayment(payment_id=P, amount=30))
    room.do(VoidPayment(payment_id=payment_id("second")))
    assert (room.wallet(AHMED).balance, room.wallet(SHOP).balance) == (9_930, 70)


def test_an_authorisation_rests_on_the_card_it_looked_at() -> None:
    """D6, V1: a card that was stopped meanwhile stops the payment, by version."""
    room = bench()
    order = spend(room, 100, "payment")
    other = Workbench(room.store)
    room.do(withdrawal(AHMED, 1))
    other.do(SuspendMedCard(card_id=CARD, reason_code="stolen"))
    room.refuse(order, Code.CARD_NOT_ACTIVE)
    assert room.wallet(AHMED).held == 0


# --- Categories (D7) ---------------------------------------------------------

ALL: Final = (
    *("pharmacies", "doctors", "dentists", "hospitals", "laboratories"),
    *("opticians", "ambulance", "medical_equipment", "clinics", "nursing"),
)


def _allowed(controls: CardControls, category: str) -> bool:
    room = bench(controls=controls)
    room.do(payment(AHMED, SHOP, 1, card=CARD, category=category))
    outcome = room.handle(AUTHORIZE)[0]
    if type(outcome).__name__ == "Committed":
        return True
    order = AuthorizePayment(payment_id=P, expires_in_s=60)
    room.refuse(order, Code.MERCHANT_CATEGORY_NOT_ALLOWED, merchant_category=category)
    return False


def test_a_card_is_for_health_care() -> None:
    """D7: without lists the ten categories of health care, and no others."""
    assert set(ALL) == HEALTH_CARE
    assert all(_allowed(HEALTH_CARE_ONLY, category) for category in ALL)
    for category in ("casinos", "groceries", "Pharmacies", ""):
        assert not _allowed(HEALTH_CARE_ONLY, category)


def test_only_what_is_allowed_is_allowed() -> None:
    """D7: an allow list stands for itself; an empty one allows nothing."""
    only = CardControls(allowed_categories=("dentists", "gyms"))
    assert [c for c in (*ALL, "gyms") if _allowed(only, c)] == ["dentists", "gyms"]
    assert not _allowed(CardControls(allowed_categories=()), "dentists")


def test_what_is_blocked_is_taken_from_health_care() -> None:
    """D7: a block list leaves the rest of health care, and nothing beyond it."""
    but = CardControls(blocked_categories=("nursing", "clinics"))
    allowed = [c for c in (*ALL, "casinos") if _allowed(but, c)]
    assert allowed == [c for c in ALL if c not in ("nursing", "clinics")]


# --- Eligible amounts (D9) ---------------------------------------------------


@pytest.mark.parametrize(
    ("eligible", "total"),
    [
        (EligibleAmounts(clinic=10, dental=20, prescription=30, vision=40), 100),
        (EligibleAmounts(clinic=10, total_healthcare=60), 60),
        (EligibleAmounts(total_healthcare=0, dental=50), 0),
        (EligibleAmounts(), 0),
    ],
)
def test_what_is_eligible_is_the_stated_total_or_the_sum(
    eligible: EligibleAmounts, total: int
) -> None:
    """D9: more than is health care is refused, and says how much would be."""
    room = bench()
    room.do(payment(AHMED, SHOP, total + 1, card=CARD, eligible=eligible))
    room.refuse(
        AUTHORIZE,
        Code.AMOUNT_NOT_ELIGIBLE,
        requested_amount=total + 1,
        eligible_amount=total,
    )
    if total:
        exact = payment(AHMED, SHOP, total, name="exact", card=CARD, eligible=eligible)
        room.do(exact, AuthorizePayment(payment_id=payment_id("exact")))
        assert room.payment(payment_id("exact")).authorized_amount == total


def test_a_partial_approval_holds_what_is_eligible() -> None:
    """D9, P2, P18: the rest is not held, not counted and cannot be captured."""
    eligible = EligibleAmounts(prescription=60)
    room = bench(controls=limited(daily=100))
    order = payment(
        AHMED, SHOP, 150, card=CARD, eligible=eligible, partial_approval=True
    )
    room.do(order, AUTHORIZE)
    view = room.payment(P)
    assert (view.amount, view.authorized_amount) == (150, 60)
    placed = room.feed()[-2].envelope.data
    assert isinstance(placed, WalletHoldPlaced)
    assert placed.amount == 60
    assert placed.card_usage is not None
    assert (placed.card_usage.day, placed.limit_usage.day) == (60, 60)
    beyond = CapturePayment(payment_id=P, amount=61)
    room.refuse(beyond, Code.CAPTURE_EXCEEDS_AUTHORIZED, capturable_amount=60)
    room.refuse(spend(room, 41, "next"), Code.CARD_LIMIT_EXCEEDED, used_amount=60)
    room.do(CapturePayment(payment_id=P))
    assert room.wallet(SHOP).balance == 60


def test_limits_and_funds_look_at_what_is_approved() -> None:
    """D9, D8, C3: 150 are asked, 60 approved: limits and funds of 60 suffice."""
    eligible = EligibleAmounts(clinic=60)
    row = Limits(per_transaction=60)
    rules = LimitPolicy(
        ref=PolicyRef(id="test", version=1), rows={("personal", "full", "EGP"): row}
    )
    room = Workbench(policy=rules)
    room.do(*funded(AHMED, 60), *opened(SHOP, wallet_type="merchant"))
    room.do(*issued(CARD, AHMED, controls=limited(per_authorization=60)))
    order = payment(
        AHMED,
        SHOP,
        150,
        card=CARD,
        eligible=eligible,
        partial_approval=True,
        automatic=True,
    )
    room.do(order, AUTHORIZE)
    assert (room.wallet(AHMED).balance, room.wallet(SHOP).balance) == (0, 60)


def test_nothing_eligible_is_no_partial_approval() -> None:
    """D9, M6: where nothing is health care, there is nothing to approve."""
    order = payment(
        AHMED, SHOP, 5, card=CARD, eligible=EligibleAmounts(), partial_approval=True
    )
    bench(order).refuse(AUTHORIZE, Code.AMOUNT_NOT_ELIGIBLE, eligible_amount=0)


def test_a_decision_by_card_needs_no_store() -> None:
    """D6, V5: an authorisation by card is a function of four states and a context."""
    room = bench(payment(AHMED, SHOP, 5, card=CARD))
    facts = [(r.envelope.stream, r.envelope.data) for r in room.feed()]
    assert len(given(*facts).when(AUTHORIZE, now=NOW).facts) == 2
