"""The records of the commands topic: what is asked, steps of processes, their ends.

Each value is a CloudEvent in structured mode, so that it stays whole where headers
are lost; the headers hold what is needed without parsing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import orjson

from healthpay_core import CommandRequest, Decided, Err, Ok, Unknown
from healthpay_core.domain import primary_stream
from healthpay_core.refusals import ValidationFailed
from healthpay_core.slips import Finished, Slip, Travel
from healthpay_kafka.records import (
    CONTENT_TYPE,
    STRUCTURED,
    TRACEPARENT,
    WRITER,
    Headers,
)
from healthpay_wire.answers import pack_outcome, unpack_outcome
from healthpay_wire.requests import (
    command_name,
    encode_request,
    encode_slip,
    parse_request,
    parse_slip,
)

Header: TypeAlias = tuple[str, bytes]

REPLY_TO: Final = "hp-reply-partition"
COMMAND_ID: Final = "hp-command-id"
DEADLINE: Final = "hp-deadline"
CORRELATION: Final = "hp-correlation-id"
LARGEST_ASK: Final = 65_536
"""Bytes of a command; the entries of its process hold it several times."""
_SOURCE: Final = "/healthpay/commands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Where somebody waits for an answer.

    Attributes:
        partition: Of the replies topic.
        deadline: When they stop to wait, microseconds since 1970.
    """

    partition: int
    deadline: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A command as a caller sent it."""

    request: CommandRequest
    reply: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOrder:
    """One step of a process, with its slip."""

    request: CommandRequest
    slip: Slip


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """A process is over: what to answer, at the place of its root command."""

    aggregate_id: str
    command_id: str
    outcome: Decided


Order: TypeAlias = Ask | StepOrder | Conclusion


def aggregate_of(request: CommandRequest) -> str:
    """The key of its record: the id of the aggregate that it is about."""
    return primary_stream(request.command).partition("/")[2]


def key_of(order: Order) -> str:
    """The key of an order's record."""
    if isinstance(order, Conclusion):
        return order.aggregate_id
    return aggregate_of(order.request)


def following(going: Travel | Finished, root: CommandRequest) -> Order:
    """The order that follows a step: the next one, or the end (T5)."""
    if isinstance(going, Travel):
        return StepOrder(request=going.request, slip=going.slip)
    assert not isinstance(going.outcome, Unknown)
    return Conclusion(
        aggregate_id=aggregate_of(root),
        command_id=root.command_id,
        outcome=going.outcome,
    )


def encode_order(order: Order) -> bytes:
    """The value of its record."""
    if isinstance(order, Conclusion):
        outcome = order.outcome
        data = {
            "concludes": order.command_id,
            "outcome": orjson.Fragment(pack_outcome(outcome, of_steps=True)),
        }
        key, correlation = order.aggregate_id, outcome.correlation_id
        return _event(order.command_id, "concluded", key, correlation, data)
    request = order.request
    data = {"request": orjson.Fragment(encode_request(request))}
    if isinstance(order, StepOrder):
        data["slip"] = orjson.Fragment(encode_slip(order.slip))
    return _event(
        request.command_id,
        command_name(request.command),
        aggregate_of(request),
        request.correlation_id or request.command_id,
        data,
    )


def headers_of(order: Order, writer: str) -> list[Header]:
    """The headers of its record."""
    headers: list[Header] = [
        (CONTENT_TYPE, STRUCTURED),
        (WRITER, writer.encode()),
    ]
    if isinstance(order, Conclusion):
        return [*headers, (COMMAND_ID, order.command_id.encode())]
    request = order.request
    headers.append((COMMAND_ID, request.command_id.encode()))
    if request.correlation_id is not None:
        headers.append((CORRELATION, request.correlation_id.encode()))
    if request.traceparent is not None:
        headers.append((TRACEPARENT, request.traceparent.encode()))
    if isinstance(order, Ask) and order.reply is not None:
        headers.append((REPLY_TO, b"%d" % order.reply.partition))
        headers.append((DEADLINE, b"%d" % order.reply.deadline))
    return headers


def decode_order(
    value: bytes | None, headers: Headers | None
) -> Ok[Order] | Err[ValidationFailed]:
    """The order of a record.

    Returns:
        `ValidationFailed` when the bytes are no order of ours.
    """
    try:
        event = orjson.loads(value or b"")
        data = event["data"]
        if "concludes" in data:
            return Ok(_conclusion(event, data))
        request = parse_request(data["request"])
        if isinstance(request, Err):
            return request
        if "slip" not in data:
            return Ok(Ask(request=request.value, reply=reply_of(headers)))
        slip = parse_slip(data["slip"])
        if isinstance(slip, Err):
            return slip
        return Ok(StepOrder(request=request.value, slip=slip.value))
    except Exception as error:
        text = f"is not an order: {type(error).__name__} {error}"
        return Err(ValidationFailed.at("", text[:300]))


def reply_of(headers: Headers | None) -> Reply | None:
    """Where an answer is awaited, as the headers say; None where they do not."""
    found = dict(headers or ())
    partition, deadline = found.get(REPLY_TO), found.get(DEADLINE)
    try:
        return Reply(partition=int(partition or b""), deadline=int(deadline or b""))
    except ValueError:
        return None


def _event(
    command_id: str,
    name: str,
    aggregate_id: str,
    correlation_id: str,
    data: Mapping[str, object],
) -> bytes:
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": command_id,
            "source": _SOURCE,
            "type": f"healthpay.command.{name}.v1",
            "subject": aggregate_id,
            "partitionkey": aggregate_id,
            "correlationid": correlation_id,
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def _conclusion(event: Mapping[str, object], data: Mapping[str, object]) -> Conclusion:
    command_id = cast("str", data["concludes"])
    outcome = unpack_outcome(
        orjson.dumps(data["outcome"]), command_id, cast("str", event["correlationid"])
    )
    return Conclusion(
        aggregate_id=cast("str", event["subject"]),
        command_id=command_id,
        outcome=outcome,
    )
