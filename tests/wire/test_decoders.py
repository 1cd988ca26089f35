"""What is written for an event decodes as the strict converter does (A4, M1)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from types import UnionType
from typing import Final, Literal, get_args, get_origin, get_type_hints

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthpay_core import (
    EVENT_TYPES,
    Event,
    PolicyRef,
    WalletCredited,
    WalletKycLevelChanged,
)
from healthpay_core.wallet.events import Related
from healthpay_wire.codec import encode_data, members_decoder
from healthpay_wire.decoders import decoder_of
from healthpay_wire.names import member_name
from healthpay_wire.strict import strict_converter
from healthpay_wire.upcasters import UPCASTERS

CONVERTER: Final = strict_converter(detailed=False)
KINDS: Final = [
    (cls, version)
    for cls, kind in EVENT_TYPES.items()
    for version in range(1, kind.version + 1)
]

# What JSON has, and what is nearly right: numbers that are no integers, texts of
# numbers, truths, nulls, things in things.
_ODD: Final = st.sampled_from(
    [None, True, False, 0, 1, -1, 1.0, 10.99, 2**70, "", "1", "deposit", "EGP"]
)
_JSON: Final = st.recursive(
    _ODD | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=4,
)


def _as_the_converter_does(cls: type[Event], version: int, members: object) -> object:
    try:
        name = EVENT_TYPES[cls].name
        for step in range(version, EVENT_TYPES[cls].version):
            members = UPCASTERS[name, step](members)  # type: ignore[arg-type]
        return CONVERTER.structure(members, cls)
    except Exception:
        return "refused"


def _as_written(cls: type[Event], version: int, members: object) -> object:
    try:
        return members_decoder(EVENT_TYPES[cls].name, version)(members)
    except Exception:
        return "refused"


def _exact(value: object) -> object:
    """A value with the types of all that is in it: True is not 1 here."""
    names = [f.name for f in fields(value)] if hasattr(value, "__slots__") else []  # type: ignore[arg-type]
    return type(value), [_exact(getattr(value, n)) for n in names] or value


def _records(cls: type) -> st.SearchStrategy[Event]:
    """Any record of a class, with any of its optional fields."""
    hints = get_type_hints(cls)
    return st.builds(cls, **{f.name: _values(hints[f.name]) for f in fields(cls)})


def _values(kind: object) -> st.SearchStrategy[object]:
    if kind is int:
        # Times have years of four digits on the wire.
        return st.integers(0, 2**47)
    if get_origin(kind) is UnionType:
        return st.one_of([_values(k) for k in get_args(kind)])
    if isinstance(kind, type) and is_dataclass(kind):
        return _records(kind)
    return st.from_type(kind)  # type: ignore[arg-type]  # A type, or a Literal.


def _whole(cls: type[Event], version: int) -> st.SearchStrategy[dict[str, object]]:
    """The members of events as they are stored."""

    def members(event: Event) -> dict[str, object]:
        data: dict[str, object] = orjson.loads(encode_data(event))
        if (cls, version) == (WalletCredited, 1):
            del data["counterAccount"]
        return data

    return _records(cls).map(members)


@st.composite
def _mutated(draw: st.DrawFn, whole: st.SearchStrategy[dict[str, object]]) -> object:
    """Members of which some are missing, unknown, renamed, or something else."""
    members = dict(draw(whole))
    for _ in range(draw(st.integers(1, 2))):
        places = [members, *(v for v in members.values() if isinstance(v, dict))]
        place = draw(st.sampled_from(places))
        name = draw(st.sampled_from(sorted(place)) if place else st.just("x"))
        match draw(st.sampled_from(["drop", "add", "change", "rename", "replace"])):
            case "drop":
                place.pop(name, None)
            case "add":
                place[draw(st.sampled_from(["pan", "note", "reference", ""]))] = draw(
                    _JSON
                )
            case "change":
                place[name] = draw(_JSON)
            case "rename":
                place[name.swapcase()] = place.pop(name, None)
            case _:
                return draw(_JSON | st.lists(st.just(members), max_size=1))
    return members


@pytest.mark.parametrize(
    ("cls", "version"), KINDS, ids=[f"{c.__name__}-{v}" for c, v in KINDS]
)
def test_every_event_decodes_as_the_converter_does(
    cls: type[Event], version: int
) -> None:
    """A4, M1: good members give the same event, bad ones are refused by both."""
    seen = {"read": 0, "refused": 0}

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(_whole(cls, version) | _mutated(_whole(cls, version)))
    def same(members: object) -> None:
        expected = _as_the_converter_does(cls, version, members)
        found = _as_written(cls, version, members)
        assert _exact(found) == _exact(expected)
        seen["refused" if expected == "refused" else "read"] += 1

    same()
    # An event of one enumeration has few good members, and Hypothesis tries each
    # once; how often it meets them depends on what else is imported.
    assert min(seen.values()) >= 4


@pytest.mark.parametrize("cls", EVENT_TYPES, ids=lambda cls: cls.__name__)
def test_every_member_is_checked(cls: type) -> None:
    """M1: whichever member holds a list, the event is refused."""
    whole = {
        member_name(cls.__name__, f.name): None
        for f in fields(cls)
        if f.default is not None
    }
    for name in [member_name(cls.__name__, f.name) for f in fields(cls)]:
        with pytest.raises((TypeError, KeyError)):
            decoder_of(cls)({**whole, name: [1]})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inner:
    number: int
    truth: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Odd:
    """Fields that no event has yet, with names that could get in the way."""

    type: str
    inner: _Inner
    known: tuple[str, ...] | None = None
    made: dict[str, int] = field(default_factory=dict)
    level: Literal["a", "b"] = "a"
    expires_at: int | None = None
    len: int = 3


@dataclass(frozen=True)
class _NotSlotted:
    number: int


@pytest.mark.parametrize(
    "members",
    [
        {"type": "x", "inner": {"number": 1}},
        {"type": "x", "inner": {"number": 1, "truth": True}, "known": ["a", "b"]},
        {"type": "x", "inner": {"number": 1}, "known": "ab"},
        {"type": "x", "inner": {"number": 1}, "known": [1]},
        {"type": "x", "inner": {"number": 1}, "known": None, "made": {"a": 1}},
        {"type": "x", "inner": {"number": 1}, "made": {"a": "1"}},
        {"type": "x", "inner": {"number": True}},
        {"type": "x", "inner": {"number": 1.0}},
        {"type": "x", "inner": {"number": 1, "truth": 1}},
        {"type": "x", "inner": {"number": 1, "other": 1}},
        {"type": "x", "inner": {"number": 1}, "level": "c"},
        {"type": "x", "inner": {"number": 1}, "level": "b", "len": 4},
        {"type": "x", "inner": {"number": 1}, "expiresAt": "2026-11-25T00:00:00Z"},
        {"type": "x", "inner": {"number": 1}, "expiresAt": 5},
        {"type": "x", "inner": None},
        {"inner": {"number": 1}},
        [],
        "type",
        None,
    ],
)
def test_fields_of_any_type_decode_as_the_converter_does(members: object) -> None:
    """A4: what is not written in line is asked of the converter, field by field."""
    results = []
    # Twice, because the inner record of the first time may be given again.
    for decode in (decoder_of(_Odd), decoder_of(_Odd), _convert):
        try:
            results.append(_exact(decode(members)))
        except Exception:
            results.append("refused")
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("members", [[], "", 0, None, False])
def test_a_record_of_optional_fields_is_an_object_too(members: object) -> None:
    """A4: nothing required is not the same as anything goes."""
    assert decoder_of(Related)({}) == CONVERTER.structure({}, Related)
    for decode in (decoder_of(Related), lambda m: CONVERTER.structure(m, Related)):
        with pytest.raises((TypeError, AttributeError)):
            decode(members)


def _convert(members: object) -> _Odd:
    return CONVERTER.structure(members, _Odd)


def test_a_class_that_cannot_be_filled_is_left_to_the_converter() -> None:
    """A4: without slots there is no quick way, and it decodes all the same."""
    assert decoder_of(_NotSlotted)({"number": 1}) == _NotSlotted(1)
    with pytest.raises(TypeError):
        decoder_of(_NotSlotted)({"number": "1"})


def test_the_policy_of_one_event_is_never_that_of_another() -> None:
    """K1: records are shared only while they are equal, type for type."""
    decode = members_decoder("wallet.kyc_level_changed", 1)

    def policy(policy_id: str, version: object) -> object:
        members = {"from": "basic", "to": "full"}
        reference = {"id": policy_id, "version": version}
        event = decode({**members, "limitPolicy": reference})
        assert isinstance(event, WalletKycLevelChanged)
        return event.limit_policy

    first = policy("p", 1)
    assert policy("p", 1) is first
    assert policy("p", 2) == PolicyRef(id="p", version=2)
    assert policy("q", 2) == PolicyRef(id="q", version=2)
    assert policy("p", 1) == first
    for wrong in (True, 1.0):
        with pytest.raises(TypeError):
            policy("p", wrong)
