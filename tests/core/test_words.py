"""Words that no event could be read with are refused before anything is decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import pytest

from healthpay_core import (
    ChangeWalletKycLevel,
    Code,
    Command,
    Ok,
    SuspendWallet,
    domain,
)
from healthpay_core.policy import KycLevel
from healthpay_core.refusals import ValidationFailed
from healthpay_core.testing import (
    Workbench,
    card_id,
    create,
    deposit,
    funded,
    issue,
    payment,
    wallet_id,
)
from healthpay_core.words import _words_of, word_refusal

A, B = wallet_id("a"), wallet_id("b")


@pytest.fixture(autouse=True)
def _found_anew() -> None:
    """What is known of a class of commands is found again for each test."""
    _words_of.cache_clear()


@pytest.mark.parametrize(
    ("command", "field", "pointer"),
    [
        (deposit(A, 1), "reason", "/reason"),
        (create(A), "wallet_type", "/walletType"),
        (create(A), "kyc_level", "/kycLevel"),
        (ChangeWalletKycLevel(wallet_id=A, kyc_level="full"), "kyc_level", "/kycLevel"),
        (SuspendWallet(wallet_id=A, reason_code="fraud"), "reason_code", "/reasonCode"),
        (payment(A, B, 1, name="p"), "method", "/method"),
        (payment(A, B, 1, name="p"), "capture_method", "/captureMethod"),
        (issue(card_id("c"), A), "form", "/form"),
    ],
)
@pytest.mark.parametrize("value", ["bonus", "", None, 7, []])
def test_an_unknown_word_is_refused(
    command: Command, field: str, pointer: str, value: Any
) -> None:
    """C1, C5, M9: whoever calls without a type checker is told which field it is."""
    assert word_refusal(command) is None
    wrong: Any = replace(command, **{field: value})
    refusal = domain.validate(wrong)
    assert isinstance(refusal, ValidationFailed)
    (error,) = refusal.errors
    assert error.pointer == pointer
    assert error.detail.startswith("must be one of: ")


@dataclass(frozen=True)
class _Order:
    side_of_it: Literal["left", "right"] | None = None
    name: str | None = None
    level: KycLevel | int = 1


def test_a_word_may_be_left_out_where_none_is_needed() -> None:
    """C1: then nothing may stand there, and no other word; other texts are free."""
    for free in (
        _Order(),
        _Order(side_of_it="left"),
        _Order(name="any"),
        _Order("right"),
    ):
        assert word_refusal(free) is None
    word: Any = "up"
    refusal = word_refusal(_Order(side_of_it=word, level=word))
    assert refusal is not None
    assert [(e.pointer, e.detail) for e in refusal.errors] == [
        ("/sideOfIt", "must be one of: left, right")
    ]
    assert word_refusal(_Order(level=word)) is None


def test_the_words_are_named() -> None:
    """E7: whoever is refused is told what may stand there."""
    word: Any = "bonus"
    refusal = word_refusal(ChangeWalletKycLevel(wallet_id=A, kyc_level=word))
    assert refusal is not None
    (error,) = refusal.errors
    assert error.detail == f"must be one of: {', '.join(get_args(KycLevel))}"


def test_what_is_refused_stops_nothing() -> None:
    """E1, C1: the wallet goes on, and the feed can be read."""
    bench = Workbench()
    bench.do(*funded(A, 10))
    word: Any = "bonus"
    odd = replace(deposit(A, 1), reason=word)
    before = len(bench.feed())
    bench.refuse(odd, Code.VALIDATION_ERROR)
    assert len(bench.feed()) == before
    bench.do(deposit(A, 1))
    assert Ok(bench.wallet(A).balance) == Ok(11)
