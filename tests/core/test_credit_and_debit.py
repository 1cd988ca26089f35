"""Money in and out of one wallet (rules C1-C8)."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from healthpay_core import (
    MAX_AMOUNT,
    CaptureHold,
    Code,
    CommandHandler,
    Committed,
    CreditWallet,
    DebitWallet,
    InMemoryEventStore,
    LimitPolicy,
    LocalRuntime,
    PolicyRef,
    Rejected,
    ReleaseHold,
    WalletCredited,
    WalletDebited,
)
from healthpay_core.refusals import ValidationFailed
from healthpay_core.testing import (
    ScriptedStore,
    Workbench,
    after,
    deposit,
    funded,
    given,
    hold,
    opened,
    request,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.appends import race
from healthpay_core.wallet.events import CreditReason, DebitReason

A, B = wallet_id("a"), wallet_id("b")
ONCE = LimitPolicy(ref=PolicyRef(id="once", version=1), unique_references=True)


def credit(reason: CreditReason, reference: str | None = "r") -> CreditWallet:
    """A credit of 5 for this reason."""
    return CreditWallet(
        wallet_id=A, amount=5, currency="EGP", reason=reason, reference=reference
    )


def debit(reason: DebitReason, reference: str | None = "r") -> DebitWallet:
    """A debit of 5 for this reason."""
    return DebitWallet(
        wallet_id=A, amount=5, currency="EGP", reason=reason, reference=reference
    )


@pytest.mark.parametrize(
    "reason", ["deposit", "refund", "cashback", "reversal", "adjustment"]
)
def test_credits_have_a_public_reason(reason: CreditReason) -> None:
    """C1: each reason to credit is kept in the event."""
    (event,) = given(*after(*opened(A))).when(credit(reason)).events
    assert isinstance(event, WalletCredited)
    assert event.reason == reason


@pytest.mark.parametrize(
    "reason", ["payment", "withdrawal", "fee", "reversal", "adjustment"]
)
def test_debits_have_a_public_reason(reason: DebitReason) -> None:
    """C1: each reason to debit is kept in the event."""
    (event,) = given(*after(*funded(A, 5))).when(debit(reason)).events
    assert isinstance(event, WalletDebited)
    assert event.reason == reason


def test_only_the_transfer_process_writes_transfer_legs() -> None:
    """C2: transfer_in and transfer_out are refused as reasons of a single movement."""
    facts = given(*after(*funded(A, 5)))
    facts.when(credit("transfer_in")).refused(
        Code.REASON_NOT_ALLOWED, reason="transfer_in"
    )
    facts.when(debit("transfer_out")).refused(
        Code.REASON_NOT_ALLOWED, reason="transfer_out"
    )


@pytest.mark.parametrize("reference", [None, ""])
def test_payments_and_refunds_name_a_reference(reference: str | None) -> None:
    """C2: without a reference a payment or refund is not valid, at /reference."""
    facts = given(*after(*funded(A, 5)))
    for command in (credit("refund", reference), debit("payment", reference)):
        refusal = facts.when(command).refused(Code.VALIDATION_ERROR)
        assert isinstance(refusal, ValidationFailed)
        assert [problem.pointer for problem in refusal.errors] == ["/reference"]
    assert facts.when(credit("deposit", reference)).facts


def test_what_is_held_cannot_be_spent() -> None:
    """C3: a debit or hold needs balance less held."""
    facts = given(*after(*funded(A, 10), hold(A, "h", 4)))
    for command in (withdrawal(A, 7), hold(A, "i", 7)):
        facts.when(command).refused(
            Code.INSUFFICIENT_FUNDS, available_amount=6, requested_amount=7
        )
    for command in (withdrawal(A, 6), hold(A, "i", 6)):
        assert facts.when(command).facts


def test_a_capture_takes_no_more_than_is_held() -> None:
    """C3, P16: beyond the hold nothing is captured, nor out of a hold that is gone."""

    def capture(amount: int, currency: str = "EGP") -> CaptureHold:
        return CaptureHold(
            wallet_id=A,
            hold_id="h",
            amount=amount,
            currency=currency,
            reason="payment",
            counter_account="external:payment",
        )

    facts = given(*after(*funded(A, 10), hold(A, "h", 4)))
    facts.when(capture(5)).refused(Code.PAYMENT_NOT_AUTHORIZED, hold_id="h")
    facts.when(capture(5, "USD")).refused(Code.CURRENCY_MISMATCH)
    facts.when(capture(0)).refused(Code.INVALID_AMOUNT)
    (event,) = facts.when(capture(3)).events
    assert isinstance(event, WalletDebited)
    assert (event.balance_after, event.held_after, event.hold_id) == (7, 1, "h")
    gone = after(
        *funded(A, 10),
        hold(A, "h", 4),
        ReleaseHold(wallet_id=A, hold_id="h", reason="voided"),
    )
    given(*gone).when(capture(1)).refused(Code.PAYMENT_NOT_AUTHORIZED)


def test_money_on_its_way_in_is_not_there() -> None:
    """C4: only what has been credited can be spent; a refused transfer brings none."""
    bench = Workbench()
    bench.do(*funded(A, 10), *opened(B))
    first, second = bench.handle(transfer(A, B, 11), withdrawal(B, 1))
    for outcome in (first, second):
        assert isinstance(outcome, Rejected)
        assert outcome.error.code is Code.INSUFFICIENT_FUNDS


def test_every_movement_tells_the_balances_after_it() -> None:
    """C5: balance and held after it stand in each event of money."""
    facts = after(
        *funded(A, 10),
        hold(A, "h", 4),
        withdrawal(A, 3),
        ReleaseHold(wallet_id=A, hold_id="h", reason="voided"),
    )
    found = [
        (getattr(event, "balance_after", None), getattr(event, "held_after", None))
        for _, event in facts
    ]
    assert found == [(None, None), (None, None), (10, 0), (10, 4), (7, 4), (7, 0)]


def test_every_movement_has_a_counter_account() -> None:
    """C6: over wallets and counter-accounts the sum is zero."""
    facts = after(*funded(A, 10), *opened(B), withdrawal(A, 3), transfer(A, B, 2))
    books: Counter[str] = Counter()
    for stream, event in facts:
        if isinstance(event, WalletCredited | WalletDebited):
            sign = 1 if isinstance(event, WalletCredited) else -1
            own = stream.replace("/", ":")
            books[own] += sign * event.amount
            if not event.counter_account.startswith("wallet:"):
                books[event.counter_account] -= sign * event.amount
    assert sum(books.values()) == 0
    assert books == {
        f"wallet:{A}": 5,
        f"wallet:{B}": 2,
        "external:deposit": -10,
        "external:withdrawal": 3,
    }


def test_the_counter_account_may_be_named() -> None:
    """C6: the rail that money came by is kept as it was said."""
    command = CreditWallet(
        wallet_id=A,
        amount=1,
        currency="EGP",
        reason="deposit",
        counter_account="external:instapay",
    )
    (event,) = given(*after(*opened(A))).when(command).events
    assert getattr(event, "counter_account", None) == "external:instapay"


def test_a_reference_is_used_once_where_the_policy_says_so() -> None:
    """C7: per wallet and reason, whatever the idempotency key."""
    bench = Workbench(policy=ONCE)
    bench.do(*funded(A, 50), credit("refund", "r"), debit("payment", "r"))
    bench.refuse(credit("refund", "r"), Code.DUPLICATE_REFERENCE, reference="r")
    bench.refuse(debit("payment", "r"), Code.DUPLICATE_REFERENCE, reference="r")
    bench.do(credit("deposit", "r"), credit("refund", "s"), debit("fee", None))
    bench.do(debit("fee", None))


def test_a_refused_reference_is_not_used_up() -> None:
    """C7, E3: a refused movement claims nothing."""
    bench = Workbench(policy=ONCE)
    bench.do(*funded(A, 1))
    bench.refuse(debit("payment", "r"), Code.INSUFFICIENT_FUNDS)
    bench.do(deposit(A, 4), debit("payment", "r"))


def test_a_reference_of_transfers_is_used_once_too() -> None:
    """C7: both legs of a transfer claim its reference on their wallet."""
    bench = Workbench(policy=ONCE)
    bench.do(*funded(A, 50), *opened(B), transfer(A, B, 5, reference="r"))
    bench.refuse(transfer(A, B, 5, reference="r"), Code.DUPLICATE_REFERENCE)
    c = wallet_id("c")
    bench.do(*funded(c, 50))
    bench.refuse(transfer(c, B, 5, reference="r"), Code.DUPLICATE_REFERENCE)
    bench.do(transfer(A, B, 5, reference="s"), transfer(B, A, 5, reference="r"))


def test_without_such_a_policy_references_repeat() -> None:
    """C7: the core keeps no references unless the policy asks for it."""
    bench = Workbench()
    bench.do(*funded(A, 50), debit("payment", "r"), debit("payment", "r"))


def test_money_of_another_currency_stays_out() -> None:
    """M4: a wallet takes and gives its own currency only."""
    facts = given(*after(*funded(A, 10)))
    for command in (
        deposit(A, 1, currency="USD"),
        withdrawal(A, 1, currency="USD"),
        hold(A, "h", 1, currency="USD"),
    ):
        facts.when(command).refused(
            Code.CURRENCY_MISMATCH, expected_currency="EGP", requested_currency="USD"
        )


def test_a_balance_is_bounded() -> None:
    """M5: a credit that would pass 2^53-1 is refused, also a refund."""
    facts = given(*after(*funded(A, MAX_AMOUNT - 4)))
    for command in (credit("deposit"), credit("refund")):
        facts.when(command).refused(Code.AMOUNT_OVERFLOW, max_amount=MAX_AMOUNT)
    assert facts.when(deposit(A, 4)).facts


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_moves_by_zero_or_less(amount: int) -> None:
    """M6: each command with an amount refuses zero and less."""
    facts = given(*after(*funded(A, 10), *opened(B)))
    for command in (
        deposit(A, amount),
        withdrawal(A, amount),
        hold(A, "h", amount),
        transfer(A, B, amount),
    ):
        facts.when(command).refused(Code.INVALID_AMOUNT, requested_amount=amount)


def test_forty_threads_on_a_handler_share_what_is_there() -> None:
    """C8: of 40 debits against a balance good for 10 exactly 10 succeed."""
    bench = Workbench()
    bench.do(*funded(A, 10))
    orders = [request(withdrawal(A, 1)) for _ in range(40)]
    outcomes = race(*(partial(bench.handler.handle, order) for order in orders))
    assert sum(isinstance(outcome, Committed) for outcome in outcomes) == 10
    assert bench.wallet(A).balance == 0


def test_forty_threads_on_a_runtime_share_what_is_there() -> None:
    """C8: the same through the queue of the runtime, in batches of any size."""
    for max_batch in (1, 7, 512):
        store = InMemoryEventStore()
        bench = Workbench(store)
        bench.do(*funded(A, 10))
        runtime = LocalRuntime(bench.handler, max_batch=max_batch)
        orders = [request(withdrawal(A, 1)) for _ in range(40)]
        outcomes = race(*(partial(runtime.execute, order) for order in orders))
        assert sum(isinstance(outcome, Committed) for outcome in outcomes) == 10
        assert bench.wallet(A).balance == 0


def test_forty_threads_on_two_handlers_share_what_is_there() -> None:
    """C8, V1: two handlers on one store sell the same balance once."""

    class Shared(ScriptedStore):
        def epoch(self) -> int:
            return len(self.behind.feed(0, 1_000))

    store = InMemoryEventStore()
    benches = [Workbench(Shared(store)) for _ in range(2)]
    benches[0].do(*funded(A, 10))
    handlers: list[CommandHandler] = [bench.handler for bench in benches]
    orders = [request(withdrawal(A, 1)) for _ in range(40)]
    outcomes = race(
        *(partial(handlers[n % 2].handle, order) for n, order in enumerate(orders))
    )
    done = sum(isinstance(outcome, Committed) for outcome in outcomes)
    codes = {o.error.code for o in outcomes if isinstance(o, Rejected)}
    assert done + benches[0].wallet(A).balance == 10
    assert codes <= {Code.INSUFFICIENT_FUNDS, Code.CONCURRENCY_CONFLICT}
