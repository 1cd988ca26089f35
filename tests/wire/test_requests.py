"""Command requests and slips come back from bytes as they were, or are refused."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import orjson
import pytest

from healthpay_core import Actor, CommandRequest, Err, Ok, Unknown, derive_id
from healthpay_core.domain import Command, primary_stream
from healthpay_core.payment.steps import BeginOperation
from healthpay_core.slips import Finished, Travel, after, first
from healthpay_core.states import load
from healthpay_core.testing import Workbench, create, deposit, funded, wallet_id
from healthpay_wire.requests import (
    COMMAND_TYPES,
    command_name,
    decode_request,
    decode_slip,
    encode_request,
    encode_slip,
)
from tests.core.test_payment_saga import SETUP, STORIES, _sent
from tests.core.test_slips import CASES, PENDING, A, B


def _value(kind: Any, *, whole: bool) -> Any:
    """A value of a type; `whole` sets what may be left out."""
    origin = get_origin(kind)
    if origin is Literal:
        return get_args(kind)[-1]
    if origin in (Union, UnionType):
        chosen = [k for k in get_args(kind) if k is not NoneType]
        return _value(chosen[-1], whole=whole)
    if origin in (tuple, frozenset):
        return origin([_value(get_args(kind)[0], whole=whole)])
    if is_dataclass(kind) and isinstance(kind, type):
        return _command(kind, whole=whole)
    return {int: 1_234_567, str: "ä text", bool: True}[kind]


def _command(cls: type, *, whole: bool) -> Any:
    hints = get_type_hints(cls)
    return cls(
        **{
            f.name: _value(hints[f.name], whole=whole)
            for f in fields(cls)
            if whole or (f.default is MISSING and f.default_factory is MISSING)
        }
    )


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "bare"])
@pytest.mark.parametrize("name", COMMAND_TYPES)
def test_every_command_comes_back(name: str, whole: bool) -> None:
    """B3: each command of the catalogue, with all members and with the fewest."""
    command = _command(COMMAND_TYPES[name], whole=whole)
    assert command_name(command) == name
    request = CommandRequest(command=command, command_id=derive_id(name))
    if whole:
        request = replace(
            request,
            fingerprint=b"\x00\xff",
            actor=Actor(type="user", id="u-1"),
            expected_version=7,
            correlation_id="c",
            causation_id="d",
            tenant_id="t",
            traceparent="00-1-2-01",
        )
    assert decode_request(encode_request(request)) == Ok(request)


def test_the_catalogue_is_whole() -> None:
    """B3: every command of the domain has a name, and each name one command."""
    assert set(COMMAND_TYPES.values()) == set(get_args(Command))
    assert len(set(COMMAND_TYPES.values())) == len(COMMAND_TYPES)


@pytest.mark.parametrize("order", get_args(get_type_hints(BeginOperation)["order"]))
def test_an_operation_says_which_it_is(order: type) -> None:
    """T5: the order within the beginning of an operation comes back as what it was."""
    begin = BeginOperation(
        payment_id="p", operation_id="o", order=_command(order, whole=True)
    )
    request = CommandRequest(command=begin)
    assert decode_request(encode_request(request)) == Ok(request)


@pytest.mark.parametrize("name", [*CASES, *STORIES])
def test_a_slip_comes_back_at_every_step(name: str) -> None:
    """T6: whatever a process has learnt on its way travels in bytes."""
    bench = Workbench()
    if name in STORIES:
        bench.do(*SETUP)
        *before, root = _sent(STORIES[name])
    else:
        commands, root = CASES[name]
        bench.do(*_wallets())
        before = [CommandRequest(command=c) for c in commands]
    for request in before:
        bench.handle(request)
    going: Travel | Finished = first(root)
    while not isinstance(going, Finished):
        assert decode_slip(encode_slip(going.slip)) == Ok(going.slip)
        outcome = bench.handle(going.request)[0]
        assert not isinstance(outcome, Unknown)
        state, _ = load(bench.store, primary_stream(going.request.command))
        going = after(going.slip, outcome, state)


def _wallets() -> tuple[Command, ...]:
    return (*funded(A, 100), *funded(B, 5), create(PENDING))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("unknown",), 1),
        (("commandId",), 5),
        (("expectedVersion",), True),
        (("actor",), "system"),
        (("fingerprint",), 3),
        (("tenantId",), 3),
        (("command",), ["wallet.credit"]),
        (("command",), {"wallet.credit": {}}),
        (("command", 0), "wallet.nothing"),
        (("command", 1, "amount"), 1.0),
        (("command", 1, "amount"), True),
        (("command", 1, "amount"), "1"),
        (("command", 1, "more"), 1),
    ],
)
def test_what_is_not_exactly_a_request_is_refused(
    path: tuple[str | int, ...], value: object
) -> None:
    """M1, H7: wrong types, unknown members and unknown commands are no request."""
    text = encode_request(CommandRequest(command=deposit(wallet_id("a"), 5)))
    members: Any = orjson.loads(text)
    place = members
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    refused = decode_request(orjson.dumps(members))
    assert isinstance(refused, Err)
    assert "is not a command request" in refused.error.errors[0].detail


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_bytes_that_are_no_slip_are_refused(value: bytes) -> None:
    """E7: a slip that cannot be read says so, and nothing is raised."""
    assert isinstance(decode_slip(value), Err)
    assert isinstance(decode_request(value), Err)


def test_a_wallet_has_no_place_in_an_operation() -> None:
    """T5: only an order on a payment can be begun as one."""
    begin = BeginOperation(
        payment_id="p",
        operation_id="o",
        order=_command(COMMAND_TYPES["payment.void"], whole=False),
    )
    members = orjson.loads(encode_request(CommandRequest(command=begin)))
    members["command"][1]["order"] = ["wallet.confirm", {"walletId": "w"}]
    assert isinstance(decode_request(orjson.dumps(members)), Err)
