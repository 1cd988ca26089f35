"""What a wallet is: the fold of its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar, assert_never

from healthpay_core.corruption import StreamCorrupted
from healthpay_core.making import maker
from healthpay_core.policy import KycLevel, WalletType
from healthpay_core.wallet.card_usage import CardUsage, given_back
from healthpay_core.wallet.events import (
    LimitUsage,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletProfile:
    """What seldom changes; shared by the states that follow each other."""

    owner_id: str
    wallet_type: WalletType
    currency: str
    kyc_level: KycLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What is still set aside, and the day and card that counted it (K4)."""

    amount: int
    expires_at: int
    counted_on: str
    card_id: str | None = None


NO_HOLDS: Final[Mapping[str, Hold]] = MappingProxyType({})
NO_CARDS: Final[Mapping[str, CardUsage]] = MappingProxyType({})
NO_USAGE: Final = LimitUsage(date="", day=0, month=0, day_count=0, month_count=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingWallet:
    """Created, not yet activated; always empty."""

    profile: WalletProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWallet:
    """What active and suspended share: available = balance - held >= 0, always."""

    profile: WalletProfile
    balance: int = 0
    held: int = 0
    holds: Mapping[str, Hold] = field(default_factory=lambda: NO_HOLDS)
    usage: LimitUsage = NO_USAGE
    references: frozenset[str] = frozenset()
    card_usage: Mapping[str, CardUsage] = field(default_factory=lambda: NO_CARDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveWallet(OpenWallet):
    """May move money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendedWallet(OpenWallet):
    """Settles what it owes, takes nothing new on (W5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedWallet:
    """Final, and empty."""

    profile: WalletProfile


OpenState: TypeAlias = ActiveWallet | SuspendedWallet
WalletState: TypeAlias = PendingWallet | ActiveWallet | SuspendedWallet | ClosedWallet


_OpenStateT = TypeVar("_OpenStateT", ActiveWallet, SuspendedWallet)

_make_profile = maker(WalletProfile)
_make_hold = maker(Hold)
_make_usage = maker(LimitUsage)
_make_pending = maker(PendingWallet)
_make_active = maker(ActiveWallet)
_make_suspended = maker(SuspendedWallet)


def status_of(state: WalletState) -> str:
    """The status on the wire."""
    match state:
        case ActiveWallet():
            return "active"
        case SuspendedWallet():
            return "suspended"
        case PendingWallet():
            return "pending"
        case ClosedWallet():
            return "closed"
    assert_never(state)


def evolve_wallet(state: WalletState | None, event: WalletEvent) -> WalletState:
    """Apply a fact.

    Raises:
        StreamCorrupted: The fact cannot follow the state, or its own balances
            do not continue the state's (C5).
    """
    match event:
        case WalletCredited():
            return _credited(_open(state), event)
        case WalletDebited():
            return _debited(_open(state), event)
        case WalletHoldPlaced():
            return _hold_placed(_open(state), event)
        case WalletHoldReleased():
            return _hold_released(_open(state), event)
        case WalletCreated():
            if state is not None:
                raise StreamCorrupted("created twice")
            return _make_pending(profile=_profile(event))
        case WalletActivated():
            return _activated(state)
        case WalletSuspended():
            return _suspended(_open(state))
        case WalletClosed():
            return _closed(state)
        case WalletKycLevelChanged():
            if not isinstance(state, (PendingWallet, ActiveWallet, SuspendedWallet)):
                raise StreamCorrupted("level changed before creation or after the end")
            return replace(
                state, profile=replace(state.profile, kyc_level=event.to_level)
            )
    assert_never(event)


def evolve_open(state: OpenState, event: WalletCredited) -> OpenState:
    """The open wallet after a credit, which stays open."""
    return _credited(state, event)


def _open(state: WalletState | None) -> OpenState:
    # A tuple of classes is several times faster here than a union.
    if isinstance(state, (ActiveWallet, SuspendedWallet)):
        return state
    raise StreamCorrupted("money moved while the wallet was not open")


def _profile(event: WalletCreated) -> WalletProfile:
    return _make_profile(
        owner_id=event.owner_id,
        wallet_type=event.wallet_type,
        currency=event.currency,
        kyc_level=event.kyc_level,
    )


def _activated(state: WalletState | None) -> ActiveWallet:
    match state:
        case PendingWallet():
            return _make_active(profile=state.profile)
        case SuspendedWallet():
            return _in_status(ActiveWallet, state)
        case _:
            raise StreamCorrupted("activated from neither pending nor suspended")


def _suspended(state: OpenState) -> SuspendedWallet:
    if isinstance(state, SuspendedWallet):
        raise StreamCorrupted("suspended twice")
    return _in_status(SuspendedWallet, state)


def _in_status(status: type[_OpenStateT], state: OpenState) -> _OpenStateT:
    return status(
        profile=state.profile,
        balance=state.balance,
        held=state.held,
        holds=state.holds,
        usage=state.usage,
        references=state.references,
        card_usage=state.card_usage,
    )


def _closed(state: WalletState | None) -> ClosedWallet:
    match state:
        case ActiveWallet() | SuspendedWallet():
            if state.balance or state.held:
                raise StreamCorrupted("closed with money in it")
            return ClosedWallet(profile=state.profile)
        case PendingWallet():
            return ClosedWallet(profile=state.profile)
        case _:
            raise StreamCorrupted("closed before creation, or twice")


def _credited(state: OpenState, event: WalletCredited) -> OpenState:
    balance = state.balance + event.amount
    _check_money(state, event)
    if balance != event.balance_after or state.held != event.held_after:
        raise StreamCorrupted("balances do not continue")
    return moved(
        state,
        balance=balance,
        held=state.held,
        holds=state.holds,
        usage=state.usage,
        references=claimed(state.references, event),
        card_usage=state.card_usage,
    )


def _debited(state: OpenState, event: WalletDebited) -> OpenState:
    _check_money(state, event)
    holds, held = state.holds, state.held
    if event.hold_id is not None:
        holds, held = _without(state, event.hold_id, event.amount)
    balance = state.balance - event.amount
    if balance != event.balance_after or held != event.held_after or balance < held:
        raise StreamCorrupted("balances do not continue")
    return moved(
        state,
        balance=balance,
        held=held,
        holds=holds,
        usage=event.limit_usage or state.usage,
        references=claimed(state.references, event),
        card_usage=state.card_usage,
    )


def _check_money(
    state: OpenState,
    event: WalletCredited | WalletDebited | WalletHoldPlaced | WalletHoldReleased,
) -> None:
    if event.currency != state.profile.currency or event.amount < 1:
        raise StreamCorrupted("money of another currency, or none")


def moved(
    state: OpenState,
    *,
    balance: int,
    held: int,
    holds: Mapping[str, Hold],
    usage: LimitUsage,
    references: frozenset[str],
    card_usage: Mapping[str, CardUsage],
) -> OpenState:
    """The wallet after a movement: all that one can change."""
    make = _make_active if isinstance(state, ActiveWallet) else _make_suspended
    return make(
        profile=state.profile,
        balance=balance,
        held=held,
        holds=holds,
        usage=usage,
        references=references,
        card_usage=card_usage,
    )


def _hold_placed(state: OpenState, event: WalletHoldPlaced) -> OpenState:
    _check_money(state, event)
    held = state.held + event.amount
    if (state.balance, held) != (event.balance_after, event.held_after):
        raise StreamCorrupted("balances do not continue")
    if held > state.balance or event.hold_id in state.holds:
        raise StreamCorrupted("hold is not covered, or placed twice")
    if (event.card_id is None) != (event.card_usage is None):
        raise StreamCorrupted("a card without its usage, or usage of no card")
    hold = _make_hold(
        amount=event.amount,
        expires_at=event.expires_at,
        # What was owed before counts nowhere, and gives nothing back (K7).
        counted_on="" if event.purpose == "refund" else event.limit_usage.date,
        card_id=event.card_id,
    )
    return moved(
        state,
        balance=state.balance,
        held=held,
        holds=MappingProxyType({**state.holds, event.hold_id: hold}),
        usage=event.limit_usage,
        references=state.references,
        card_usage=_card_counted(state, event),
    )


def _hold_released(state: OpenState, event: WalletHoldReleased) -> OpenState:
    _check_money(state, event)
    hold = state.holds.get(event.hold_id)
    holds, held = _without(state, event.hold_id, event.amount)
    if (state.balance, held) != (event.balance_after, event.held_after):
        raise StreamCorrupted("balances do not continue")
    counted_on = hold.counted_on if hold else ""
    return moved(
        state,
        balance=state.balance,
        held=held,
        holds=holds,
        usage=_given_back(state.usage, event.amount, counted_on),
        references=state.references,
        card_usage=_card_given_back(state, hold, event.amount),
    )


def _card_counted(state: OpenState, event: WalletHoldPlaced) -> Mapping[str, CardUsage]:
    if event.card_id is None or event.card_usage is None:
        return state.card_usage
    return MappingProxyType({**state.card_usage, event.card_id: event.card_usage})


def _card_given_back(
    state: OpenState, hold: Hold | None, amount: int
) -> Mapping[str, CardUsage]:
    """Capacity of the card returns as the wallet's does (K4)."""
    if hold is None or hold.card_id is None:
        return state.card_usage
    usage = given_back(state.card_usage[hold.card_id], amount, hold.counted_on)
    return MappingProxyType({**state.card_usage, hold.card_id: usage})


def _without(
    state: OpenState, hold_id: str, amount: int
) -> tuple[Mapping[str, Hold], int]:
    hold = state.holds.get(hold_id)
    if hold is None or hold.amount < amount:
        raise StreamCorrupted("more taken out of a hold than it held")
    rest = {k: v for k, v in state.holds.items() if k != hold_id}
    if hold.amount > amount:
        rest[hold_id] = replace(hold, amount=hold.amount - amount)
    return MappingProxyType(rest), state.held - amount


def _given_back(usage: LimitUsage, amount: int, counted_on: str) -> LimitUsage:
    """Capacity returns only to the windows that counted the hold (K4).

    The counts stay: a hold that was placed was one outflow of its day.
    """
    if not counted_on:
        return usage
    same_day = usage.date == counted_on
    same_month = usage.date[:7] == counted_on[:7]
    return _make_usage(
        date=usage.date,
        day=usage.day - amount * same_day,
        month=usage.month - amount * same_month,
        day_count=usage.day_count,
        month_count=usage.month_count,
    )


def reference_key(reason: str, reference: str) -> str:
    """How a claimed reference is remembered (C7)."""
    return f"{reason}:{reference}"


def claimed(
    references: frozenset[str], event: WalletCredited | WalletDebited
) -> frozenset[str]:
    """The references that are taken after a movement (C7)."""
    if not event.reference_claimed or event.reference is None:
        return references
    return references | {reference_key(event.reason, event.reference)}
