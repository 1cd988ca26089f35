"""Hypothesis strategies; they need the extra ``healthpay-core[testing]``.

What they draw is small on purpose: few wallets, few amounts, so that commands
meet each other, and both sides of every rule are reached often.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

from healthpay_core.currency import MINOR_UNIT_DIGITS
from healthpay_core.domain import Command
from healthpay_core.ids import derive_id
from healthpay_core.money import MAX_AMOUNT, Money
from healthpay_core.outcome import CommandRequest
from healthpay_core.policy import KycLevel, LimitPolicy, Limits, PolicyRef, WalletType
from healthpay_core.testing.builders import NOW, command_id, transfer_id, wallet_id
from healthpay_core.transfer.commands import TransferFunds
from healthpay_core.wallet.commands import (
    ActivateWallet,
    CaptureHold,
    ChangeWalletKycLevel,
    CloseWallet,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    PlaceHold,
    ReleaseHold,
    SuspendWallet,
)

WALLETS: Final = tuple(wallet_id(name) for name in ("a", "b", "c"))
"""The wallets that histories are about."""

_LEVELS: Final[tuple[KycLevel, ...]] = ("unverified", "basic", "enhanced", "full")
_TYPES: Final[tuple[WalletType, ...]] = ("personal", "business", "merchant")


def currencies() -> st.SearchStrategy[str]:
    """Every currency with a minor unit, Egypt's more often."""
    return st.just("EGP") | st.sampled_from(sorted(MINOR_UNIT_DIGITS))


def amounts() -> st.SearchStrategy[int]:
    """Amounts that can be moved: small ones more often, and those at the bound."""
    return st.integers(1, 20) | st.integers(1, MAX_AMOUNT) | st.just(MAX_AMOUNT)


def money() -> st.SearchStrategy[Money]:
    """Money of any currency, of either sign, or none."""
    return st.builds(Money, st.integers(-MAX_AMOUNT, MAX_AMOUNT), currencies())


def ids() -> st.SearchStrategy[str]:
    """Canonical ids."""
    return st.uuids().map(str) | st.text(max_size=20).map(derive_id)


def wallets() -> st.SearchStrategy[str]:
    """The id of one of `WALLETS`."""
    return st.sampled_from(WALLETS)


def policies() -> st.SearchStrategy[LimitPolicy]:
    """Policies with small limits for wallets of Egyptian pounds, or none."""
    few = st.none() | st.integers(0, 60)
    limits = st.builds(
        Limits,
        per_transaction=few,
        per_day=few,
        per_month=few,
        daily_count=st.none() | st.integers(0, 5),
        monthly_count=st.none() | st.integers(0, 8),
        max_balance=few,
    )
    keys = st.tuples(st.sampled_from(_TYPES), st.sampled_from(_LEVELS), st.just("EGP"))
    return st.builds(
        LimitPolicy,
        ref=st.just(PolicyRef(id="drawn", version=1)),
        rows=st.dictionaries(keys, limits, max_size=4),
        unique_references=st.booleans(),
    )


def openings() -> st.SearchStrategy[Command]:
    """Orders that open wallets: without them a history says little."""
    return st.builds(
        CreateWallet,
        wallet_id=wallets(),
        owner_id=st.sampled_from(("owner-1", "owner-2")),
        wallet_type=st.sampled_from(_TYPES),
        currency=st.sampled_from(("EGP", "EGP", "EGP", "USD")),
        kyc_level=st.sampled_from(_LEVELS),
    ) | st.builds(ActivateWallet, wallet_id=wallets())


def transfers() -> st.SearchStrategy[TransferFunds]:
    """Orders to move money between `WALLETS`, sometimes to where it came from."""
    return transfers_between(WALLETS)


def transfers_between(among: Sequence[str]) -> st.SearchStrategy[TransferFunds]:
    """Orders to move money between these wallets, sometimes from one to itself."""
    return st.builds(
        TransferFunds,
        transfer_id=st.integers(0, 30).map(lambda n: transfer_id(str(n))),
        source_wallet_id=st.sampled_from(among),
        destination_wallet_id=st.sampled_from(among),
        amount=_small(),
        currency=_currency(),
        reference=_references(),
    )


def movements() -> st.SearchStrategy[Command]:
    """Orders to pay in, to pay out, to transfer."""
    return st.one_of(
        st.builds(
            CreditWallet,
            wallet_id=wallets(),
            amount=_small(),
            currency=_currency(),
            reason=st.sampled_from(("deposit", "deposit", "refund", "transfer_in")),
            reference=_references(),
        ),
        st.builds(
            DebitWallet,
            wallet_id=wallets(),
            amount=_small(),
            currency=_currency(),
            reason=st.sampled_from(("withdrawal", "payment", "transfer_out")),
            reference=_references(),
        ),
        transfers(),
    )


def holds() -> st.SearchStrategy[Command]:
    """Orders to hold, to capture, to release, on `WALLETS`."""
    return holds_of(WALLETS)


def holds_of(among: Sequence[str]) -> st.SearchStrategy[Command]:
    """Orders to hold, to capture, to release, on these wallets."""
    hold_id = st.sampled_from(("h", "i"))
    return st.one_of(
        st.builds(
            PlaceHold,
            wallet_id=st.sampled_from(among),
            hold_id=hold_id,
            amount=_small(),
            currency=_currency(),
            purpose=st.just("payment"),
            expires_at=st.just(NOW),
        ),
        st.builds(
            CaptureHold,
            wallet_id=st.sampled_from(among),
            hold_id=hold_id,
            amount=_small(),
            currency=_currency(),
            reason=st.just("payment"),
            counter_account=st.just("external:payment"),
        ),
        st.builds(
            ReleaseHold,
            wallet_id=st.sampled_from(among),
            hold_id=hold_id,
            reason=st.sampled_from(("voided", "expired", "captured_remainder")),
        ),
    )


def life_cycle() -> st.SearchStrategy[Command]:
    """Orders that change what a wallet may do."""
    return st.one_of(
        st.builds(ActivateWallet, wallet_id=wallets()),
        st.builds(
            SuspendWallet, wallet_id=wallets(), reason_code=st.just("compliance")
        ),
        st.builds(
            ChangeWalletKycLevel,
            wallet_id=wallets(),
            kyc_level=st.sampled_from(_LEVELS),
        ),
        st.builds(CloseWallet, wallet_id=wallets(), sweep_to=st.none() | wallets()),
    )


def commands() -> st.SearchStrategy[Command]:
    """Any order; those that move money more often."""
    return st.one_of(movements(), movements(), movements(), holds(), life_cycle())


def requests() -> st.SearchStrategy[CommandRequest]:
    """Requests with few keys and fingerprints, so that some are repeated."""
    return st.builds(
        CommandRequest,
        command=commands(),
        command_id=st.integers(0, 40).map(lambda n: command_id(str(n))),
        fingerprint=st.sampled_from((b"", b"", b"x", b"x", b"x", b"y")),
        expected_version=st.none() | st.none() | st.integers(0, 8),
    )


def histories(max_size: int = 40) -> st.SearchStrategy[list[Command]]:
    """Orders that open the wallets and pay in, then any others."""
    opening: list[Command] = []
    for wallet in WALLETS:
        opening += [
            CreateWallet(
                wallet_id=wallet,
                owner_id="owner-1",
                wallet_type="personal",
                currency="EGP",
                kyc_level="full",
            ),
            ActivateWallet(wallet_id=wallet),
            CreditWallet(wallet_id=wallet, amount=30, currency="EGP", reason="deposit"),
        ]
    return st.lists(commands() | openings(), max_size=max_size).map(
        lambda drawn: opening + drawn
    )


def _small() -> st.SearchStrategy[int]:
    return st.integers(0, 25) | st.integers(1, 25) | st.just(MAX_AMOUNT)


def _currency() -> st.SearchStrategy[str]:
    return st.sampled_from(("EGP",) * 9 + ("USD",))


def _references() -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(("r", "s"))
