"""What a card is: the fold of its events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from healthpay_core.corruption import StreamCorrupted
from healthpay_core.medcard.events import (
    CardSuspensionReason,
    MedCardActivated,
    MedCardCancelled,
    MedCardEvent,
    MedCardExpired,
    MedCardIssued,
    MedCardSuspended,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCard:
    """Not yet activated."""

    card: MedCardIssued


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveCard:
    """May be used until its month is over."""

    card: MedCardIssued


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendedCard:
    """May not be used for now."""

    card: MedCardIssued
    reason_code: CardSuspensionReason
    resumable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredCard:
    """Its month is over; final."""

    card: MedCardIssued


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelledCard:
    """Gone for good; final."""

    card: MedCardIssued


MedCardState: TypeAlias = (
    IssuedCard | ActiveCard | SuspendedCard | ExpiredCard | CancelledCard
)


def card_status_of(state: MedCardState) -> str:
    """The status on the wire."""
    match state:
        case IssuedCard():
            return "issued"
        case ActiveCard():
            return "active"
        case SuspendedCard():
            return "suspended"
        case ExpiredCard():
            return "expired"
        case CancelledCard():
            return "cancelled"
    assert_never(state)


def expires_after(card: MedCardIssued) -> str:
    """The month, as in ``2026-11``, through whose last instant it is valid (D5)."""
    return f"{card.exp_year:04}-{card.exp_month:02}"


def evolve_medcard(state: MedCardState | None, event: MedCardEvent) -> MedCardState:
    """Apply a fact.

    Raises:
        StreamCorrupted: The fact cannot follow the state.
    """
    match event:
        case MedCardIssued():
            if state is not None:
                raise StreamCorrupted("issued twice")
            return IssuedCard(card=event)
        case MedCardActivated():
            if isinstance(state, (IssuedCard, SuspendedCard)):
                return ActiveCard(card=state.card)
        case MedCardSuspended():
            if isinstance(state, ActiveCard):
                return SuspendedCard(
                    card=state.card,
                    reason_code=event.reason_code,
                    resumable=event.resumable,
                )
        case MedCardExpired():
            if isinstance(state, (IssuedCard, ActiveCard, SuspendedCard)):
                return ExpiredCard(card=state.card)
        case MedCardCancelled():
            if isinstance(state, (IssuedCard, ActiveCard, SuspendedCard)):
                return CancelledCard(card=state.card)
        case _:
            assert_never(event)
    raise StreamCorrupted("the card's life has no such step")
