"""The endpoint of every command: headers and body in, an outcome out (H1, H2)."""

from __future__ import annotations

from hashlib import sha256
from typing import Final, assert_never

import orjson

from healthpay_core import (
    CommandRequest,
    Committed,
    Err,
    NotDone,
    Ok,
    Outcome,
    Rejected,
    Unknown,
    derive_id,
    is_id,
)
from healthpay_core.refusals import (
    Problem,
    StoreUnavailable,
    ValidationFailed,
    VersionMismatch,
)
from healthpay_http import headers as h
from healthpay_http.asgi import Receive
from healthpay_http.backend import Serving
from healthpay_http.bodies import CommandBody
from healthpay_http.call import Call
from healthpay_http.reading import parse, read_body
from healthpay_http.refusals import (
    NOT_FOUND,
    PreconditionRequired,
    UnsupportedMediaType,
)
from healthpay_http.replies import JSON, NO_STORE, REPLAYED, Reply, refusal
from healthpay_http.routes import Route
from healthpay_http.settings import HttpSettings
from healthpay_wire.answers import encode_committed

_NEVER: Final = -1
"""A version that no resource has.

A conditional command without `If-Match` is submitted with it: so the core's own
order of checks (E2) says 428 only where it would say 412, and a replay or an
unknown wallet is answered as ever (V4, I10).
"""


class CommandEndpoint:
    """Answers one POST route."""

    def __init__(
        self,
        route: Route,
        body: type[CommandBody],
        settings: HttpSettings,
        serving: Serving,
    ) -> None:
        self._body = body
        self._operation = route.operation
        self._key_scope = f"{settings.tenant_id or ''}/{route.operation}/"
        self._success = route.success
        self._settings = settings
        self._serving = serving
        self._not_found = NOT_FOUND[route.resource] if route.resource else None
        self._unconditional = (
            _NEVER if route.operation in settings.conditional_operations else None
        )

    async def __call__(self, call: Call, receive: Receive) -> Reply:
        serving = self._serving
        if serving.backend is None:
            return refusal(call, StoreUnavailable())
        request = await self._request(call, receive)
        if isinstance(request, Err):
            return refusal(call, request.error)
        # Looked at again: the body may have taken its time.
        backend = serving.for_command(self._settings.max_in_flight)
        if backend is None:
            return refusal(call, StoreUnavailable())
        serving.commands_in_flight += 1
        try:
            outcome = await backend.commands.submit(request.value)
        finally:
            serving.commands_in_flight -= 1
        return self._reply(call, outcome)

    async def _request(
        self, call: Call, receive: Receive
    ) -> Ok[CommandRequest] | Err[NotDone]:
        """Syntax (E2): the headers one by one, then all of the body's faults."""
        headers = call.headers
        key = h.idempotency_key(headers.get(b"idempotency-key"))
        if not isinstance(key, str):
            return Err(key)
        if not h.is_plain_json(headers):
            return Err(UnsupportedMediaType())
        body = await read_body(receive, headers, self._settings.max_body_bytes)
        if not isinstance(body, bytes):
            return Err(body)
        parsed = parse(body, self._body)
        expected = self._unconditional
        if_match = headers.get(b"if-match")
        if if_match is not None:
            expected = h.expected_version(if_match)
            if expected is None:
                return Err(_with_if_match(parsed))
        if isinstance(parsed, Err):
            return parsed
        if self._not_found is not None and not is_id(call.path_id):
            return Err(self._not_found(call.shown_id))
        command_id = derive_id(self._key_scope + key)
        order = parsed.value
        return Ok(
            CommandRequest(
                command=order.body.command(call.path_id, command_id),
                command_id=command_id,
                fingerprint=self._fingerprint(call.path_id, order.sent),
                actor=self._settings.actor,
                expected_version=expected,
                correlation_id=call.correlation_id,
                tenant_id=self._settings.tenant_id,
                traceparent=call.traceparent,
            )
        )

    def _fingerprint(self, path_id: str, sent: dict[str, object]) -> bytes:
        """What was asked (I2): neither the headers nor the order of members."""
        asked = [self._operation, path_id, sent]
        return sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).digest()

    def _reply(self, call: Call, outcome: Outcome) -> Reply:
        if isinstance(outcome, Committed):
            return self._committed(call, outcome)
        if isinstance(outcome, Rejected):
            return _rejected(call, outcome)
        if isinstance(outcome, Unknown):
            return _unknown(call, outcome)
        assert_never(outcome)

    def _committed(self, call: Call, outcome: Committed) -> Reply:
        resource = outcome.resource
        etag = (b"etag", b'"%d"' % resource.version)
        headers = [JSON, NO_STORE, etag]
        if self._success == 201:
            headers.append(_location(call, f"{call.path}/{resource.id}"))
        if outcome.replayed:
            headers.append(REPLAYED)
        return Reply(self._success, headers, encode_committed(outcome))


def _with_if_match(parsed: Ok[object] | Err[ValidationFailed]) -> ValidationFailed:
    fault = Problem("/headers/If-Match", 'must be one strong tag such as "3"')
    others = parsed.error.errors if isinstance(parsed, Err) else ()
    return ValidationFailed(errors=(fault, *others))


def _rejected(call: Call, outcome: Rejected) -> Reply:
    error = outcome.error
    if isinstance(error, VersionMismatch) and error.expected_version == _NEVER:
        required = PreconditionRequired(current_version=error.current_version)
        return refusal(call, required)
    reply = refusal(call, error, outcome.correlation_id)
    if outcome.replayed:
        reply.headers.append(REPLAYED)
    return reply


def _unknown(call: Call, outcome: Unknown) -> Reply:
    """Neither success nor failure: where to ask what became of it."""
    body = {
        "commandId": outcome.command_id,
        "correlationId": outcome.correlation_id,
        "outcome": "unknown",
    }
    location = _location(call, "/v1/commands/" + outcome.command_id)
    return Reply(202, [JSON, NO_STORE, location], orjson.dumps(body))


def _location(call: Call, path: str) -> tuple[bytes, bytes]:
    return (b"location", (call.prefix + path).encode("latin-1", "replace"))
