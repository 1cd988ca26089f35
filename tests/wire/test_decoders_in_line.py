"""What is written for a class: which checks stand in it, and what it shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, NoReturn

import pytest

from healthpay_wire import decoders
from healthpay_wire.decoders import decoder_of
from healthpay_wire.strict import strict_converter

CONVERTER: Final = strict_converter(detailed=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reference:
    id: str
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """What most events are made of."""

    amount: int
    currency: Literal["EGP", "USD"]
    final: bool
    reference: str | None
    policy: _Reference
    note: str | None = None
    reason: Literal["fee"] | None = None
    other: _Reference | None = None


WHOLE: Final[dict[str, object]] = {
    "amount": 5,
    "currency": "EGP",
    "final": True,
    "reference": None,
    "policy": {"id": "p"},
}
READ: Final = _Plain(
    amount=5, currency="EGP", final=True, reference=None, policy=_Reference(id="p")
)


def test_what_most_events_hold_is_checked_in_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A4: numbers, texts, truths, enumerations and records ask no converter."""

    def none_of_that() -> NoReturn:
        raise AssertionError("a converter was asked")

    monkeypatch.setattr(decoders, "_converter", none_of_that)
    decode = decoders._written(_Plain, shared=False)
    assert decode(WHOLE) == READ


@pytest.mark.parametrize("name", ["reference", "note", "reason", "other"])
def test_null_is_taken_where_it_is_a_value(name: str) -> None:
    """A4, M1: and what is no value of the type beside it is not."""
    members = {**WHOLE, name: None}
    assert decoder_of(_Plain)(members) == CONVERTER.structure(members, _Plain) == READ
    with pytest.raises(TypeError):
        decoder_of(_Plain)({**WHOLE, name: 7})


@pytest.mark.parametrize("name", ["amount", "currency", "final", "policy"])
def test_null_is_refused_where_it_is_none(name: str) -> None:
    """M1: a required value is one."""
    with pytest.raises(TypeError):
        decoder_of(_Plain)({**WHOLE, name: None})


def test_an_unknown_member_is_said_to_be_one() -> None:
    """A4: whatever it is called, and wherever it stands."""
    with pytest.raises(ValueError, match=r"^has an unknown member$"):
        decoder_of(_Plain)({**WHOLE, "pan": "4"})
    with pytest.raises(ValueError, match=r"^has an unknown member$"):
        decoder_of(_Plain)({**WHOLE, "policy": {"id": "p", "pan": "4"}})


class _Renamed:
    """Where a class has the name of an event of which a member is renamed."""

    @dataclass(frozen=True, slots=True)
    class TransferFailed:
        """As the event, but that it need not say why."""

        failure_code: str = "none"


def test_an_optional_member_has_its_name_of_the_wire() -> None:
    """M9: it is looked for under that name, and no other."""
    decode = decoder_of(_Renamed.TransferFailed)
    assert decode({"code": "late"}) == _Renamed.TransferFailed("late")
    with pytest.raises(ValueError, match="unknown member"):
        decode({"failureCode": "late"})


@dataclass(frozen=True, slots=True)
class _Numbered:
    level: Literal[1, 2]


@pytest.mark.parametrize("level", [1, True, 1.0, 3, "1"])
def test_an_enumeration_of_numbers_is_left_to_the_converter(level: object) -> None:
    """M1: True is in a set of 1, and is no 1."""
    for decode in (decoder_of(_Numbered), _converted):
        with pytest.raises(TypeError):
            decode({"level": level})


def _converted(members: object) -> _Numbered:
    return CONVERTER.structure(members, _Numbered)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Right:
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Either:
    side: _Left | _Right


@pytest.mark.parametrize("side", [_Left(left=1), _Right(right=2)])
def test_one_of_two_records_is_not_the_first_or_none(side: _Left | _Right) -> None:
    """A4: only a type beside None is that type with null."""
    members = {"side": CONVERTER.unstructure(side)}
    assert decoder_of(_Either)(members) == _Either(side=side)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Notes:
    notes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    inner: _Notes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    page: _Page


@pytest.mark.parametrize("notes", [{}, {"notes": {"a": 1}}])
def test_what_can_be_changed_is_never_shared(notes: dict[str, object]) -> None:
    """A4: a record is given again only if nothing in it, however deep, can change."""
    decode = decoder_of(_Book)
    first, second = (decode({"page": {"inner": notes}}) for _ in range(2))
    assert first == second
    first.page.inner.notes["mine"] = 7
    assert second.page.inner.notes == notes.get("notes", {})
