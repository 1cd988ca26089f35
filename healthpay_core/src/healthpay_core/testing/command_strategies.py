"""Strategies for every command of the catalogue; they need the extra ``testing``.

Each is made from the types of its members, so that a new command or member has a
strategy at once. Ids are those of `payment_strategies`, so that orders meet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import (
    Final,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from hypothesis import strategies as st

from healthpay_core.domain import Command
from healthpay_core.medcard.commands import ConfirmMedCard, RecordIssue
from healthpay_core.money import MAX_AMOUNT
from healthpay_core.payment.steps import BeginOperation, PaymentStep, RecordInitiation
from healthpay_core.testing.builders import NOW, command_id, transfer_id
from healthpay_core.testing.payment_strategies import (
    CARDS,
    MERCHANTS,
    PAYERS,
    PAYMENTS,
)
from healthpay_core.transfer.commands import TransferStep
from healthpay_core.wallet.commands import Obligation, SettleCredit

C = TypeVar("C")
_Strategy: TypeAlias = st.SearchStrategy[object]

COMMANDS: Final[tuple[type[Command], ...]] = get_args(Command)
"""The type of every command."""

STEPS: Final[tuple[type[Command], ...]] = tuple(
    kind
    for kind in COMMANDS
    if kind in (*get_args(Obligation), *get_args(TransferStep), *get_args(PaymentStep))
    or kind in (ConfirmMedCard, RecordIssue)
)
"""Those that only the processes order, never the public."""

_WALLETS: Final = st.sampled_from(PAYERS + MERCHANTS)
_TRANSFERS: Final = st.integers(0, 9).map(lambda n: transfer_id(f"drawn {n}"))
_AMOUNTS: Final = st.one_of(
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from((0, -1, 1, MAX_AMOUNT, MAX_AMOUNT + 1)),
)
_NAMES: Final = st.sampled_from(("a", "b")).map(command_id)
_TEXTS: Final = st.sampled_from(("", "r", "s", "٣ أقراص", "x" * 300))
_INSTANTS: Final = st.sampled_from((NOW - 1, NOW, NOW + 1, NOW + 86_400_000_000))
_CATEGORY: Final = st.sampled_from(("pharmacies", "doctors", "dentists", "casinos"))
_CATEGORIES: Final = st.lists(_CATEGORY, max_size=3).map(tuple)

_BY_NAME: Final[Mapping[str, _Strategy]] = MappingProxyType(
    {
        "wallet_id": _WALLETS,
        "source_wallet_id": _WALLETS,
        "destination_wallet_id": _WALLETS,
        "payer_wallet_id": st.sampled_from(PAYERS + MERCHANTS[:1]),
        "merchant_wallet_id": st.sampled_from(MERCHANTS + PAYERS[:1]),
        "sweep_to": _WALLETS,
        "transfer_id": _TRANSFERS,
        "reverses_transfer_id": _TRANSFERS,
        "payment_id": st.sampled_from(PAYMENTS[:8]),
        "card_id": st.sampled_from(CARDS),
        "replaces_card_id": st.sampled_from(CARDS),
        "hold_id": st.sampled_from(("h", "i")),
        "operation_id": _NAMES,
        "source_event_id": _NAMES,
        "destination_event_id": _NAMES,
        "currency": st.sampled_from((*("EGP",) * 9, "USD", "XAU")),
        "last4": st.sampled_from(("4242", "4242", "424", "42x2")),
        "exp_month": st.sampled_from((1, 6, 12, 0, 13)),
        "exp_year": st.sampled_from((2026, 2027, 2025, 1999)),
        "expires_at": _INSTANTS,
        "not_after": _INSTANTS,
        "expires_in_s": st.sampled_from((0, 1, 3600, 30 * 86_400, 30 * 86_400 + 1)),
        "time_limit_s": st.integers(1, 120),
        "merchant_category": _CATEGORY,
        "allowed_categories": _CATEGORIES,
        "blocked_categories": _CATEGORIES,
        "counter_account": st.just("external:drawn"),
        "failure_code": st.just("declined"),
        "reason_code": st.sampled_from(("requested", "other")),
        "owner_id": st.sampled_from(("owner-1", "owner-2")),
    }
)


def commands_of(kind: type[C]) -> st.SearchStrategy[C]:
    """Commands of one type, possible or not.

    Args:
        kind: One of `COMMANDS`, or any dataclass of members that they have.

    Raises:
        TypeError: It has a member that there is no strategy for.
    """
    if not is_dataclass(kind):
        raise TypeError(f"{kind} is no command")
    build: Callable[..., C] = kind
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    return st.builds(build, **{name: _member(name, hints[name]) for name in names})


def every_command() -> st.SearchStrategy[Command]:
    """A command of any type: those of the public, and the steps of processes."""
    return st.sampled_from(COMMANDS).flatmap(_commands_of)


def public_commands() -> st.SearchStrategy[Command]:
    """A command of any type that the public may give."""
    public = [kind for kind in COMMANDS if kind not in STEPS]
    return st.sampled_from(public).flatmap(_commands_of)


def steps() -> st.SearchStrategy[Command]:
    """A step of a process, out of nowhere: what a stray message would be."""
    return st.sampled_from(STEPS).flatmap(_commands_of)


def _commands_of(kind: type[Command]) -> st.SearchStrategy[Command]:
    return _drawn(cast("type", kind))


@cache
def _drawn(kind: type) -> st.SearchStrategy[Command]:
    # Of one class, because a union of classes is no `Hashable` to mypy; kept,
    # because a strategy that is made for each draw is slow.
    found: st.SearchStrategy[Command] = commands_of(kind)
    return found.map(_agreeing)


def _agreeing(command: Command) -> Command:
    """A step of a process with members that fit each other, as all of ours have."""
    if isinstance(command, RecordInitiation):
        order = replace(command.order, payment_id=command.payment_id)
        return replace(command, order=order)
    if isinstance(command, BeginOperation):
        about = replace(command.order, payment_id=command.payment_id)
        return replace(command, order=about)
    if isinstance(command, SettleCredit) and command.fee is not None:
        return replace(command, fee=max(1, min(command.fee, command.amount)))
    return command


def _member(name: str, hint: object) -> _Strategy:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        kinds = [_member(name, part) for part in parts if part is not NoneType]
        return st.none() | st.one_of(kinds) if NoneType in parts else st.one_of(kinds)
    if origin is Literal:
        return st.sampled_from(parts)
    if hint is bool:
        return st.booleans()
    if name in _BY_NAME:
        return _BY_NAME[name]
    if hint is int:
        return _AMOUNTS
    if hint is str:
        return _TEXTS
    if isinstance(hint, type) and is_dataclass(hint):
        return commands_of(hint)
    raise TypeError(f"there is no strategy for {name}: {hint}")
