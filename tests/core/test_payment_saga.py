"""Payments in saga form: the same ends as in atomic form, whatever is cut."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from healthpay_core import (
    ActivateMedCard,
    ActivateWallet,
    AuthorizePayment,
    CapturePayment,
    CardControls,
    CardLimits,
    CloseWallet,
    Code,
    Command,
    CommandRequest,
    Committed,
    CreateWallet,
    ExpireAuthorization,
    FailPayment,
    InitiatePayment,
    IssueMedCard,
    Outcome,
    PaymentSaga,
    RefundPayment,
    Rejected,
    SuspendMedCard,
    SuspendWallet,
    Unknown,
    VoidPayment,
    derive_id,
    payment_stream,
    wallet_stream,
)
from healthpay_core.outcome import rejected
from healthpay_core.payment.commands import PaymentCommand
from healthpay_core.payment.saga import step_id
from healthpay_core.refusals import StoreUnavailable
from healthpay_core.states import load
from healthpay_core.testing import Workbench, funded, request, wallet_id, withdrawal
from healthpay_core.wallet.state import ActiveWallet, SuspendedWallet

PAYER, MERCHANT = wallet_id("payer"), wallet_id("merchant")
CARD, PAYMENT = derive_id("card"), derive_id("payment")
Execute = Callable[[CommandRequest], Outcome]


class Crash(Exception):
    """The process died here."""


SETUP: tuple[Command, ...] = (
    *funded(PAYER, 1000),
    CreateWallet(
        wallet_id=MERCHANT,
        owner_id="m",
        wallet_type="merchant",
        currency="EGP",
        kyc_level="full",
    ),
    ActivateWallet(wallet_id=MERCHANT),
    IssueMedCard(
        card_id=CARD,
        wallet_id=PAYER,
        card_token="t",
        last4="4242",
        exp_month=12,
        exp_year=2030,
        form="virtual",
        controls=CardControls(limits=CardLimits(daily=500)),
    ),
    ActivateMedCard(card_id=CARD),
)


def _bench() -> Workbench:
    made = Workbench()
    made.do(*SETUP)
    return made


@pytest.fixture
def bench() -> Workbench:
    """A payer with 1,000, a merchant, and a card good for 500 a day."""
    return _bench()


def _initiate(amount: int = 300, *, automatic: bool = False) -> InitiatePayment:
    return InitiatePayment(
        payment_id=PAYMENT,
        payer_wallet_id=PAYER,
        merchant_wallet_id=MERCHANT,
        amount=amount,
        currency="EGP",
        method="medcard",
        capture_method="automatic" if automatic else "manual",
        card_id=CARD,
        merchant_category="pharmacies",
    )


AUTHORIZE = AuthorizePayment(payment_id=PAYMENT, expires_in_s=100)
CAPTURE = CapturePayment(payment_id=PAYMENT, amount=200, fee=20)
PART = CapturePayment(payment_id=PAYMENT, amount=100, final=False)
REFUND = RefundPayment(payment_id=PAYMENT, amount=50)
VOID = VoidPayment(payment_id=PAYMENT)
FAIL = FailPayment(payment_id=PAYMENT)
EXPIRE = ExpireAuthorization(payment_id=PAYMENT)

STORIES: dict[str, tuple[PaymentCommand, ...]] = {
    "initiate": (_initiate(),),
    "authorize": (_initiate(), AUTHORIZE),
    "automatic": (_initiate(automatic=True), AUTHORIZE),
    "capture": (_initiate(), AUTHORIZE, CAPTURE),
    "capture all": (_initiate(), AUTHORIZE, CapturePayment(payment_id=PAYMENT)),
    "capture part": (_initiate(), AUTHORIZE, PART),
    "capture again": (_initiate(), AUTHORIZE, PART, CAPTURE),
    "refund": (_initiate(), AUTHORIZE, CAPTURE, REFUND),
    "refund all": (
        _initiate(),
        AUTHORIZE,
        CapturePayment(payment_id=PAYMENT),
        RefundPayment(payment_id=PAYMENT),
    ),
    "void": (_initiate(), AUTHORIZE, VOID),
    "void rest": (_initiate(), AUTHORIZE, PART, VOID),
    "fail": (_initiate(), FAIL),
    "fail authorized": (_initiate(), AUTHORIZE, FAIL),
    "over the card's limit": (_initiate(501), AUTHORIZE),
    "over the funds": (_initiate(1001), AUTHORIZE),
    "over the hold": (
        _initiate(),
        AUTHORIZE,
        CapturePayment(payment_id=PAYMENT, amount=301),
    ),
    "over the capture": (
        _initiate(),
        AUTHORIZE,
        PART,
        RefundPayment(payment_id=PAYMENT, amount=101),
    ),
    "twice": (_initiate(), AUTHORIZE, AUTHORIZE),
    "early": (_initiate(), CAPTURE),
    "expire early": (_initiate(), AUTHORIZE, EXPIRE),
    "again": (_initiate(), _initiate()),
}


def _sent(story: tuple[PaymentCommand, ...]) -> list[CommandRequest]:
    return [
        CommandRequest(command=command, command_id=derive_id(f"root {index}"))
        for index, command in enumerate(story)
    ]


def _run(
    bench: Workbench, sent: CommandRequest, execute: Execute | None = None
) -> Outcome:
    saga = PaymentSaga(execute or bench.handler.handle, bench.store)
    command = sent.command
    assert isinstance(
        command,
        (
            InitiatePayment,
            AuthorizePayment,
            CapturePayment,
            RefundPayment,
            VoidPayment,
            FailPayment,
            ExpireAuthorization,
        ),
    )
    return saga.run(sent, command)


def _picture(bench: Workbench) -> tuple[object, ...]:
    """What both forms must agree on: all but versions and event ids."""
    payer, merchant = bench.wallet(PAYER), bench.wallet(MERCHANT)
    payment = bench.queries.payment(PAYMENT)
    money = (payer.balance, payer.held, merchant.balance, merchant.held)
    if payment is None:
        return money
    return (
        *money,
        payment.status,
        payment.authorized_amount,
        payment.captured_amount,
        payment.refunded_amount,
    )


def _verdict(outcome: Outcome) -> object:
    if isinstance(outcome, Committed):
        return "committed"
    assert isinstance(outcome, Rejected), outcome
    return outcome.error.code


@pytest.mark.parametrize("name", STORIES)
def test_both_forms_come_to_the_same_end(name: str) -> None:
    """P1-P17, T5: the same verdicts, balances and totals in atomic and saga form."""
    atomic, stepwise = _bench(), _bench()
    for sent in _sent(STORIES[name]):
        in_one = _verdict(atomic.handle(sent)[0])
        in_steps = _verdict(_run(stepwise, sent))
        assert in_steps == in_one
        assert _picture(stepwise) == _picture(atomic)


@pytest.mark.parametrize("stored", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("name", STORIES)
def test_a_crash_at_any_step_is_run_on(name: str, stored: bool) -> None:
    """T6: killed before or after any step is stored, the same request ends it."""
    *before, last = _sent(STORIES[name])
    whole = _bench()
    for sent in before:
        _run(whole, sent)
    verdict = _verdict(_run(whole, last))
    for crash_at in range(1, 20):
        bench = _bench()
        for sent in before:
            _run(bench, sent)
        calls = 0

        def execute(
            sent: CommandRequest, bench: Workbench = bench, crash_at: int = crash_at
        ) -> Outcome:
            nonlocal calls
            calls += 1
            if calls == crash_at and not stored:
                raise Crash
            outcome = bench.handler.handle(sent)
            if calls == crash_at:
                raise Crash
            return outcome

        try:
            _run(bench, last, execute)
        except Crash:
            assert _verdict(_run(bench, last)) == verdict
            assert _picture(bench) == _picture(whole)
            events = len(bench.feed())
            assert _verdict(_run(bench, last)) == verdict
            assert len(bench.feed()) == events
        else:
            assert calls < crash_at
            return
    pytest.fail("the saga never ended")


@pytest.mark.parametrize("cut", range(2, 7))
@pytest.mark.parametrize(
    "name", ["authorize", "automatic", "capture", "refund", "void"]
)
def test_an_operation_left_behind_is_found_and_finished(name: str, cut: int) -> None:
    """T6: the sweep of pending operations needs only the events."""
    bench, whole = _bench(), _bench()
    *before, last = _sent(STORIES[name])
    for sent in before:
        _run(bench, sent)
        _run(whole, sent)
    _run(whole, last)
    calls = 0

    def execute(sent: CommandRequest) -> Outcome:
        nonlocal calls
        calls += 1
        if calls == cut:
            raise Crash
        return bench.handler.handle(sent)

    saga = PaymentSaga(bench.handler.handle, bench.store)
    try:
        _run(bench, last, execute)
    except Crash:
        assert list(saga.pending()) == [PAYMENT]
        assert isinstance(saga.resume(PAYMENT), Committed)
    assert list(saga.pending()) == []
    assert saga.resume(PAYMENT) is None
    assert _picture(bench) == _picture(whole)


@pytest.mark.parametrize("order", [AUTHORIZE, CAPTURE, VOID, FAIL, EXPIRE, REFUND])
def test_a_payment_under_way_takes_no_other_order(
    bench: Workbench, order: PaymentCommand
) -> None:
    """T6, P4, P11: two operations on a payment never cross, in either form."""
    first, second = _sent(STORIES["authorize"])
    _run(bench, first)

    def execute(sent: CommandRequest) -> Outcome:
        if sent.command_id != step_id(second.command_id, "begin"):
            raise Crash
        return bench.handler.handle(sent)

    with pytest.raises(Crash):
        _run(bench, second, execute)
    bench.refuse(order, Code.INVALID_STATE_TRANSITION)
    crossed = _run(bench, request(order))
    assert _verdict(crossed) is Code.INVALID_STATE_TRANSITION
    assert isinstance(_run(bench, second), Committed)


def test_a_refused_leg_undoes_the_legs_before_it(bench: Workbench) -> None:
    """T5, P2: automatic capture to a closed merchant leaves nothing held."""
    first, second = _sent(STORIES["automatic"])
    _run(bench, first)
    bench.do(CloseWallet(wallet_id=MERCHANT))
    outcome = _run(bench, second)
    assert _verdict(outcome) is Code.WALLET_CLOSED
    assert _picture(bench)[:5] == (1000, 0, 0, 0, "initiated")
    types = [e.envelope.event_type for e in bench.store.read(payment_stream(PAYMENT))]
    assert types[-2:] == ["payment.operation_begun", "payment.operation_refused"]


def test_a_refund_that_the_payer_cannot_take_goes_back(bench: Workbench) -> None:
    """P15, W8: the merchant's money returns when the payer's wallet is closed."""
    for sent in _sent((_initiate(1000), AuthorizePayment(payment_id=PAYMENT)))[:1]:
        _run(bench, sent)
    bench.do(
        IssueMedCard(
            card_id=derive_id("big"),
            wallet_id=PAYER,
            card_token="t",
            last4="1111",
            exp_month=12,
            exp_year=2030,
            form="virtual",
        )
    )
    payment = InitiatePayment(
        payment_id=derive_id("other"),
        payer_wallet_id=PAYER,
        merchant_wallet_id=MERCHANT,
        amount=1000,
        currency="EGP",
    )
    orders: tuple[PaymentCommand, ...] = (
        payment,
        AuthorizePayment(payment_id=payment.payment_id),
        CapturePayment(payment_id=payment.payment_id),
    )
    for order in orders:
        assert isinstance(_run(bench, request(order)), Committed)
    bench.do(CloseWallet(wallet_id=PAYER))
    refund = RefundPayment(payment_id=payment.payment_id, amount=400)
    assert _verdict(_run(bench, request(refund))) is Code.WALLET_CLOSED
    assert bench.wallet(MERCHANT).balance == 1000
    view = bench.queries.payment(payment.payment_id)
    assert view is not None
    assert (view.status, view.refunded_amount) == ("captured", 0)


def test_a_merchant_cannot_close_during_a_refund(bench: Workbench) -> None:
    """W6, P15: both wallets close while a refund is cut, and no money is lost."""
    payment_id = derive_id("cut")
    orders: tuple[PaymentCommand, ...] = (
        InitiatePayment(
            payment_id=payment_id,
            payer_wallet_id=PAYER,
            merchant_wallet_id=MERCHANT,
            amount=1000,
            currency="EGP",
        ),
        AuthorizePayment(payment_id=payment_id),
        CapturePayment(payment_id=payment_id),
    )
    for order in orders:
        assert isinstance(_run(bench, request(order)), Committed)
    left = 2

    def execute(sent: CommandRequest) -> Outcome:
        nonlocal left
        left -= 1
        if left < 0:
            raise Crash
        return bench.handler.handle(sent)

    refund = request(RefundPayment(payment_id=payment_id))
    with pytest.raises(Crash):
        _run(bench, refund, execute)
    bench.do(CloseWallet(wallet_id=PAYER))
    bench.refuse(CloseWallet(wallet_id=MERCHANT), Code.WALLET_HAS_OPEN_HOLDS)
    assert _verdict(_run(bench, refund)) is Code.WALLET_CLOSED
    merchant = bench.wallet(MERCHANT)
    assert (merchant.balance, merchant.held) == (1000, 0)


def test_a_refund_counts_towards_no_limit() -> None:
    """K7, W5, K4: its hold neither uses a window nor gives one back."""
    bench = _bench()
    for sent in _sent(STORIES["capture"]):
        _run(bench, sent)
    bench.do(
        withdrawal(MERCHANT, 10), SuspendWallet(wallet_id=MERCHANT, reason_code="other")
    )
    before, _ = load(bench.store, wallet_stream(MERCHANT))
    for order in (REFUND, RefundPayment(payment_id=PAYMENT, amount=150)):
        _run(bench, request(order))
    after, _ = load(bench.store, wallet_stream(MERCHANT))
    assert isinstance(before, ActiveWallet | SuspendedWallet)
    assert isinstance(after, ActiveWallet | SuspendedWallet)
    assert after.usage == before.usage
    assert (after.balance, after.held) == (before.balance - 50, 0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (SuspendWallet(wallet_id=PAYER, reason_code="fraud"), Code.WALLET_NOT_ACTIVE),
        (SuspendMedCard(card_id=CARD, reason_code="lost"), Code.CARD_NOT_ACTIVE),
        (withdrawal(PAYER, 800), Code.INSUFFICIENT_FUNDS),
    ],
)
def test_what_changes_before_the_hold_refuses_it(
    bench: Workbench, change: Command, code: Code
) -> None:
    """P2, D6: the hold is decided on the wallet and card as they are then."""
    first, second = _sent(STORIES["authorize"])
    _run(bench, first)
    bench.do(change)
    assert _verdict(_run(bench, second)) is code
    assert bench.wallet(PAYER).held == 0


@pytest.mark.parametrize("fault", ["unavailable", "unknown"])
def test_a_fault_stops_and_the_same_request_goes_on(
    bench: Workbench, fault: str
) -> None:
    """E4, T6: nothing is undone while nobody can say what was stored."""
    first, second = _sent(STORIES["authorize"])
    _run(bench, first)

    def execute(sent: CommandRequest) -> Outcome:
        if sent.command_id != step_id(second.command_id, "hold"):
            return bench.handler.handle(sent)
        if fault == "unavailable":
            return rejected(sent, StoreUnavailable())
        bench.handler.handle(sent)
        return Unknown(command_id=sent.command_id, correlation_id="c")

    outcome = _run(bench, second, execute)
    assert not isinstance(outcome, Committed)
    assert isinstance(_run(bench, second), Committed)
    assert bench.wallet(PAYER).held == 300


def test_an_authorization_can_be_tried_again_after_a_refusal(bench: Workbench) -> None:
    """P2: a refusal leaves the payment initiated, for a new key."""
    first, second = _sent(STORIES["authorize"])
    _run(bench, first)
    bench.do(SuspendMedCard(card_id=CARD, reason_code="user_request"))
    assert _verdict(_run(bench, second)) is Code.CARD_NOT_ACTIVE
    bench.do(ActivateMedCard(card_id=CARD))
    assert _verdict(_run(bench, second)) is Code.CARD_NOT_ACTIVE
    assert isinstance(_run(bench, request(AUTHORIZE)), Committed)
    assert bench.wallet(PAYER).held == 300
