"""The AsyncAPI document: valid, complete, and what is really sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from healthpay_core import EVENT_TYPES, Ok
from healthpay_kafka import Topics
from healthpay_wire.cloudevents import cloud_type, encode_structured
from healthpay_wire.envelopes import decode_recorded
from healthpay_wire.schemas import event_schemas
from tools.npm import node_modules
from tools.reference.asyncapi import document

Members = dict[str, object]
GOLDEN = Path(__file__).parents[1] / "wire" / "golden"


def part(members: Members, *names: str) -> Members:
    """A member of a member of the document."""
    for name in names:
        members = cast("Members", members[name])
    return members


def test_it_is_valid_by_the_official_schema() -> None:
    """AsyncAPI's own JSON Schema of version 3 accepts it (B7)."""
    file = node_modules() / "@asyncapi" / "specs" / "schemas" / "3.0.0-without-$id.json"
    official = json.loads(file.read_text(encoding="utf-8"))
    faults = list(Draft7Validator(official).iter_errors(document()))
    assert faults == []
    spoilt = {**document(), "operations": {"publish.wallet": {"action": "publish"}}}
    assert list(Draft7Validator(official).iter_errors(spoilt))


def test_it_names_every_version_of_every_event_and_no_other() -> None:
    """Messages and catalogue are the same, both ways (B7)."""
    messages = part(document(), "components", "messages")
    assert messages.keys() == event_schemas().keys()
    assert {part(messages, name)["name"] for name in messages} == {
        cloud_type(kind.name, form)
        for kind in EVENT_TYPES.values()
        for form in range(1, kind.version + 1)
    }


def test_each_topic_is_a_channel_that_is_sent_to() -> None:
    """One channel a topic, each with its operation and exactly its messages (B7)."""
    channels = part(document(), "channels")
    addresses = [part(channels, name)["address"] for name in channels]
    assert addresses == list(Topics().events)
    for name, operation in part(document(), "operations").items():
        assert isinstance(operation, dict)
        channel = name.removeprefix("publish.")
        assert operation["action"] == "send"
        assert operation["channel"] == {"$ref": f"#/channels/{channel}"}
        wanted = [n for n in event_schemas() if n.startswith(f"{channel}.")]
        assert sorted(part(channels, channel, "messages")) == sorted(wanted)
        assert {m["$ref"].rpartition("/")[2] for m in operation["messages"]} == {
            *wanted
        }


def golden() -> list[bytes]:
    """An envelope of every event, and of older forms."""
    lines = (GOLDEN / "envelopes.jsonl").read_bytes().splitlines()
    return lines + (GOLDEN / "old_versions.jsonl").read_bytes().splitlines()


@pytest.mark.parametrize("line", golden())
def test_what_is_sent_is_what_it_says(line: bytes) -> None:
    """Each event on the bus satisfies its message, attribute by attribute (B2)."""
    decoded = decode_recorded(line)
    assert isinstance(decoded, Ok)
    sent = json.loads(encode_structured(decoded.value, command_offset=7))
    name = sent["dataschema"].rpartition(":")[2]
    whole = document()
    payload = part(whole, "components", "messages", name, "payload")
    schema = {**payload, "components": whole["components"]}
    Draft202012Validator(schema).validate(sent)
    assert set(sent) <= set(part(payload, "properties"))
    assert sent["correlationid"], "the runtime expression leads to it"
