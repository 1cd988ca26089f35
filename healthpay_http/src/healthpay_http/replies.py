"""Answers: a status, headers, bytes; refusals as RFC 9457 documents (E6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import orjson

from healthpay_core import CATALOGUE, Code, NotDone
from healthpay_core.refusals import (
    IdempotencyKeyInUse,
    StoreUnavailable,
    ValidationFailed,
)
from healthpay_http.asgi import Header, Message, Send
from healthpay_http.call import Call
from healthpay_http.statuses import STATUSES, problem_type
from healthpay_wire.refusals import refusal_members

JSON: Final[Header] = (b"content-type", b"application/json")
PROBLEM: Final[Header] = (b"content-type", b"application/problem+json")
NO_STORE: Final[Header] = (b"cache-control", b"no-store")
REPLAYED: Final[Header] = (b"idempotent-replayed", b"true")
_WAIT_A_SECOND: Final[Header] = (b"retry-after", b"1")
_MAX_ERRORS: Final = 100


@dataclass(slots=True)
class Reply:
    """What goes back; `code` is set for a refusal."""

    status: int
    headers: list[Header]
    body: bytes
    code: Code | None = field(default=None)


def json_reply(status: int, body: bytes) -> Reply:
    """An answer in JSON that no cache keeps."""
    return Reply(status, [JSON, NO_STORE], body)


def refusal(call: Call, error: NotDone, correlation_id: str | None = None) -> Reply:
    """The problem document of a refusal or a fault.

    A replay passes the correlation id of the first answer, so that the bytes
    are the same (I4).
    """
    members = problem_members(call, error, correlation_id or call.correlation_id)
    headers = [PROBLEM, NO_STORE]
    if isinstance(error, StoreUnavailable):
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    elif isinstance(error, IdempotencyKeyInUse):
        headers.append(_WAIT_A_SECOND)
    return Reply(STATUSES[error.code], headers, orjson.dumps(members), error.code)


def problem_members(
    call: Call, error: NotDone, correlation_id: str
) -> dict[str, object]:
    """The members of a problem document (E6), extensions last (E7, E9).

    Its references go through the mount by which the call came: to be followed, and
    so that a replay by the same way is the same bytes (I4).
    """
    code = error.code
    entry = CATALOGUE[code]
    members: dict[str, object] = {
        "type": call.prefix + problem_type(code),
        "title": entry.title,
        "status": STATUSES[code],
        "code": code.value,
        "detail": error.message,
        "instance": call.instance,
        "retryable": entry.retryable,
        "correlationId": correlation_id,
    }
    members.update(refusal_members(error))
    if isinstance(error, ValidationFailed):
        members["errors"] = [
            {"pointer": fault.pointer, "detail": fault.detail}
            for fault in error.errors[:_MAX_ERRORS]
        ]
    return members


async def send_reply(call: Call, reply: Reply, send: Send) -> None:
    """Send it, with the ids that every answer carries (H2)."""
    body = reply.body
    headers = reply.headers
    headers.append((b"content-length", b"%d" % len(body)))
    headers.append((b"x-correlation-id", call.correlation_id.encode("ascii")))
    headers.append((b"traceparent", call.traceparent.encode("ascii")))
    start: Message = {
        "type": "http.response.start",
        "status": reply.status,
        "headers": headers,
    }
    await send(start)
    rest = b"" if call.method == "HEAD" else body
    await send({"type": "http.response.body", "body": rest})
