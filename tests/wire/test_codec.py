"""Events, outcomes, refusals and states, to bytes and back."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import get_type_hints

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthpay_core import (
    CATALOGUE,
    EVENT_TYPES,
    Code,
    Committed,
    Err,
    EventRef,
    NotDone,
    Problem,
    RecordedEvent,
    Refusal,
    Rejected,
    State,
    StreamCorrupted,
    TransferView,
    WalletView,
    derive_id,
    event_id,
    evolve,
    refusals,
)
from healthpay_core.refusals import LimitExceeded, ValidationFailed
from healthpay_wire.answers import encode_committed, pack_outcome, unpack_outcome
from healthpay_wire.codec import decode_data, encode_data
from healthpay_wire.envelopes import decode_recorded
from healthpay_wire.instants import format_instant, parse_instant
from healthpay_wire.names import camel
from healthpay_wire.refusals import (
    BY_CODE,
    _leaves,
    pack_refusal,
    refusal_members,
    unpack_refusal,
)
from healthpay_wire.schemas import event_schemas, type_schema
from healthpay_wire.snapshots import FORMAT, decode_state, encode_state

COMMAND = derive_id("a command")


def test_every_event_round_trips(story: Sequence[RecordedEvent]) -> None:
    """A3: decoding what was encoded gives the same event."""
    for recorded in story:
        kind, event = recorded.envelope.type, recorded.envelope.data
        assert decode_data(kind.name, kind.version, encode_data(event)) == event


@pytest.mark.parametrize(
    ("name", "version", "data"),
    [
        ("wallet.credited", 3, b"{}"),
        ("wallet.minted", 1, b"{}"),
        ("wallet.suspended", 1, b"{}"),
        ("wallet.suspended", 1, b'{"reasonCode":"boredom"}'),
        ("wallet.suspended", 1, b'{"reasonCode":"fraud","pan":"4111"}'),
        ("wallet.suspended", 1, b"[]"),
        ("wallet.suspended", 1, b"\xff"),
        ("wallet.credited", 1, b"[]"),
    ],
)
def test_what_no_version_prescribes_is_refused(
    name: str, version: int, data: bytes
) -> None:
    """A4, C5: unknown types, versions, members and values stop the load."""
    with pytest.raises(StreamCorrupted, match=name):
        decode_data(name, version, data)


@pytest.mark.parametrize("amount", ["10.99", '"7"', "true", "1e2", "null"])
def test_a_stored_amount_is_an_integer(amount: str) -> None:
    """M1: an event whose amount is anything else cannot be read."""
    data = {
        "amount": 0,
        "balanceAfter": 1,
        "heldAfter": 0,
        "currency": "EGP",
        "reason": "deposit",
        "counterAccount": "external:deposit",
    }
    text = orjson.dumps(data).replace(b'"amount":0', f'"amount":{amount}'.encode())
    with pytest.raises(StreamCorrupted):
        decode_data("wallet.credited", 2, text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"eventType":"wallet.created"}',
        b'{"eventType":"wallet.created","eventVersion":"1"}',
        b'{"eventType":7,"eventVersion":1}',
    ],
)
def test_what_is_no_envelope_is_said_to_be_none(text: bytes) -> None:
    """A4: bad bytes are a value, not an exception."""
    result = decode_recorded(text)
    assert isinstance(result, Err)
    assert result.error.errors[0].detail.startswith("is not an envelope")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("sequence", "1"),
        ("actor", "me"),
        ("occurredAt", "yesterday"),
        ("recordedAt", 5),
        ("prevHash", "zz"),
        ("prevHash", ""),
        ("hash", "AB" * 32),
        ("hash", "ab" * 31),
        ("hash", " ab" * 32),
        ("tenantId", 4),
    ],
)
def test_a_damaged_envelope_is_refused(
    member: str, value: object, golden_lines: list[bytes]
) -> None:
    """A4: each member has its type."""
    members = {**orjson.loads(golden_lines[0]), member: value}
    assert isinstance(decode_recorded(orjson.dumps(members)), Err)


def _sample(cls: type[NotDone]) -> NotDone:
    values: dict[str, object] = {}
    hints = get_type_hints(cls)
    for field in fields(cls):
        kind = hints[field.name]
        if field.name == "errors":
            values[field.name] = (Problem("/a", "must be b"),)
        elif field.name == "party":
            values[field.name] = "source"
        elif kind is int or (field.default is not MISSING and "int" in str(kind)):
            values[field.name] = 1_795_644_000_000_000
        else:
            values[field.name] = "text"
    return cls(**values)


@pytest.mark.parametrize("cls", BY_CODE.values(), ids=lambda cls: cls.__name__)
def test_every_refusal_round_trips(cls: type[NotDone]) -> None:
    """I4: a stored refusal comes back as it was, with all its facts."""
    error = _sample(cls)
    assert unpack_refusal(orjson.loads(orjson.dumps(pack_refusal(error)))) == error


@pytest.mark.parametrize("cls", BY_CODE.values(), ids=lambda cls: cls.__name__)
def test_extension_names_are_legal(cls: type[NotDone]) -> None:
    """E6: names have three or more characters, start with a letter, no signs."""
    letters = set(string.ascii_letters + string.digits)
    for name in refusal_members(_sample(cls)):
        assert len(name) >= 3
        assert name[0].isalpha()
        assert set(name) <= letters


def test_each_class_has_its_own_code() -> None:
    """E1: no two refusals share a code, and each code is in the catalogue."""
    assert {cls.code.value: cls for cls in _leaves(NotDone)} == BY_CODE
    assert {cls.__module__ for cls in BY_CODE.values()} == {refusals.__name__}
    assert {cls.code for cls in BY_CODE.values()} <= set(CATALOGUE)
    assert len({cls.__name__ for cls in BY_CODE.values()}) == len(BY_CODE)


class OfAnother(Refusal):
    """What another package refuses with, under a code that is taken."""

    code = Code.WALLET_NOT_FOUND


def test_only_the_cores_own_refusals_are_stored() -> None:
    """I4: what others derive from it takes nobody's place."""
    assert OfAnother not in set(_leaves(NotDone))
    assert BY_CODE[Code.WALLET_NOT_FOUND.value] is not OfAnother


def test_a_limit_refusal_tells_its_facts() -> None:
    """E9: limit name, amount, used, requested, and when it is free again."""
    error = LimitExceeded(
        limit_name="daily",
        limit_amount=10,
        used_amount=8,
        requested_amount=3,
        resets_at=1_795_644_000_000_000,
    )
    assert refusal_members(error) == {
        "limitName": "daily",
        "limitAmount": 10,
        "usedAmount": 8,
        "requestedAmount": 3,
        "resetsAt": "2026-11-25T22:00:00.000000Z",
    }


def test_field_errors_are_not_an_extension() -> None:
    """E7: `errors` has a place of its own in the document."""
    assert refusal_members(ValidationFailed.at("/a", "must be b")) == {}


WALLET = WalletView(
    wallet_id=derive_id("w"),
    owner_id="o",
    wallet_type="personal",
    currency="EGP",
    kyc_level="basic",
    status="active",
    balance=12_550,
    held=50,
    version=3,
)
TRANSFER = TransferView(
    transfer_id=derive_id("t"),
    source_wallet_id=derive_id("w"),
    destination_wallet_id=derive_id("v"),
    amount=5,
    currency="EGP",
    status="completed",
    reference=None,
    version=2,
)


@pytest.mark.parametrize("resource", [WALLET, TRANSFER], ids=["wallet", "transfer"])
def test_a_stored_success_round_trips(resource: WalletView | TransferView) -> None:
    """I4: resource and events of the first answer come back."""
    outcome = Committed(
        command_id=COMMAND,
        correlation_id="story",
        resource=resource,
        events=tuple(
            EventRef(
                event_id=event_id(derive_id("w"), COMMAND, index),
                event_type="wallet.credited",
                aggregate_id=derive_id("w"),
                sequence=3 + index,
            )
            for index in range(2)
        ),
    )
    again = unpack_outcome(pack_outcome(outcome), COMMAND, "story")
    assert again == outcome
    assert isinstance(again, Committed)
    assert encode_committed(again) == encode_committed(outcome)


def test_an_outcome_of_steps_keeps_their_event_ids() -> None:
    """I8: the events of a process are of other commands than the one answered."""
    event = EventRef(
        event_id=event_id(derive_id("w"), derive_id("a step"), 0),
        event_type="wallet.credited",
        aggregate_id=derive_id("w"),
        sequence=3,
    )
    outcome = Committed(
        command_id=COMMAND, correlation_id="s", resource=WALLET, events=(event,)
    )
    packed = pack_outcome(outcome, of_steps=True)
    assert unpack_outcome(packed, COMMAND, "s") == outcome


def test_a_success_is_shown_as_the_contract_says() -> None:
    """H1: the resource by its name, the events, the ids."""
    outcome = Committed(
        command_id=COMMAND, correlation_id="story", resource=WALLET, events=()
    )
    body = orjson.loads(encode_committed(outcome))
    assert list(body) == ["wallet", "events", "commandId", "correlationId"]
    assert body["wallet"]["available"] == 12_500


def test_a_stored_refusal_round_trips() -> None:
    """I4, I6: a pinned refusal is answered again."""
    error = LimitExceeded(
        limit_name="x1", limit_amount=1, used_amount=1, requested_amount=1
    )
    outcome = Rejected(command_id=COMMAND, correlation_id="s", error=error)
    assert unpack_outcome(pack_outcome(outcome), COMMAND, "s") == outcome


@pytest.mark.parametrize("packed", [b"", b"[]", b'["w",[],[]]', b'["r","NO",{}]'])
def test_damaged_outcomes_are_refused(packed: bytes) -> None:
    """I4: an outcome that cannot be read is never guessed."""
    with pytest.raises(ValueError, match="not a packed outcome"):
        unpack_outcome(packed, COMMAND, "s")


def test_every_state_of_the_story_round_trips(story: Sequence[RecordedEvent]) -> None:
    """A1: a snapshot gives back the state that it was taken of."""
    states: dict[str, State] = {}
    kinds = set()
    for recorded in story:
        envelope = recorded.envelope
        state = evolve(states.get(envelope.stream), envelope.data)
        states[envelope.stream] = state
        kinds.add(type(state).__name__)
        assert decode_state(encode_state(state)) == state
    assert len(kinds) == 19


@pytest.mark.parametrize("data", [b"", b"[]", b'[0,"wallet.closed",{}]', b'[1,"x",{}]'])
def test_an_unreadable_snapshot_is_ignored(data: bytes) -> None:
    """A1: a snapshot of another format is no snapshot."""
    assert FORMAT == 1
    assert decode_state(data) is None


@given(st.integers(-62_000_000_000_000_000, 250_000_000_000_000_000))
def test_instants_round_trip(us: int) -> None:
    """B2: every microsecond of the years 1 to 9999 has one text."""
    text = format_instant(us)
    assert parse_instant(text) == us
    assert len(text) == 27


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-25",
        "2026-11-25T10:00:00",
        "2026-13-01T00:00:00Z",
        "2026-12-31T23:59:60Z",
        "2026-11-25T10:00:00.1234567Z",
        "2026-11-25T10:00:00,5Z",
        "2026-11-25T10:00:00.Z",
        "2026-11-25T10:00Z",
        "2026-11-25 10:00:00Z",
        "20261125T100000.000000Z",
        "2026-W48-3T10:00:00Z",
        "2026-11-25T10:00:00+02",
        "2026-11-25T10:00:00+0200",
        "2026-11-25T10:00:00+02:60",
        "2026-11-25T10:00:00+02:00:30",
        "٢026-11-25T10:00:00Z",
    ],
)
def test_what_is_no_instant_is_none(text: str) -> None:
    """H5: only RFC 3339 with an offset names an instant."""
    assert parse_instant(text) is None


def test_offsets_are_understood() -> None:
    """K8: Cairo's own offset names the same instant as UTC, and case is no matter."""
    utc = parse_instant("2026-11-25T00:00:00Z")
    assert parse_instant("2026-11-25T02:00:00+02:00") == utc
    assert parse_instant("2026-11-25t00:00:00.000z") == utc


def test_names_are_camel_case() -> None:
    """B2: snake_case becomes camelCase."""
    assert [camel(n) for n in ("amount", "held_after", "kyc_check_ref")] == [
        "amount",
        "heldAfter",
        "kycCheckRef",
    ]


def test_a_schema_stands_for_every_version() -> None:
    """A3: each event type has a schema of its current version."""
    assert {f"{k.name}.v{k.version}" for k in EVENT_TYPES.values()} < set(
        event_schemas()
    )


def test_a_type_without_wire_form_is_refused() -> None:
    """M1: no float can enter an event unnoticed."""
    with pytest.raises(TypeError, match="float"):
        type_schema(float)
