"""What becomes of a card, rule by rule (D)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from healthpay_core.catalogue import Code
from healthpay_core.medcard.commands import (
    ActivateMedCard,
    CancelMedCard,
    ConfirmMedCard,
    ExpireMedCard,
    IssueMedCard,
    RecordIssue,
    SuspendMedCard,
)
from healthpay_core.testing.model import rules
from healthpay_core.testing.model.prediction import Effect, Refuse
from healthpay_core.testing.model.rows import CardRow, Rows

HEALTH_CARE: Final = (
    "pharmacies",
    "doctors",
    "dentists",
    "hospitals",
    "laboratories",
    "opticians",
    "ambulance",
    "medical_equipment",
    "clinics",
    "nursing",
)
ENDED: Final = ("expired", "cancelled")


def check_issue(command: IssueMedCard | RecordIssue) -> None:
    """D2, D7: the shape of a card."""
    if isinstance(command, RecordIssue):
        command = command.order
    controls = command.controls
    amounts = [v for v in asdict(controls.limits).values() if v is not None]
    wrong = (
        len(command.last4) != 4,
        any(c not in "0123456789" for c in command.last4),
        command.exp_month not in range(1, 13),
        command.exp_year not in range(2000, 2100),
        controls.allowed_categories is not None
        and controls.blocked_categories is not None,
        any(not 0 <= amount <= rules.LARGEST for amount in amounts),
    )
    if any(wrong):
        raise Refuse(Code.VALIDATION_ERROR)


def issue(command: IssueMedCard, rows: Rows) -> Effect:
    """D1, D5."""
    if command.card_id in rows.cards:
        raise Refuse(Code.MEDCARD_ALREADY_EXISTS)
    wallet = rows.wallets.get(command.wallet_id)
    if wallet is None:
        raise Refuse(Code.WALLET_NOT_FOUND)
    rules.active(wallet)
    return _written(command, rows)


def record(command: RecordIssue, rows: Rows) -> Effect:
    """D1, D5: its wallet has been confirmed."""
    if command.card_id in rows.cards:
        raise Refuse(Code.MEDCARD_ALREADY_EXISTS)
    return _written(command.order, rows)


def _written(order: IssueMedCard, rows: Rows) -> Effect:
    card = CardRow(order)
    if _is_over(card, rows):
        raise Refuse(Code.CARD_EXPIRED)

    def effect() -> None:
        rows.cards[order.card_id] = card

    return effect


def activate(command: ActivateMedCard, rows: Rows) -> Effect:
    """D3, D4, D5."""
    card = rows.cards[command.card_id]
    if card.status in ("active", "cancelled"):
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status=card.status)
    if card.status == "expired" or _is_over(card, rows):
        raise Refuse(Code.CARD_EXPIRED)
    if card.status == "suspended" and card.suspended_for in ("lost", "stolen"):
        raise Refuse(Code.CARD_NOT_RESUMABLE, reason_code=card.suspended_for)
    return _status(card, "active")


def suspend(command: SuspendMedCard, rows: Rows) -> Effect:
    """D4, D5."""
    card = rows.cards[command.card_id]
    if card.status in ("issued", "suspended", "cancelled"):
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status=card.status)
    if card.status == "expired" or _is_over(card, rows):
        raise Refuse(Code.CARD_EXPIRED)
    return _status(card, "suspended", command.reason_code)


def cancel(command: CancelMedCard, rows: Rows) -> Effect:
    """Final."""
    card = rows.cards[command.card_id]
    if card.status in ENDED:
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status=card.status)
    return _status(card, "cancelled")


def expire(command: ExpireMedCard, rows: Rows) -> Effect:
    """D5: the sweep."""
    card = rows.cards[command.card_id]
    if card.status in ENDED or not _is_over(card, rows):
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status=card.status)
    return _status(card, "expired")


def confirm(command: ConfirmMedCard, rows: Rows) -> None:
    """A question (D6)."""
    card = rows.cards[command.card_id]
    if card.order.wallet_id != command.wallet_id:
        raise Refuse(Code.MEDCARD_NOT_FOUND)
    if command.in_use or command.merchant_category is not None:
        usable(card, rows)
    if command.merchant_category is not None:
        for_category(card, command.merchant_category)


def usable(card: CardRow, rows: Rows) -> None:
    """D5, D6."""
    if card.status not in ("active", "expired"):
        raise Refuse(Code.CARD_NOT_ACTIVE, current_status=card.status)
    if card.status == "expired" or _is_over(card, rows):
        raise Refuse(Code.CARD_EXPIRED)


def for_category(card: CardRow, category: str) -> None:
    """D7."""
    controls = card.order.controls
    allowed = category in HEALTH_CARE
    if controls.allowed_categories is not None:
        allowed = category in controls.allowed_categories
    elif controls.blocked_categories is not None:
        allowed = allowed and category not in controls.blocked_categories
    if not allowed:
        raise Refuse(Code.MERCHANT_CATEGORY_NOT_ALLOWED, merchant_category=category)


def _is_over(card: CardRow, rows: Rows) -> bool:
    return rows.today.date[:7] > card.last_month


def _status(card: CardRow, status: str, reason: str = "") -> Effect:
    def effect() -> None:
        card.status = status
        card.suspended_for = reason
        card.version += 1

    return effect
