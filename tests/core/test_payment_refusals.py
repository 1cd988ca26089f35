"""Both forms of a payment refuse in the same words (W5, W8, W10, D6, M4, P3-P17)."""

from __future__ import annotations

import pytest

from healthpay_core import (
    AuthorizePayment,
    CapturePayment,
    CloseWallet,
    Command,
    FailPayment,
    Outcome,
    PaymentSaga,
    RefundPayment,
    Rejected,
    SuspendMedCard,
    SuspendWallet,
    VoidPayment,
)
from healthpay_core.payment.commands import InitiatePayment, PaymentCommand
from healthpay_core.payment.steps import RecordInitiation
from healthpay_core.refusals import (
    AuthorizationExpired,
    CaptureExceedsAuthorized,
    CardNotActive,
    CurrencyMismatch,
    InsufficientFunds,
    InvalidStateTransition,
    MedCardNotFound,
    MerchantCategoryNotAllowed,
    NotDone,
    PayeeNotMerchant,
    PaymentAlreadyCaptured,
    PaymentAlreadyRefunded,
    PaymentAlreadyVoided,
    PaymentNotCaptured,
    PaymentNotFound,
    PaymentNotVoidable,
    RefundExceedsCaptured,
    WalletClosed,
    WalletNotActive,
    WalletNotFound,
)
from healthpay_core.testing import (
    NOW,
    Workbench,
    card_id,
    create,
    funded,
    issue,
    issued,
    opened,
    payment,
    payment_id,
    request,
    wallet_id,
    withdrawal,
)

A, B, SHOP, NOBODY = (wallet_id(n) for n in ("a", "b", "shop", "nobody"))
C, P = card_id("c"), payment_id("p")
DAY_S = 86_400

PARTIES = (*funded(A, 100), *opened(SHOP, wallet_type="merchant"), *issued(C, A))
AGREED = (*PARTIES, payment(A, SHOP, 60, name="p"))
BY_CARD = (*PARTIES, payment(A, SHOP, 60, name="p", card=C))
HELD = (*AGREED, AuthorizePayment(payment_id=P, expires_in_s=DAY_S))
PAID = (*HELD, CapturePayment(payment_id=P))
AUTHORIZE, CAPTURE = AuthorizePayment(payment_id=P), CapturePayment(payment_id=P)
VOID, FAIL = VoidPayment(payment_id=P), FailPayment(payment_id=P)
REFUND = RefundPayment(payment_id=P)


def suspended(wallet: str) -> Command:
    """The order to suspend a wallet."""
    return SuspendWallet(wallet_id=wallet, reason_code="fraud")


def no_step(status: str, requested: str) -> NotDone:
    """A step that the life cycle does not have."""
    return InvalidStateTransition(current_status=status, requested=requested)


def _unconfirmed(order: InitiatePayment) -> Command:
    """The last step of agreeing, without those before it: a stray message."""
    return RecordInitiation(payment_id=order.payment_id, order=order)


SHOP_CLOSED = CloseWallet(wallet_id=SHOP)
Case = tuple[tuple[Command, ...], PaymentCommand, NotDone]
CASES: dict[str, Case] = {
    "no payer": (
        PARTIES,
        payment(NOBODY, SHOP, 1, name="p"),
        WalletNotFound(wallet_id=NOBODY, party="payer"),
    ),
    "no merchant": (
        PARTIES,
        payment(A, NOBODY, 1, name="p"),
        WalletNotFound(wallet_id=NOBODY, party="merchant"),
    ),
    "no card": (
        PARTIES,
        payment(A, SHOP, 1, name="p", card=card_id("none")),
        MedCardNotFound(card_id=card_id("none")),
    ),
    "card of another": (
        (*PARTIES, *funded(B, 10)),
        payment(B, SHOP, 1, name="p", card=C),
        MedCardNotFound(card_id=C),
    ),
    "pending payer": (
        (*PARTIES, create(B)),
        payment(B, SHOP, 1, name="p"),
        WalletNotActive(current_status="pending", party="payer"),
    ),
    "suspended merchant": (
        (*PARTIES, suspended(SHOP)),
        payment(A, SHOP, 1, name="p"),
        WalletNotActive(current_status="suspended", party="merchant"),
    ),
    "closed merchant": (
        (*PARTIES, SHOP_CLOSED),
        payment(A, SHOP, 1, name="p"),
        WalletClosed(party="merchant"),
    ),
    "payer's currency": (
        (*PARTIES, *opened(B, currency="SAR")),
        payment(B, SHOP, 1, name="p"),
        CurrencyMismatch(
            expected_currency="SAR", requested_currency="EGP", party="payer"
        ),
    ),
    "merchant's currency": (
        (*PARTIES, *opened(B, currency="SAR", wallet_type="merchant")),
        payment(A, B, 1, name="p"),
        CurrencyMismatch(
            expected_currency="SAR", requested_currency="EGP", party="merchant"
        ),
    ),
    "payee is no merchant": (
        (*PARTIES, *opened(B)),
        payment(A, B, 1, name="p"),
        PayeeNotMerchant(wallet_type="personal"),
    ),
    "no payment": (PARTIES, AUTHORIZE, PaymentNotFound(payment_id=P)),
    "authorize: card suspended": (
        (*BY_CARD, SuspendMedCard(card_id=C, reason_code="lost")),
        AUTHORIZE,
        CardNotActive(current_status="suspended"),
    ),
    "authorize: payer suspended": (
        (*AGREED, suspended(A)),
        AUTHORIZE,
        WalletNotActive(current_status="suspended", party="payer"),
    ),
    "authorize: merchant suspended": (
        (*AGREED, suspended(SHOP)),
        AUTHORIZE,
        WalletNotActive(current_status="suspended", party="merchant"),
    ),
    "authorize: merchant closed": (
        (*AGREED, SHOP_CLOSED),
        AUTHORIZE,
        WalletClosed(party="merchant"),
    ),
    "authorize: category": (
        (*PARTIES, payment(A, SHOP, 60, name="p", card=C, category="bars")),
        AUTHORIZE,
        MerchantCategoryNotAllowed(merchant_category="bars"),
    ),
    "authorize: funds": (
        (*AGREED, withdrawal(A, 41)),
        AUTHORIZE,
        InsufficientFunds(requested_amount=60, available_amount=59, currency="EGP"),
    ),
    "authorize: payer's currency, which nobody has confirmed": (
        (*PARTIES, _unconfirmed(payment(A, SHOP, 1, name="p", currency="USD"))),
        AUTHORIZE,
        CurrencyMismatch(expected_currency="EGP", requested_currency="USD"),
    ),
    "authorize: merchant's currency, which nobody has confirmed": (
        (
            *PARTIES,
            *opened(B, currency="USD", wallet_type="merchant"),
            _unconfirmed(payment(A, B, 1, name="p", automatic=True)),
        ),
        AUTHORIZE,
        CurrencyMismatch(
            expected_currency="USD", requested_currency="EGP", party="merchant"
        ),
    ),
    "authorize twice": (HELD, AUTHORIZE, no_step("authorized", "authorize")),
    "capture too much": (
        HELD,
        CapturePayment(payment_id=P, amount=61),
        CaptureExceedsAuthorized(requested_amount=61, capturable_amount=60),
    ),
    "capture twice": (PAID, CAPTURE, PaymentAlreadyCaptured()),
    "capture what is voided": ((*HELD, VOID), CAPTURE, PaymentAlreadyVoided()),
    "capture for a closed merchant": (
        (*HELD, SHOP_CLOSED),
        CAPTURE,
        WalletClosed(party="merchant"),
    ),
    "void what is captured": (
        PAID,
        VOID,
        PaymentNotVoidable(current_status="captured"),
    ),
    "fail what is captured": (PAID, FAIL, no_step("captured", "fail")),
    "refund what is held": (
        HELD,
        REFUND,
        PaymentNotCaptured(current_status="authorized"),
    ),
    "refund what is agreed on": (
        AGREED,
        REFUND,
        PaymentNotCaptured(current_status="initiated"),
    ),
    "refund too much": (
        (*PAID, RefundPayment(payment_id=P, amount=50)),
        RefundPayment(payment_id=P, amount=11),
        RefundExceedsCaptured(requested_amount=11, refundable_amount=10),
    ),
    "refund twice": ((*PAID, REFUND), REFUND, PaymentAlreadyRefunded()),
    "refund beyond the merchant's funds": (
        (*PAID, withdrawal(SHOP, 1)),
        REFUND,
        InsufficientFunds(
            requested_amount=60, available_amount=59, currency="EGP", party="merchant"
        ),
    ),
    "refund to a closed payer": (
        (*PAID, withdrawal(A, 40), CloseWallet(wallet_id=A)),
        REFUND,
        WalletClosed(party="payer"),
    ),
}


def _atomic(bench: Workbench, order: PaymentCommand) -> Outcome:
    return bench.handle(order)[0]


def _in_steps(bench: Workbench, order: PaymentCommand) -> Outcome:
    saga = PaymentSaga(bench.handler.handle, bench.store)
    return saga.run(request(order), order)


@pytest.mark.parametrize("run", [_atomic, _in_steps], ids=["atomic", "in steps"])
@pytest.mark.parametrize("name", CASES)
def test_a_refusal_says_it_in_full(name: str, run: object) -> None:
    """E9, T3: what, whose, how much; the payer keeps what was not to be taken."""
    facts, order, refusal = CASES[name]
    bench = Workbench()
    bench.do(*facts)
    before = bench.wallet(A)
    assert callable(run)
    outcome = run(bench, order)
    assert isinstance(outcome, Rejected)
    assert outcome.error == refusal
    after = bench.wallet(A)
    assert (after.balance, after.held) == (before.balance, before.held)


@pytest.mark.parametrize("run", [_atomic, _in_steps], ids=["atomic", "in steps"])
def test_an_authorization_ends_at_its_instant(run: object) -> None:
    """P6, P7: captured right before its end, refused at it, with the end."""
    assert callable(run)
    for late in (False, True):
        bench = Workbench()
        bench.do(*HELD)
        bench.clock.instant = NOW + DAY_S * 1_000_000 - (not late)
        outcome = run(bench, CAPTURE)
        if late:
            expected = AuthorizationExpired(expired_at=NOW + DAY_S * 1_000_000)
            assert isinstance(outcome, Rejected)
            assert outcome.error == expected
        else:
            assert bench.payment(P).status == "captured"


def test_a_card_that_was_never_activated_is_not_used() -> None:
    """D1, D6: a card starts inactive, and the refusal says so."""
    bench = Workbench()
    bench.do(*PARTIES[:-2], issue(C, A), payment(A, SHOP, 60, name="p", card=C))
    for run in (_atomic, _in_steps):
        outcome = run(bench, AUTHORIZE)
        assert isinstance(outcome, Rejected)
        assert outcome.error == CardNotActive(current_status="issued")
