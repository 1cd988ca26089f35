"""Pinned bytes: what was written once is read and written the same for ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import jsonschema
import orjson
import pytest

from healthpay_core import (
    EVENT_TYPES,
    EventStore,
    InMemoryEventStore,
    Ok,
    RecordedEvent,
    WalletCredited,
)
from healthpay_sql import SqliteEventStore
from healthpay_wire.envelopes import decode_recorded, digest, encode_recorded
from healthpay_wire.schemas import event_schemas
from healthpay_wire.upcasters import UPCASTERS, build_chains
from healthpay_wire.verify import verify_chain


def test_golden_bytes_and_hashes_of_every_event_are_what_is_written_today(
    story: Sequence[RecordedEvent], golden_lines: list[bytes]
) -> None:
    """A3: the same command log makes the same bytes and hashes as when pinned."""
    assert [encode_recorded(event) for event in story] == golden_lines


def test_golden_bytes_hold_every_event_type(golden_lines: list[bytes]) -> None:
    """A3: no event type is without pinned bytes."""
    pinned = {orjson.loads(line)["eventType"] for line in golden_lines}
    assert pinned == {kind.name for kind in EVENT_TYPES.values()}


def test_golden_bytes_survive_a_round_trip(golden_lines: list[bytes]) -> None:
    """A4: pinned envelopes decode, and encode to the same bytes."""
    for line in golden_lines:
        decoded = decode_recorded(line)
        assert isinstance(decoded, Ok)
        assert encode_recorded(decoded.value) == line


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_every_store_makes_the_same_chain(
    kind: str,
    tmp_path: Path,
    play: Callable[[EventStore], None],
    golden_lines: list[bytes],
) -> None:
    """A2: the hash chain is the same whichever store holds it."""
    if kind == "memory":
        memory = InMemoryEventStore(digest=digest)
        play(memory)
        lines = [encode_recorded(event) for event in memory.feed(0, 1000)]
    else:
        with SqliteEventStore(tmp_path / "golden.db") as sqlite:
            play(sqlite)
            lines = [encode_recorded(event) for event in sqlite.feed(0, 1000)]
    assert lines == golden_lines


def test_golden_chains_verify(golden_lines: list[bytes]) -> None:
    """A2: the pinned streams are whole."""
    events = [decode_recorded(line) for line in golden_lines]
    found = [event.value for event in events if isinstance(event, Ok)]
    assert len(found) == len(golden_lines)
    by_stream = sorted(found, key=lambda e: (e.envelope.stream, e.envelope.sequence))
    for _, stream in groupby(by_stream, key=lambda e: e.envelope.stream):
        assert verify_chain(stream) is None


def test_old_versions_are_read_as_current_events(old_lines: list[bytes]) -> None:
    """A4: version 1 of wallet.credited had no counter-account; it gets its own."""
    (line,) = old_lines
    decoded = decode_recorded(line)
    assert isinstance(decoded, Ok)
    event = decoded.value.envelope.data
    assert isinstance(event, WalletCredited)
    assert event.counter_account == "external:deposit"
    assert encode_recorded(decoded.value) == line
    assert verify_chain([decoded.value]) is None


def test_every_readable_version_has_golden_bytes(
    golden_lines: list[bytes], old_lines: list[bytes]
) -> None:
    """A3, A4: every (type, version) that can be read is pinned."""
    members = [orjson.loads(line) for line in golden_lines + old_lines]
    pinned = {(m["eventType"], m["eventVersion"]) for m in members}
    assert pinned == set(build_chains())


def test_golden_data_meets_its_json_schema(
    golden_lines: list[bytes], old_lines: list[bytes]
) -> None:
    """A3: the published schema of each version accepts what was written in it."""
    schemas = event_schemas()
    for line in golden_lines + old_lines:
        members = orjson.loads(line)
        schema = schemas[f"{members['eventType']}.v{members['eventVersion']}"]
        validator = jsonschema.Draft202012Validator(schema)
        validator.check_schema(schema)
        validator.validate(members["data"])
        broken = {**members["data"], "extra": 1}
        assert not validator.is_valid(broken)


def test_a_gap_in_a_version_chain_fails_at_build() -> None:
    """A4: a version without an upcaster is found before any event is read."""
    with pytest.raises(LookupError, match=r"wallet\.credited .* version 1"):
        build_chains({})


def test_a_stray_upcaster_fails_at_build() -> None:
    """A4: an upcaster from a version that is current leads nowhere."""
    stray = {**UPCASTERS, ("wallet.created", 1): lambda data: data}
    with pytest.raises(LookupError, match=r"wallet\.created"):
        build_chains(stray)
