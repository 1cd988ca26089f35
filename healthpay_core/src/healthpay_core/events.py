"""Every event of the domain, and its one name on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from healthpay_core.medcard.events import (
    MedCardActivated,
    MedCardCancelled,
    MedCardEvent,
    MedCardExpired,
    MedCardIssued,
    MedCardSuspended,
)
from healthpay_core.payment.events import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentEvent,
    PaymentFailed,
    PaymentInitiated,
    PaymentOperationBegun,
    PaymentOperationRefused,
    PaymentRefunded,
    PaymentVoided,
)
from healthpay_core.transfer.events import (
    TransferCompleted,
    TransferEvent,
    TransferFailed,
    TransferInitiated,
)
from healthpay_core.wallet.events import (
    WalletActivated,
    WalletClosed,
    WalletCreated,
    WalletCredited,
    WalletDebited,
    WalletEvent,
    WalletHoldPlaced,
    WalletHoldReleased,
    WalletKycLevelChanged,
    WalletSuspended,
)

Event: TypeAlias = WalletEvent | TransferEvent | PaymentEvent | MedCardEvent
AggregateType: TypeAlias = Literal["wallet", "transfer", "payment", "medcard"]


@dataclass(frozen=True, slots=True)
class EventType:
    """The wire name of an event, its current version, whose fact it is."""

    name: str
    version: int
    aggregate_type: AggregateType


EVENT_TYPES: Final[Mapping[type[Event], EventType]] = MappingProxyType(
    {
        WalletCreated: EventType("wallet.created", 1, "wallet"),
        WalletActivated: EventType("wallet.activated", 1, "wallet"),
        WalletSuspended: EventType("wallet.suspended", 1, "wallet"),
        WalletClosed: EventType("wallet.closed", 1, "wallet"),
        WalletCredited: EventType("wallet.credited", 2, "wallet"),
        WalletDebited: EventType("wallet.debited", 1, "wallet"),
        WalletHoldPlaced: EventType("wallet.hold_placed", 1, "wallet"),
        WalletHoldReleased: EventType("wallet.hold_released", 1, "wallet"),
        WalletKycLevelChanged: EventType("wallet.kyc_level_changed", 1, "wallet"),
        TransferInitiated: EventType("transfer.initiated", 1, "transfer"),
        TransferCompleted: EventType("transfer.completed", 1, "transfer"),
        TransferFailed: EventType("transfer.failed", 1, "transfer"),
        PaymentInitiated: EventType("payment.initiated", 1, "payment"),
        PaymentAuthorized: EventType("payment.authorized", 1, "payment"),
        PaymentCaptured: EventType("payment.captured", 1, "payment"),
        PaymentVoided: EventType("payment.voided", 1, "payment"),
        PaymentFailed: EventType("payment.failed", 1, "payment"),
        PaymentRefunded: EventType("payment.refunded", 1, "payment"),
        PaymentOperationBegun: EventType("payment.operation_begun", 1, "payment"),
        PaymentOperationRefused: EventType("payment.operation_refused", 1, "payment"),
        MedCardIssued: EventType("medcard.issued", 1, "medcard"),
        MedCardActivated: EventType("medcard.activated", 1, "medcard"),
        MedCardSuspended: EventType("medcard.suspended", 1, "medcard"),
        MedCardExpired: EventType("medcard.expired", 1, "medcard"),
        MedCardCancelled: EventType("medcard.cancelled", 1, "medcard"),
    }
)
"""The one table of wire names; a version goes up when the shape changes."""
