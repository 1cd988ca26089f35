"""What has run out is ended in order, once, however often it is looked for."""

from __future__ import annotations

import pytest

from healthpay_core import (
    ActivateMedCard,
    ActivateWallet,
    AuthorizePayment,
    CancelMedCard,
    CapturePayment,
    Code,
    CommandRequest,
    CreateWallet,
    ExpireAuthorization,
    ExpireMedCard,
    InitiatePayment,
    IssueMedCard,
    ManualClock,
    Outcome,
    StreamId,
    Unknown,
    derive_id,
)
from healthpay_core.outcome import rejected
from healthpay_core.payment.steps import BeginOperation, RefuseOperation
from healthpay_core.refusals import (
    NotDone,
    PaymentNotVoidable,
    StoreUnavailable,
)
from healthpay_core.sweeps import Sweeper, Swept
from healthpay_core.testing import Workbench, funded, wallet_id

PAYER, MERCHANT = wallet_id("payer"), wallet_id("merchant")


@pytest.fixture
def bench() -> Workbench:
    """A payer with 1,000 and a merchant."""
    made = Workbench()
    made.do(
        *funded(PAYER, 1000),
        CreateWallet(
            wallet_id=MERCHANT,
            owner_id="m",
            wallet_type="merchant",
            currency="EGP",
            kyc_level="full",
        ),
        ActivateWallet(wallet_id=MERCHANT),
    )
    return made


def _sweeper(bench: Workbench) -> Sweeper:
    return Sweeper(bench.handler.handle, bench.store, bench.clock)


class _Orders:
    """Notes each order of a sweeper, and answers as it is told, else as it is."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.sent: list[CommandRequest] = []
        self.error: NotDone | None = None

    def __call__(self, sent: CommandRequest) -> Outcome:
        self.sent.append(sent)
        if self.error is not None:
            return rejected(sent, self.error)
        return self.bench.handler.handle(sent)


def _watched(bench: Workbench) -> tuple[Sweeper, _Orders]:
    orders = _Orders(bench)
    return Sweeper(orders, bench.store, bench.clock), orders


def _authorized(bench: Workbench, name: str, seconds: int) -> str:
    payment_id = derive_id(name)
    bench.do(
        InitiatePayment(
            payment_id=payment_id,
            payer_wallet_id=PAYER,
            merchant_wallet_id=MERCHANT,
            amount=100,
            currency="EGP",
        ),
        AuthorizePayment(payment_id=payment_id, expires_in_s=seconds),
    )
    return payment_id


def _card(bench: Workbench, name: str, month: int) -> str:
    card_id = derive_id(name)
    bench.do(
        IssueMedCard(
            card_id=card_id,
            wallet_id=PAYER,
            card_token="t",
            last4="4242",
            exp_month=month,
            exp_year=2026,
            form="virtual",
        )
    )
    return card_id


def test_expired_authorizations_are_voided_earliest_first(bench: Workbench) -> None:
    """P8: the hold goes back with `PaymentVoided(reason=expired)`, in order."""
    late, early = _authorized(bench, "late", 20), _authorized(bench, "early", 10)
    _authorized(bench, "open", 1000)
    sweeper = _sweeper(bench)
    assert sweeper.sweep() == Swept(authorizations=0, cards=0)
    bench.clock.advance(seconds=20)
    before = len(bench.feed())
    assert sweeper.sweep() == Swept(authorizations=2, cards=0)
    added = [e.envelope for e in bench.feed()[before:]]
    assert [e.event_type for e in added] == [
        "wallet.hold_released",
        "payment.voided",
    ] * 2
    voided = [e.stream for e in added if e.event_type == "payment.voided"]
    assert voided == [StreamId(f"payment/{early}"), StreamId(f"payment/{late}")]
    assert bench.wallet(PAYER).held == 100


def test_a_sweep_again_finds_nothing(bench: Workbench) -> None:
    """P8: idempotent, also for another sweeper that starts from nothing."""
    _authorized(bench, "one", 10)
    bench.clock.advance(seconds=10)
    sweeper = _sweeper(bench)
    assert sweeper.sweep().authorizations == 1
    events = len(bench.feed())
    assert (
        sweeper.sweep() == _sweeper(bench).sweep() == Swept(authorizations=0, cards=0)
    )
    assert len(bench.feed()) == events


def test_what_ended_otherwise_is_not_swept(bench: Workbench) -> None:
    """P8: a captured payment has nothing to give back."""
    payment = _authorized(bench, "one", 10)
    sweeper = _sweeper(bench)
    sweeper.sweep()
    bench.do(CapturePayment(payment_id=payment))
    bench.clock.advance(days=1)
    assert sweeper.sweep() == Swept(authorizations=0, cards=0)


def test_a_partial_capture_keeps_its_rest_in_the_sweep(bench: Workbench) -> None:
    """P5, P8: what a non-final capture left held goes back at the end."""
    payment = _authorized(bench, "one", 10)
    bench.do(CapturePayment(payment_id=payment, amount=30, final=False))
    bench.clock.advance(seconds=10)
    assert _sweeper(bench).sweep().authorizations == 1
    assert (bench.wallet(PAYER).held, bench.wallet(PAYER).balance) == (0, 970)


@pytest.mark.parametrize("fault", ["unavailable", "unknown"])
def test_a_fault_is_tried_again(bench: Workbench, fault: str) -> None:
    """P8, E4: a store that cannot say or store now loses nothing."""
    _authorized(bench, "one", 10)
    bench.clock.advance(seconds=10)
    broken = True

    def execute(sent: CommandRequest) -> Outcome:
        if not broken:
            return bench.handler.handle(sent)
        if fault == "unavailable":
            return rejected(sent, StoreUnavailable())
        return Unknown(command_id=sent.command_id, correlation_id="c")

    sweeper = Sweeper(execute, bench.store, bench.clock)
    assert sweeper.sweep().authorizations == 0
    broken = False
    assert sweeper.sweep().authorizations == 1


def test_cards_expire_when_their_month_is_over(bench: Workbench) -> None:
    """D5: valid through the last instant of the month in Cairo, then swept once."""
    card = _card(bench, "march", 3)
    cancelled = _card(bench, "cancelled", 3)
    _card(bench, "april", 4)
    bench.do(CancelMedCard(card_id=cancelled, reason="lost"))
    sweeper = _sweeper(bench)
    # From 10:00 on the 2nd of March to the last second of the month in Cairo.
    bench.clock.advance(days=29, hours=13, minutes=59, seconds=59)
    assert sweeper.sweep().cards == 0
    bench.clock.advance(seconds=1)
    assert sweeper.sweep() == Swept(authorizations=0, cards=1)
    assert sweeper.sweep().cards == 0
    bench.refuse(ActivateMedCard(card_id=card), Code.CARD_EXPIRED)


def test_an_operation_under_way_is_waited_for(bench: Workbench) -> None:
    """P8: what a saga has to itself when it runs out is swept once that ended."""
    payment_id = _authorized(bench, "one", 100)
    begin = BeginOperation(
        payment_id=payment_id,
        operation_id="an operation",
        order=CapturePayment(payment_id=payment_id),
    )
    bench.do(begin)
    sweeper = _sweeper(bench)
    bench.clock.advance(seconds=100)
    assert sweeper.sweep() == Swept(authorizations=0, cards=0)
    bench.do(
        RefuseOperation(
            payment_id=payment_id, operation_id="an operation", failure_code="declined"
        )
    )
    bench.clock.advance(minutes=1)
    assert sweeper.sweep() == Swept(authorizations=1, cards=0)
    assert bench.wallet(PAYER).held == 0


def test_each_card_has_an_order_of_its_own(bench: Workbench) -> None:
    """D5: two that end in the same minute do both end."""
    cards = [_card(bench, name, 3) for name in ("one", "two")]
    bench.clock.advance(days=40)
    assert _sweeper(bench).sweep() == Swept(authorizations=0, cards=2)
    assert {bench.medcard(card).status for card in cards} == {"expired"}


def test_nothing_is_ordered_before_its_time(bench: Workbench) -> None:
    """D5, P8: what is valid, captured, voided or cancelled, or over, is left alone."""
    _card(bench, "valid", 3)
    cancelled, expired = _card(bench, "cancelled", 3), _card(bench, "expired", 3)
    sweeper, orders = _watched(bench)
    assert sweeper.sweep() == Swept(authorizations=0, cards=0)
    bench.do(CancelMedCard(card_id=cancelled, reason="lost"))
    bench.clock.advance(days=10)
    sweeper.sweep()
    assert orders.sent == []
    bench.clock.advance(days=30)
    bench.do(ExpireMedCard(card_id=expired))
    assert sweeper.sweep() == Swept(authorizations=0, cards=1)
    assert len(orders.sent) == 1


def test_what_is_refused_is_ordered_again_until_it_has_ended(bench: Workbench) -> None:
    """P8, D5: a refusal may have come too early; the event of the end says it all."""
    payment, card = _authorized(bench, "one", 10), _card(bench, "card", 3)
    bench.clock.advance(days=40)
    sweeper, orders = _watched(bench)
    for error in (StoreUnavailable(), PaymentNotVoidable(current_status="authorized")):
        orders.error = error
        assert sweeper.sweep() == Swept(authorizations=0, cards=0)
    assert len(orders.sent) == 4
    bench.do(ExpireAuthorization(payment_id=payment), ExpireMedCard(card_id=card))
    assert sweeper.sweep() == Swept(authorizations=0, cards=0)
    assert len(orders.sent) == 4


def test_a_clock_that_is_ahead_loses_no_authorization(bench: Workbench) -> None:
    """P8: who sweeps is ahead of who decides; the hold goes back all the same."""
    _authorized(bench, "one", 10)
    ahead = ManualClock(bench.clock.now() + 10_000_000)
    sweeper = Sweeper(bench.handler.handle, bench.store, ahead)
    assert sweeper.sweep() == Swept(authorizations=0, cards=0)
    for clock in (ahead, bench.clock):
        clock.advance(minutes=1)
    assert sweeper.sweep() == Swept(authorizations=1, cards=0)
    assert bench.wallet(PAYER).held == 0


def test_what_has_ended_is_not_ordered_again_before_its_event_comes(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P8, D5: the feed of a read model may be behind what was decided."""
    _authorized(bench, "one", 10)
    _card(bench, "card", 3)
    bench.clock.advance(days=40)
    known = bench.feed()
    monkeypatch.setattr(bench.store, "feed", lambda after, _: known[after:])
    sweeper, orders = _watched(bench)
    assert sweeper.sweep() == Swept(authorizations=1, cards=1)
    assert sweeper.sweep() == Swept(authorizations=0, cards=0)
    assert len(orders.sent) == 2


def test_a_payment_and_a_card_may_have_one_id(bench: Workbench) -> None:
    """P8, D5, I2: each has an order of its own, and both end."""
    _authorized(bench, "same", 10)
    card = _card(bench, "same", 3)
    bench.clock.advance(days=40)
    assert _sweeper(bench).sweep() == Swept(authorizations=1, cards=1)
    assert bench.medcard(card).status == "expired"


def test_an_order_has_one_id_a_minute(bench: Workbench) -> None:
    """P8: two sweepers of the same minute send one order, of the next another."""
    _authorized(bench, "one", 10)
    _card(bench, "card", 3)
    bench.clock.advance(days=40)
    sweeper, orders = _watched(bench)
    orders.error = StoreUnavailable()
    for seconds in (1, 58, 1):
        sweeper.sweep()
        bench.clock.advance(seconds=seconds)
    sweeper.sweep()
    void, card = (sent.command_id for sent in orders.sent[:2])
    ids = [sent.command_id for sent in orders.sent]
    assert void != card
    assert ids[:6] == [void, card] * 3
    assert not {void, card} & set(ids[6:])
