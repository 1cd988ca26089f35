"""Bytes that are no request or slip say what is wrong with them (E7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from healthpay_core import CommandRequest, Err, Ok, VoidPayment
from healthpay_core.payment.steps import BeginOperation
from healthpay_core.refusals import ValidationFailed
from healthpay_core.slips import first
from healthpay_core.testing import (
    create,
    deposit,
    payment_id,
    request,
    transfer,
    wallet_id,
)
from healthpay_wire.requests import (
    decode_request,
    decode_slip,
    encode_request,
    encode_slip,
    parse_request,
    parse_slip,
)

A, B = wallet_id("a"), wallet_id("b")


def _changed(text: bytes, member: str, value: object) -> bytes:
    members: dict[str, Any] = orjson.loads(text)
    members[member] = value
    return orjson.dumps(members)


@pytest.mark.parametrize(
    ("member", "value", "why"),
    [
        ("commandId", 5, "TypeError must be a string"),
        ("tenantId", 5, "TypeError must be a string"),
        ("expectedVersion", True, "TypeError expectedVersion must be an integer"),
        ("command", {}, "TypeError must be a name and members"),
        ("more", 1, "TypeError unknown members ['more']"),
        ("command", ["wallet.nothing", {}], "KeyError 'wallet.nothing'"),
    ],
)
def test_a_faulty_request_says_why(member: str, value: object, why: str) -> None:
    """H7: of the whole of it, with the kind of fault and the fault."""
    text = _changed(encode_request(request(create(A), "c")), member, value)
    detail = f"is not a command request: {why}"
    assert decode_request(text) == Err(ValidationFailed.at("", detail))


def test_an_order_on_a_wallet_is_named_where_it_has_no_place() -> None:
    """T5: only orders on payments are operations of one."""
    void = VoidPayment(payment_id=payment_id("p"))
    begin = BeginOperation(payment_id=payment_id("p"), operation_id="o", order=void)
    members: Any = orjson.loads(encode_request(request(begin, "c")))
    members["command"][1]["order"] = ["wallet.confirm", {"walletId": "w"}]
    refused = decode_request(orjson.dumps(members))
    assert isinstance(refused, Err)
    detail = refused.error.errors[0].detail
    assert detail.endswith("wallet.confirm has no place here")


@pytest.mark.parametrize(
    ("member", "value", "why"),
    [
        ("timeLimitS", True, "TypeError timeLimitS must be an integer"),
        ("timeLimitS", 1.5, "TypeError timeLimitS must be an integer"),
        ("step", 5, "TypeError must be a string"),
    ],
)
def test_a_faulty_slip_says_why(member: str, value: object, why: str) -> None:
    """E7, T6: as a request does."""
    going = first(CommandRequest(command=transfer(A, B, 5)))
    text = _changed(encode_slip(going.slip), member, value)
    assert decode_slip(text) == Err(ValidationFailed.at("", f"is not a slip: {why}"))


def test_what_is_said_of_a_fault_is_bounded() -> None:
    """E6: a long value is not sent back whole."""
    text = _changed(encode_request(request(deposit(A, 5), "c")), "x" * 999, 1)
    refused = decode_request(text)
    assert isinstance(refused, Err)
    assert len(refused.error.errors[0].detail) == 300


def test_a_slip_keeps_its_own_time_limit() -> None:
    """T7: also where it is not the usual one."""
    slip = replace(
        first(CommandRequest(command=transfer(A, B, 5))).slip, time_limit_s=7
    )
    assert decode_slip(encode_slip(slip)) == Ok(slip)


def test_what_was_parsed_already_is_read_as_bytes_are() -> None:
    """B3, E7: the same request or slip, or the same fault."""
    going = first(CommandRequest(command=transfer(A, B, 5)))
    asked, slip = encode_request(going.slip.root), encode_slip(going.slip)
    assert parse_request(orjson.loads(asked)) == Ok(going.slip.root)
    assert parse_slip(orjson.loads(slip)) == Ok(going.slip)
    for text in (_changed(asked, "more", 1), b"[]", b"null"):
        assert isinstance(decode_request(text), Err)
        assert parse_request(orjson.loads(text)) == decode_request(text)
    for text in (_changed(slip, "step", 5), b"[]", b"null"):
        assert isinstance(decode_slip(text), Err)
        assert parse_slip(orjson.loads(text)) == decode_slip(text)
