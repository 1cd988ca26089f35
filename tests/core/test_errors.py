"""The one catalogue of codes, and refusals that say only typed facts (rule E)."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import pytest

from healthpay_core import (
    CATALOGUE,
    Code,
    Fault,
    NotDone,
    Refusal,
    StoreFault,
    refusals,
)
from healthpay_core.refusals import (
    CardLimitExceeded,
    ConcurrencyConflict,
    CorruptStream,
    CurrencyMismatch,
    InsufficientFunds,
    InternalError,
    InvalidAmount,
    InvalidStateTransition,
    LimitExceeded,
    StoreUnavailable,
    UnsupportedCurrency,
    ValidationFailed,
    WalletClosed,
    WalletHasBalance,
    WalletNotActive,
)
from healthpay_core.testing import (
    Workbench,
    create,
    deposit,
    funded,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing import transfer as a_transfer
from healthpay_core.testing.stores import ScriptedStore, conflict

A, B = wallet_id("a"), wallet_id("b")

OF_THE_EDGE = {
    Code.TRANSFER_NOT_FOUND,
    Code.COMMAND_NOT_FOUND,
    Code.IDEMPOTENCY_KEY_MISSING,
    Code.IDEMPOTENCY_KEY_INVALID,
    Code.PRECONDITION_REQUIRED,
    Code.ROUTE_NOT_FOUND,
    Code.METHOD_NOT_ALLOWED,
    Code.BODY_TOO_LARGE,
    Code.UNSUPPORTED_MEDIA_TYPE,
}
"""Codes that only an edge answers with, never a decision."""


def _classes() -> list[type[NotDone]]:
    # Not by `__subclasses__`: the plain twin of a slotted class is there too.
    return [
        cls
        for cls in vars(refusals).values()
        if isinstance(cls, type) and issubclass(cls, NotDone) and hasattr(cls, "code")
    ]


def test_every_code_stands_once_in_the_catalogue() -> None:
    """E1: the catalogue has an entry for every code, and no other."""
    assert set(CATALOGUE) == set(Code)
    titles = [entry.title for entry in CATALOGUE.values()]
    assert len(set(titles)) == len(titles)
    for code, entry in CATALOGUE.items():
        assert code.value == code.name
        assert entry.title
        assert entry.meaning.endswith(".")


def test_every_code_has_one_class_or_belongs_to_the_edge() -> None:
    """E1: counted from the classes, each code of the core is answered by one."""
    codes = [cls.code for cls in _classes()]
    assert len(codes) == len(set(codes))
    missing = set(Code) - set(codes)
    assert missing <= OF_THE_EDGE, missing - OF_THE_EDGE


def test_only_four_codes_are_retryable() -> None:
    """E1: only races and load are worth the same request again."""
    assert {code for code, entry in CATALOGUE.items() if entry.retryable} <= {
        Code.CONCURRENCY_CONFLICT,
        Code.IDEMPOTENCY_KEY_IN_USE,
        Code.STORE_UNAVAILABLE,
        *(code for code in Code if code.value == "RATE_LIMITED"),
    }
    assert CATALOGUE[Code.CONCURRENCY_CONFLICT].retryable
    assert CATALOGUE[Code.IDEMPOTENCY_KEY_IN_USE].retryable
    assert CATALOGUE[Code.STORE_UNAVAILABLE].retryable


PINNED = (
    "UNSUPPORTED_CURRENCY CURRENCY_MISMATCH INVALID_AMOUNT AMOUNT_OVERFLOW",
    "WALLET_ALREADY_EXISTS INVALID_STATE_TRANSITION WALLET_NOT_ACTIVE WALLET_CLOSED",
    "WALLET_HAS_BALANCE WALLET_HAS_OPEN_HOLDS KYC_LEVEL_INSUFFICIENT LIMIT_EXCEEDED",
    "INSUFFICIENT_FUNDS REASON_NOT_ALLOWED DUPLICATE_REFERENCE PAYMENT_NOT_AUTHORIZED",
    "SELF_TRANSFER_NOT_ALLOWED TRANSFER_ALREADY_EXISTS TRANSFER_TIMEOUT",
    "PAYMENT_ALREADY_EXISTS PAYEE_NOT_MERCHANT PAYMENT_ALREADY_CAPTURED",
    "PAYMENT_ALREADY_VOIDED PAYMENT_NOT_VOIDABLE PAYMENT_NOT_CAPTURED",
    "PAYMENT_ALREADY_REFUNDED AUTHORIZATION_EXPIRED CAPTURE_EXCEEDS_AUTHORIZED",
    "REFUND_EXCEEDS_CAPTURED AMOUNT_NOT_ELIGIBLE MEDCARD_ALREADY_EXISTS",
    "CARD_NOT_ACTIVE CARD_EXPIRED CARD_NOT_RESUMABLE MERCHANT_CATEGORY_NOT_ALLOWED",
    "CARD_LIMIT_EXCEEDED",
)


def test_decided_refusals_are_pinned_and_nothing_else() -> None:
    """I6: state and value refusals stay under their key; shape, absence, races not."""
    pinned = {code.value for code, entry in CATALOGUE.items() if entry.pinned}
    assert pinned == {code for line in PINNED for code in line.split()}
    faults = [cls for cls in _classes() if issubclass(cls, Fault)]
    assert faults
    assert not any(CATALOGUE[cls.code].pinned for cls in faults)


def test_refusals_and_faults_are_told_apart_by_type() -> None:
    """E8: every class is a refusal or a fault, never both, and a frozen value."""
    for cls in _classes():
        assert issubclass(cls, Refusal) != issubclass(cls, Fault), cls
        assert is_dataclass(cls)


def test_details_leave_out_what_is_not_known() -> None:
    """E9: the typed facts of an occurrence are its fields that have a value."""
    found = dict(WalletNotActive(current_status="pending").details())
    assert found == {"current_status": "pending"}
    for cls in _classes():
        for member in fields(cls):
            assert len(member.name) >= 3, (cls, member.name)


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        (ValidationFailed.at("/a", "b"), "1 fault in the request."),
        (UnsupportedCurrency(currency="<b>"), "The currency is not an ISO 4217"),
        (InvalidAmount(requested_amount=0), "The amount is below 1 minor unit."),
        (CurrencyMismatch.between("EGP", "USD"), "The money is EGP, not USD."),
        (
            InvalidStateTransition(current_status="active", requested="activate"),
            "activate is not possible while active.",
        ),
        (
            WalletNotActive(current_status="pending", party="source"),
            "The source wallet is pending, not active.",
        ),
        (WalletClosed(), "The wallet is closed for good."),
        (
            WalletHasBalance(balance=1, currency="EGP"),
            CATALOGUE[Code.WALLET_HAS_BALANCE].meaning,
        ),
        (
            LimitExceeded(
                limit_name="daily", limit_amount=5, used_amount=4, requested_amount=2
            ),
            "The daily limit is 5; 4 is used, 2 was requested.",
        ),
        (
            CardLimitExceeded(
                limit_name="weekly", limit_amount=5, used_amount=4, requested_amount=2
            ),
            "The card's weekly limit is 5; 4 is used, 2 was requested.",
        ),
        (
            CorruptStream(stream="wallet/1", sequence=3),
            "Event 3 of wallet/1 does not add up.",
        ),
        (
            InternalError(error_id="e"),
            CATALOGUE[Code.INTERNAL_ERROR].meaning,
        ),
    ],
)
def test_messages_are_sentences_without_what_callers_sent(
    refusal: NotDone, message: str
) -> None:
    """E6: the detail of an occurrence is one sentence of the domain's own words."""
    assert refusal.message.startswith(message)
    assert "<b>" not in refusal.message


def test_a_race_is_never_a_business_refusal() -> None:
    """E4: when others keep winning, the answer is a conflict, not missing funds."""
    store = ScriptedStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10))
    store.script.extend([conflict] * 3)
    fault = bench.refuse(withdrawal(A, 10), Code.CONCURRENCY_CONFLICT, attempts=3)
    assert isinstance(fault, ConcurrencyConflict)
    assert not isinstance(fault, Refusal)
    assert bench.wallet(A).balance == 10


def test_a_store_that_is_gone_is_never_a_business_refusal() -> None:
    """E4: an unreadable store is unavailable; the wallet is not called missing."""
    store = ScriptedStore()
    bench = Workbench(store)
    store.reads_raise = StoreFault("gone")
    fault = bench.refuse(withdrawal(A, 10), Code.STORE_UNAVAILABLE)
    assert isinstance(fault, StoreUnavailable)


def test_a_refusal_leaves_no_trace_but_its_outcome() -> None:
    """E3: events, versions and views are the same after a refusal."""
    bench = Workbench()
    bench.do(*funded(A, 10), *funded(B, 10))
    before, views = list(bench.feed()), (bench.wallet(A), bench.wallet(B))
    bench.refuse(withdrawal(A, 11), Code.INSUFFICIENT_FUNDS)
    bench.refuse(a_transfer(A, B, 11), Code.INSUFFICIENT_FUNDS)
    bench.refuse(create(A), Code.WALLET_ALREADY_EXISTS)
    assert list(bench.feed()) == before
    assert (bench.wallet(A), bench.wallet(B)) == views
    assert bench.do(withdrawal(A, 10)).events[0].sequence == 4


def test_a_funds_refusal_names_both_amounts() -> None:
    """E9: what was there and what was asked are typed facts of the refusal."""
    bench = Workbench()
    bench.do(*funded(A, 10))
    error = bench.refuse(withdrawal(A, 11), Code.INSUFFICIENT_FUNDS)
    assert error == InsufficientFunds(
        requested_amount=11, available_amount=10, currency="EGP"
    )
    bench.do(deposit(A, 1))


@pytest.mark.parametrize("code", sorted(OF_THE_EDGE))
def test_codes_of_the_edge_are_not_pinned(code: Code) -> None:
    """I6: what an edge refuses before the decision is not stored."""
    assert not CATALOGUE[code].pinned
