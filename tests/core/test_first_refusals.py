"""Where several refusals apply, sagas and sweeps say the first one too (E2)."""

from __future__ import annotations

from healthpay_core import (
    ChangeWalletKycLevel,
    CloseWallet,
    Code,
    LimitPolicy,
    PlaceHold,
    PolicyRef,
    ReceiveTransfer,
)
from healthpay_core.medcard.events import CardLimits
from healthpay_core.testing import NOW, Workbench, funded, hold, transfer, wallet_id

A, B = wallet_id("a"), wallet_id("b")
ONCE = LimitPolicy(ref=PolicyRef(id="once", version=1), unique_references=True)


def test_a_sweep_to_nobody_says_so_before_it_sees_holds() -> None:
    """E2, W7: existence comes before the life cycle."""
    bench = Workbench()
    bench.do(*funded(A, 10), hold(A, "h", 4))
    close = CloseWallet(wallet_id=A, sweep_to=B)
    bench.refuse(close, Code.DESTINATION_WALLET_NOT_FOUND)


def test_a_level_too_low_comes_before_the_limits_of_a_card() -> None:
    """E2, D6: eligibility comes before limits, in saga form too."""
    bench = Workbench()
    bench.do(*funded(A, 10), ChangeWalletKycLevel(wallet_id=A, kyc_level="unverified"))
    by_card = PlaceHold(
        wallet_id=A,
        hold_id=wallet_id("hold"),
        amount=5,
        currency="EGP",
        purpose="payment",
        expires_at=NOW + 1,
        card_id=wallet_id("card"),
        card_limits=CardLimits(daily=4),
    )
    bench.refuse(by_card, Code.KYC_LEVEL_INSUFFICIENT)


def test_a_transfer_in_steps_claims_its_reference_once() -> None:
    """C7: the destination takes a reference once, whichever form brings it."""
    bench = Workbench(policy=ONCE)
    bench.do(*funded(A, 10), *funded(B, 1))
    bench.do(transfer(A, B, 2, reference="rent"))
    again = ReceiveTransfer(
        wallet_id=B,
        transfer_id=wallet_id("t"),
        source_wallet_id=A,
        amount=2,
        currency="EGP",
        not_after=NOW + 1,
        reference="rent",
    )
    bench.refuse(again, Code.DUPLICATE_REFERENCE)
