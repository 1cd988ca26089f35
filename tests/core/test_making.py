"""Records built by makers are the records that their constructors build."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass

import pytest

from healthpay_core import Append, CommandMeta, EventEnvelope, Ok, wallet_stream
from healthpay_core.envelope import Actor
from healthpay_core.making import maker
from healthpay_core.wallet.events import LimitUsage, WalletDebited, WalletSuspended
from healthpay_core.wallet.state import ActiveWallet, WalletProfile

USAGE = LimitUsage(date="2026-11-25", day=1, month=1, day_count=1, month_count=1)
PROFILE = WalletProfile(
    owner_id="o", wallet_type="personal", currency="EGP", kyc_level="full"
)


def test_a_made_record_is_what_the_constructor_makes() -> None:
    """Same arguments, same object: type, equality, hash, text, copy and pickle."""
    made = maker(LimitUsage)(
        date="2026-11-25", day=1, month=1, day_count=1, month_count=1
    )
    assert type(made) is LimitUsage
    assert made == USAGE
    assert hash(made) == hash(USAGE)
    assert repr(made) == repr(USAGE)
    assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == USAGE


def test_a_made_record_is_frozen() -> None:
    """What a maker built can be changed as little as any other record."""
    made = maker(LimitUsage)(date="d", day=1, month=1, day_count=1, month_count=1)
    with pytest.raises(FrozenInstanceError):
        made.day = 2  # type: ignore[misc]  # That is the point.


def test_what_is_left_out_has_its_default() -> None:
    """Defaults, and the results of default factories, as of the constructor."""
    debited = maker(WalletDebited)(
        amount=1,
        currency="EGP",
        reason="fee",
        balance_after=0,
        held_after=0,
        counter_account="external:fee",
    )
    assert debited == WalletDebited(
        amount=1,
        currency="EGP",
        reason="fee",
        balance_after=0,
        held_after=0,
        counter_account="external:fee",
    )
    assert maker(ActiveWallet)(profile=PROFILE) == ActiveWallet(profile=PROFILE)


def test_every_field_is_its_own() -> None:
    """No two fields are mixed up, whatever the order they are given in."""
    meta = CommandMeta(
        command_id="c",
        actor=Actor(type="t", id="i"),
        correlation_id="x",
        causation_id="y",
        occurred_at=1,
        recorded_at=2,
        tenant_id="z",
        traceparent="p",
    )
    again = maker(CommandMeta)(
        traceparent="p",
        tenant_id="z",
        recorded_at=2,
        occurred_at=1,
        causation_id="y",
        correlation_id="x",
        actor=Actor(type="t", id="i"),
        command_id="c",
    )
    assert again == meta


def test_a_maker_refuses_what_the_constructor_refuses() -> None:
    """Missing, unknown and positional arguments are mistakes."""
    make = maker(EventEnvelope)
    with pytest.raises(TypeError, match="missing"):
        make()  # type: ignore[call-arg]  # That is the point.
    with pytest.raises(TypeError, match="unexpected"):
        make(nonsense=1)  # type: ignore[call-arg]  # That is the point.
    with pytest.raises(TypeError, match="positional"):
        make("e")  # type: ignore[call-arg]  # That is the point.


def test_what_is_proven_is_not_checked_again() -> None:
    """A maker for callers who have seen to it leaves `__post_init__` out, only."""
    make = maker(Append, proven=True)
    assert make(expected={}, events=()) == Append(expected={}, events=())
    assert make(expected={}, events=()).outcomes == ()
    meta = CommandMeta(
        command_id="c",
        actor=Actor(type="t", id="i"),
        correlation_id="x",
        causation_id="y",
        occurred_at=1,
        recorded_at=2,
    )
    event = EventEnvelope(
        event_id="e",
        stream=wallet_stream("w"),
        sequence=1,
        data=WalletSuspended(reason_code="other"),
        meta=meta,
    )
    assert make(expected={}, events=(event,)).events == (event,)
    with pytest.raises(ValueError, match="expected"):
        Append(expected={}, events=(event,))


def test_only_plain_records_have_makers() -> None:
    """Other classes are refused when the maker is made, not when it is used."""

    @dataclass(frozen=True, slots=True)
    class Checked:
        amount: int

        def __post_init__(self) -> None:
            raise ValueError

    @dataclass(frozen=True)
    class WithDict:
        amount: int

    for record in (int, len, Checked, WithDict, Ok):
        with pytest.raises(TypeError):
            maker(record)
