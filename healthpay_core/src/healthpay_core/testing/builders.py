"""Short ways to say who has what; amounts are minor units, EGP if not said."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from healthpay_core.clock import SystemClock
from healthpay_core.context import Context
from healthpay_core.domain import Command, Facts, State, decide, evolve, streams
from healthpay_core.envelope import SYSTEM, Actor
from healthpay_core.ids import StreamId, derive_id, new_id
from healthpay_core.medcard.commands import ActivateMedCard, IssueMedCard
from healthpay_core.medcard.events import HEALTH_CARE_ONLY, CardControls
from healthpay_core.outcome import CommandRequest
from healthpay_core.payment.commands import InitiatePayment
from healthpay_core.payment.events import EligibleAmounts
from healthpay_core.policy import NO_LIMITS, KycLevel, LimitPolicy, WalletType
from healthpay_core.result import Ok
from healthpay_core.transfer.commands import TransferFunds
from healthpay_core.wallet.commands import (
    ActivateWallet,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    PlaceHold,
)


def instant(text: str) -> int:
    """Microseconds since 1970 UTC of an ISO 8601 text with an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


NOW: Final = instant("2026-03-02T10:00:00+02:00")
"""A Monday morning in Cairo: the time of tests that do not care."""


def wallet_id(name: str) -> str:
    """The same id for the same name."""
    return derive_id(f"wallet/{name}")


def transfer_id(name: str) -> str:
    """The same id for the same name."""
    return derive_id(f"transfer/{name}")


def payment_id(name: str) -> str:
    """The same id for the same name."""
    return derive_id(f"payment/{name}")


def card_id(name: str) -> str:
    """The same id for the same name."""
    return derive_id(f"card/{name}")


def command_id(name: str) -> str:
    """The same id for the same name."""
    return derive_id(f"command/{name}")


def create(
    wallet: str,
    *,
    currency: str = "EGP",
    wallet_type: WalletType = "personal",
    kyc_level: KycLevel = "full",
    owner_id: str = "owner-1",
) -> CreateWallet:
    """The order to create a wallet."""
    return CreateWallet(
        wallet_id=wallet,
        owner_id=owner_id,
        wallet_type=wallet_type,
        currency=currency,
        kyc_level=kyc_level,
    )


def opened(
    wallet: str,
    *,
    currency: str = "EGP",
    wallet_type: WalletType = "personal",
    kyc_level: KycLevel = "full",
) -> tuple[Command, ...]:
    """The orders that lead to an active, empty wallet."""
    order = create(
        wallet, currency=currency, wallet_type=wallet_type, kyc_level=kyc_level
    )
    return (order, ActivateWallet(wallet_id=wallet))


def funded(
    wallet: str,
    amount: int,
    *,
    currency: str = "EGP",
    wallet_type: WalletType = "personal",
    kyc_level: KycLevel = "full",
) -> tuple[Command, ...]:
    """The orders that lead to an active wallet with a balance."""
    return (
        *opened(
            wallet, currency=currency, wallet_type=wallet_type, kyc_level=kyc_level
        ),
        deposit(wallet, amount, currency=currency),
    )


def deposit(
    wallet: str, amount: int, *, currency: str = "EGP", reference: str | None = None
) -> CreditWallet:
    """The order to pay in."""
    return CreditWallet(
        wallet_id=wallet,
        amount=amount,
        currency=currency,
        reason="deposit",
        reference=reference,
    )


def withdrawal(
    wallet: str, amount: int, *, currency: str = "EGP", reference: str | None = None
) -> DebitWallet:
    """The order to pay out."""
    return DebitWallet(
        wallet_id=wallet,
        amount=amount,
        currency=currency,
        reason="withdrawal",
        reference=reference,
    )


def hold(wallet: str, hold_id: str, amount: int, *, currency: str = "EGP") -> PlaceHold:
    """The order to set money aside for a payment, for seven days from `NOW`."""
    return PlaceHold(
        wallet_id=wallet,
        hold_id=hold_id,
        amount=amount,
        currency=currency,
        purpose="payment",
        expires_at=NOW + 7 * 24 * 3600 * 1_000_000,
    )


def transfer(
    source: str,
    destination: str,
    amount: int,
    *,
    name: str | None = None,
    currency: str = "EGP",
    reference: str | None = None,
) -> TransferFunds:
    """The order to move money; the transfer's id comes from `name`, or is new."""
    return TransferFunds(
        transfer_id=new_id() if name is None else transfer_id(name),
        source_wallet_id=source,
        destination_wallet_id=destination,
        amount=amount,
        currency=currency,
        reference=reference,
    )


def payment(
    payer: str,
    merchant: str,
    amount: int,
    *,
    name: str = "payment",
    currency: str = "EGP",
    automatic: bool = False,
    card: str | None = None,
    category: str = "pharmacies",
    eligible: EligibleAmounts | None = None,
    partial_approval: bool = False,
    reference: str | None = None,
) -> InitiatePayment:
    """The order to agree on a payment, with a card when one is named."""
    return InitiatePayment(
        payment_id=payment_id(name),
        payer_wallet_id=payer,
        merchant_wallet_id=merchant,
        amount=amount,
        currency=currency,
        method="wallet" if card is None else "medcard",
        capture_method="automatic" if automatic else "manual",
        card_id=card,
        merchant_category=None if card is None else category,
        eligible_amounts=eligible,
        partial_approval=partial_approval,
        reference=reference,
    )


def issue(
    card: str,
    wallet: str,
    *,
    exp_month: int = 12,
    exp_year: int = 2027,
    controls: CardControls = HEALTH_CARE_ONLY,
) -> IssueMedCard:
    """The order to put a card on a wallet."""
    return IssueMedCard(
        card_id=card,
        wallet_id=wallet,
        card_token="token-1",  # noqa: S106 (opaque, and of no card)
        last4="4242",
        exp_month=exp_month,
        exp_year=exp_year,
        form="virtual",
        controls=controls,
    )


def issued(
    card: str,
    wallet: str,
    *,
    exp_month: int = 12,
    exp_year: int = 2027,
    controls: CardControls = HEALTH_CARE_ONLY,
) -> tuple[Command, ...]:
    """The orders that lead to an active card."""
    order = issue(
        card, wallet, exp_month=exp_month, exp_year=exp_year, controls=controls
    )
    return (order, ActivateMedCard(card_id=card))


def request(
    command: Command,
    key: str | None = None,
    *,
    fingerprint: bytes = b"",
    expected_version: int | None = None,
    actor: Actor = SYSTEM,
) -> CommandRequest:
    """A request; its command id comes from `key`, or is new."""
    return CommandRequest(
        command=command,
        command_id=new_id() if key is None else command_id(key),
        fingerprint=fingerprint,
        expected_version=expected_version,
        actor=actor,
    )


def context(now: int = NOW, policy: LimitPolicy = NO_LIMITS) -> Context:
    """What a decision may know, at an instant of the Cairo calendar."""
    return Context(now=now, business_day=SystemClock().business_day(now), policy=policy)


def after(*commands: Command, now: int = NOW, policy: LimitPolicy = NO_LIMITS) -> Facts:
    """The facts that these orders lead to, one after the other.

    Raises:
        AssertionError: One of them is refused.
    """
    facts: Facts = ()
    states: dict[StreamId, State | None] = {}
    for number, command in enumerate(commands):
        seen = {s: states.get(s) for s in streams(command, states.get)}
        decision = decide(
            command, seen, context(now, policy), command_id(f"given-{number}")
        )
        assert isinstance(decision, Ok), f"{command} is refused: {decision}"
        for stream, event in decision.value:
            states[stream] = evolve(states.get(stream), event)
        facts += decision.value
    return facts
