"""From a record to the event in it, understood as far as a projection needs it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, cast

import orjson

from healthpay_core import EVENT_TYPES, StreamId
from healthpay_kafka.projection.records import Arrival, LogRecord, PoisonousEvent
from healthpay_wire.cloudevents import (
    ANY_CLOUDEVENT,
    CONTENT_TYPE,
    STRUCTURED,
    cloud_type,
)

_FORMS: Final[Mapping[object, tuple[str, int, str]]] = MappingProxyType(
    {
        cloud_type(kind.name, form): (kind.name, form, f"{kind.aggregate_type}/")
        for kind in EVENT_TYPES.values()
        for form in range(1, kind.version + 1)
    }
)
"""Every CloudEvents type that can be read: wire name, form, beginning of a stream."""
_STRUCTURED: Final = STRUCTURED.encode()
_SEQUENCE_DIGITS: Final = 20


def decode_event(record: LogRecord) -> Arrival:
    """The CloudEvent of a record, in structured or in binary mode (B1, B2).

    A record without the header ``content-type`` is taken for a structured one.
    Attributes that a projection does not need are not looked at, and `data` is
    looked at when `Arrival.event` is called; `healthpay_wire.cloudevents.decode`
    checks everything.

    Raises:
        PoisonousEvent: It is no CloudEvent of ours, or of a type or form that
            this version does not know.
    """
    try:
        members = _members(record)
        name, form, prefix = _FORMS[members["type"]]
        return Arrival(
            record,
            StreamId(prefix + members["subject"]),
            _number(members["sequence"]),
            members["id"],
            name,
            form,
            members["time"],
            cast("Mapping[str, object]", members["data"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PoisonousEvent(record, _reason(error)) from error


def _members(record: LogRecord) -> Mapping[str, str]:
    """Attributes, which are all text, and `data`, which `Arrival.event` judges."""
    value = record.value or b""
    for name, text in record.headers:
        if name == CONTENT_TYPE and text is not None:
            if not text.startswith(_STRUCTURED):
                return _binary(record, text.decode(), value)
            break
    members: Mapping[str, str] = orjson.loads(value)
    return members


def _binary(record: LogRecord, content_type: str, value: bytes) -> Mapping[str, str]:
    if content_type.startswith(ANY_CLOUDEVENT):
        raise ValueError(f"its format {content_type} is not JSON")
    members = {
        name[3:]: text.decode()
        for name, text in record.headers
        if name.startswith("ce_") and text is not None
    }
    members["data"] = orjson.loads(value)
    return members


def _number(text: str) -> int:
    if len(text) != _SEQUENCE_DIGITS or not (text.isascii() and text.isdigit()):
        raise ValueError("sequence is not a number of 20 digits")
    return int(text)


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"is not one of our CloudEvents: {error} is missing or not known"
    return f"is not one of our CloudEvents: {error}"
