"""The bodies of the commands: unproven data, and the order each stands for."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol, TypeAlias

import attrs
from attrs import field

from healthpay_core import (
    ActivateWallet,
    ChangeWalletKycLevel,
    CloseWallet,
    Command,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    SuspendWallet,
    TransferFunds,
    WalletType,
    derive_id,
)
from healthpay_core.wallet.events import CreditReason, DebitReason, SuspensionReason
from healthpay_http.checks import (
    CurrencyCode,
    Id,
    MinorUnits,
    Schema,
    Text,
    required_when,
)

VerifiedLevel: TypeAlias = Literal["basic", "enhanced", "full"]

_ID = Id()
_CURRENCY = CurrencyCode()
_AMOUNT = MinorUnits()
_OWNER = Text(128)
_REASON_CODE = Text(128)
_ACCOUNT = Text(128)
_REFERENCE = Text(255)
_NOTE = Text(255)


class CommandBody(Protocol):
    """A body that has passed its checks.

    Its class may have a `constraint`: JSON Schema for what one member demands of
    another, which the domain refuses as `ValidationFailed`.
    """

    def command(self, path_id: str, command_id: str) -> Command:
        """The order, on the resource of the path; empty where it is created."""
        ...


@attrs.frozen(kw_only=True)
class CreateWalletBody:
    """Opens a wallet, pending and empty (W1)."""

    owner_id: str = field(validator=_OWNER)
    wallet_type: WalletType
    currency: str = field(validator=_CURRENCY)
    kyc_level: VerifiedLevel
    wallet_id: str | None = field(default=None, validator=_ID)

    def command(self, path_id: str, command_id: str) -> CreateWallet:
        return CreateWallet(
            wallet_id=self.wallet_id or derive_id(command_id + "/wallet"),
            owner_id=self.owner_id,
            wallet_type=self.wallet_type,
            currency=self.currency,
            kyc_level=self.kyc_level,
        )


@attrs.frozen(kw_only=True)
class ActivateWalletBody:
    """Activates a pending wallet or resumes a suspended one (W4)."""

    reason_code: str | None = field(default=None, validator=_REASON_CODE)
    kyc_check_ref: str | None = field(default=None, validator=_REFERENCE)

    def command(self, path_id: str, command_id: str) -> ActivateWallet:
        return ActivateWallet(
            wallet_id=path_id,
            reason_code=self.reason_code,
            kyc_check_ref=self.kyc_check_ref,
        )


@attrs.frozen(kw_only=True)
class SuspendWalletBody:
    """Stops new obligations of a wallet (W5)."""

    reason_code: SuspensionReason
    note: str | None = field(default=None, validator=_NOTE)

    def command(self, path_id: str, command_id: str) -> SuspendWallet:
        return SuspendWallet(
            wallet_id=path_id, reason_code=self.reason_code, note=self.note
        )


@attrs.frozen(kw_only=True)
class CloseWalletBody:
    """Ends a wallet, with `sweepTo` after moving the rest (W6, W7)."""

    reason_code: str | None = field(default=None, validator=_REASON_CODE)
    sweep_to: str | None = field(default=None, validator=_ID)

    def command(self, path_id: str, command_id: str) -> CloseWallet:
        return CloseWallet(
            wallet_id=path_id, reason_code=self.reason_code, sweep_to=self.sweep_to
        )


@attrs.frozen(kw_only=True)
class ChangeKycLevelBody:
    """Gives a wallet another KYC level from the next command on (K9)."""

    kyc_level: VerifiedLevel
    evidence_ref: str | None = field(default=None, validator=_REFERENCE)

    def command(self, path_id: str, command_id: str) -> ChangeWalletKycLevel:
        return ChangeWalletKycLevel(
            wallet_id=path_id,
            kyc_level=self.kyc_level,
            evidence_ref=self.evidence_ref,
        )


@attrs.frozen(kw_only=True)
class CreditWalletBody:
    """Brings money in from an external counter-account (C1, C2, C6)."""

    constraint: ClassVar[Schema] = required_when("reason", "refund", "reference")

    amount: int = field(validator=_AMOUNT)
    currency: str = field(validator=_CURRENCY)
    reason: CreditReason
    reference: str | None = field(default=None, validator=_REFERENCE)
    counter_account: str | None = field(default=None, validator=_ACCOUNT)

    def command(self, path_id: str, command_id: str) -> CreditWallet:
        return CreditWallet(
            wallet_id=path_id,
            amount=self.amount,
            currency=self.currency,
            reason=self.reason,
            reference=self.reference,
            counter_account=self.counter_account,
        )


@attrs.frozen(kw_only=True)
class DebitWalletBody:
    """Takes money out to an external counter-account (C1, C2, C3, C6)."""

    constraint: ClassVar[Schema] = required_when("reason", "payment", "reference")

    amount: int = field(validator=_AMOUNT)
    currency: str = field(validator=_CURRENCY)
    reason: DebitReason
    reference: str | None = field(default=None, validator=_REFERENCE)
    counter_account: str | None = field(default=None, validator=_ACCOUNT)

    def command(self, path_id: str, command_id: str) -> DebitWallet:
        return DebitWallet(
            wallet_id=path_id,
            amount=self.amount,
            currency=self.currency,
            reason=self.reason,
            reference=self.reference,
            counter_account=self.counter_account,
        )


@attrs.frozen(kw_only=True)
class TransferFundsBody:
    """Moves money between two wallets, both legs or none (T1-T4)."""

    source_wallet_id: str = field(validator=_ID)
    destination_wallet_id: str = field(validator=_ID)
    amount: int = field(validator=_AMOUNT)
    currency: str = field(validator=_CURRENCY)
    transfer_id: str | None = field(default=None, validator=_ID)
    reference: str | None = field(default=None, validator=_REFERENCE)

    def command(self, path_id: str, command_id: str) -> TransferFunds:
        return TransferFunds(
            transfer_id=self.transfer_id or derive_id(command_id + "/transfer"),
            source_wallet_id=self.source_wallet_id,
            destination_wallet_id=self.destination_wallet_id,
            amount=self.amount,
            currency=self.currency,
            reference=self.reference,
        )
