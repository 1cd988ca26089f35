"""Words that no event could be read with are refused before anything is decided."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from healthpay_core import (
    ChangeWalletKycLevel,
    Code,
    Command,
    Ok,
    SuspendWallet,
    domain,
)
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
from healthpay_core.words import word_refusal

A, B = wallet_id("a"), wallet_id("b")


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


def test_a_word_may_be_left_out_where_none_is_needed() -> None:
    """D6: a payment without a category has none."""
    assert word_refusal(payment(A, B, 1, name="p")) is None


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
