"""The endpoints that read; the store may block, so they run in worker threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

import orjson

from healthpay_core import (
    Committed,
    Err,
    Ok,
    OutcomeRecord,
    Problem,
    QueryPort,
    Rejected,
    Resource,
    StoreFault,
    StreamCorrupted,
    is_id,
)
from healthpay_core.refusals import (
    CorruptStream,
    MedCardNotFound,
    PaymentNotFound,
    StoreUnavailable,
    TransferNotFound,
    ValidationFailed,
    WalletNotFound,
)
from healthpay_core.views import TransferView
from healthpay_http.asgi import Receive
from healthpay_http.backend import Serving
from healthpay_http.call import Call
from healthpay_http.refusals import CommandNotFound
from healthpay_http.replies import Reply, json_reply, problem_members, refusal
from healthpay_http.routes import Route
from healthpay_http.settings import HttpSettings
from healthpay_wire.answers import encode_committed, resource_members
from healthpay_wire.envelopes import encode_recorded
from healthpay_wire.instants import parse_instant

Parameters: TypeAlias = Mapping[str, int]
Query: TypeAlias = Callable[[QueryPort, Call, Parameters], Reply]

_DEFAULT_PAGE: Final = 100
_RANGES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"version": (1, 2**53 - 1), "after": (0, 2**53 - 1), "limit": (1, 1000)}
)


class QueryEndpoint:
    """Answers one GET route below `/v1`."""

    def __init__(
        self, route: Route, query: Query, settings: HttpSettings, serving: Serving
    ) -> None:
        self._query = query
        self._names = route.query
        self._settings = settings
        self._serving = serving

    async def __call__(self, call: Call, _: Receive) -> Reply:
        serving = self._serving
        backend = serving.for_query(self._settings.max_in_flight)
        if backend is None:
            return refusal(call, StoreUnavailable())
        parameters = query_parameters(call.query_string, self._names)
        if isinstance(parameters, Err):
            return refusal(call, parameters.error)
        serving.queries_in_flight += 1
        try:
            return await asyncio.to_thread(
                self._query, backend.queries, call, parameters.value
            )
        except StoreFault:
            return refusal(call, StoreUnavailable())
        except StreamCorrupted as error:
            damage = CorruptStream(stream=error.stream, sequence=error.sequence)
            return refusal(call, damage)
        finally:
            serving.queries_in_flight -= 1


def query_parameters(
    query_string: str, names: tuple[str, ...]
) -> Ok[Parameters] | Err[ValidationFailed]:
    """The parameters as numbers; all faults at once, unknown names included."""
    values: dict[str, int] = {}
    faults: list[Problem] = []
    for name, text in parse_qsl(query_string, keep_blank_values=True):
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")[:64]
        if name not in names:
            faults.append(Problem(pointer, "is not a known parameter"))
        elif name in values:
            faults.append(Problem(pointer, "is given twice"))
        else:
            value = _instant(text) if name == "at" else _whole(name, text)
            values[name] = 0 if value is None else value
            if value is None:
                faults.append(Problem(pointer, _expectation(name)))
    if "at" in values and "version" in values:
        faults.append(Problem("/at", "must not be given together with version"))
    return Err(ValidationFailed(errors=tuple(faults))) if faults else Ok(values)


def _instant(text: str) -> int | None:
    # An offset's plus sign, unescaped, arrives as a space.
    return parse_instant(text.replace(" ", "+"))


def _whole(name: str, text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) < 17):
        return None
    low, high = _RANGES[name]
    return int(text) if low <= int(text) <= high else None


def _expectation(name: str) -> str:
    if name == "at":
        return "must be an RFC 3339 time with an offset"
    low, high = _RANGES[name]
    return f"must be an integer from {low} to {high}"


def get_wallet(queries: QueryPort, call: Call, parameters: Parameters) -> Reply:
    """A wallet now, at a version, or at an instant."""
    wallet = None
    if is_id(call.path_id):
        wallet = queries.wallet(
            call.path_id, version=parameters.get("version"), at=parameters.get("at")
        )
    if wallet is None:
        return refusal(call, WalletNotFound(wallet_id=call.shown_id))
    return _resource(wallet)


def get_transfer(queries: QueryPort, call: Call, _: Parameters) -> Reply:
    """A transfer now."""
    transfer = queries.transfer(call.path_id) if is_id(call.path_id) else None
    if transfer is None:
        return refusal(call, TransferNotFound(transfer_id=call.shown_id))
    return _resource(transfer)


def get_payment(queries: QueryPort, call: Call, _: Parameters) -> Reply:
    """A payment now."""
    payment = queries.payment(call.path_id) if is_id(call.path_id) else None
    if payment is None:
        return refusal(call, PaymentNotFound(payment_id=call.shown_id))
    return _resource(payment)


def get_medcard(queries: QueryPort, call: Call, _: Parameters) -> Reply:
    """A card now."""
    card = queries.medcard(call.path_id) if is_id(call.path_id) else None
    if card is None:
        return refusal(call, MedCardNotFound(card_id=call.shown_id))
    return _resource(card)


def get_events(queries: QueryPort, call: Call, parameters: Parameters) -> Reply:
    """A page of a wallet's history."""
    wallet_id, after = call.path_id, parameters.get("after", 0)
    limit = parameters.get("limit", _DEFAULT_PAGE)
    if not is_id(wallet_id):
        return refusal(call, WalletNotFound(wallet_id=call.shown_id))
    # One more than asked for tells whether there is a next page.
    found = queries.wallet_events(wallet_id, after=after, limit=limit + 1)
    if not found and not (after and queries.wallet_events(wallet_id, limit=1)):
        return refusal(call, WalletNotFound(wallet_id=wallet_id))
    page = found[:limit]
    more = page[-1].envelope.sequence if len(found) > limit else None
    body = {
        "events": [orjson.Fragment(encode_recorded(event)) for event in page],
        "next": more,
    }
    return json_reply(200, orjson.dumps(body))


def get_command(queries: QueryPort, call: Call, _: Parameters) -> Reply:
    """What became of a command; also the place to ask after a 202."""
    record = queries.command(call.path_id) if is_id(call.path_id) else None
    if record is None:
        return refusal(call, CommandNotFound(command_id=call.shown_id))
    return json_reply(200, _command_body(call, record))


def _command_body(call: Call, record: OutcomeRecord) -> bytes:
    outcome = record.outcome
    if isinstance(outcome, Rejected):
        members = problem_members(call, outcome.error, outcome.correlation_id)
        head = {"commandId": outcome.command_id, "outcome": "rejected"}
        return orjson.dumps(head | members)
    head_bytes = b'{"outcome":"committed","status":%d,' % _status(outcome)
    return head_bytes + encode_committed(outcome)[1:]


def _status(outcome: Committed) -> int:
    """201 for the commands that make their resource, else 200."""
    resource = outcome.resource
    made = resource.version == 1 or isinstance(resource, TransferView)
    return 201 if made else 200


def _resource(resource: Resource) -> Reply:
    name, members = resource_members(resource)
    reply = json_reply(200, orjson.dumps({name: members}))
    reply.headers.append((b"etag", b'"%d"' % resource.version))
    return reply


QUERIES: Final[Mapping[str, Query]] = MappingProxyType(
    {
        "wallet.get": get_wallet,
        "wallet.events": get_events,
        "transfer.get": get_transfer,
        "payment.get": get_payment,
        "medcard.get": get_medcard,
        "command.get": get_command,
    }
)
"""What each query of the route table does."""
