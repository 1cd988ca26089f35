"""The strict converter: exact types, every fault at once, in its place."""

from __future__ import annotations

from typing import Literal

import attrs
import pytest

from healthpay_core import Err, Ok, Problem, WalletKycLevelChanged
from healthpay_wire.strict import strict_converter, structure


@attrs.frozen
class Inner:
    """A nested record."""

    day: int


@attrs.frozen
class Body:
    """One of everything that a body has."""

    amount: int
    reason: Literal["deposit", "fee"]
    reference: str = attrs.field(default="", validator=attrs.validators.max_len(5))
    final_one: bool = True
    inner: Inner | None = None
    tags: tuple[str, ...] = ()
    expires_at: int | None = None


def _problems(value: object) -> set[tuple[str, str]]:
    result = structure(Body, value)
    assert isinstance(result, Err), result
    assert all(isinstance(problem, Problem) for problem in result.error.errors)
    return {(problem.pointer, problem.detail) for problem in result.error.errors}


def test_a_good_body_is_built() -> None:
    """M9: what has the right shape is taken as it is."""
    value = {
        "amount": 1,
        "reason": "fee",
        "finalOne": False,
        "inner": {"day": 3},
        "tags": ["a", "b"],
        "expiresAt": "1970-01-01T00:00:01Z",
    }
    built = Body(1, "fee", "", False, Inner(3), ("a", "b"), 1_000_000)
    assert structure(Body, value) == Ok(built)


@pytest.mark.parametrize(
    "amount", [1.0, 1e2, "7", True, None, [1], {"a": 1}, 18446744073709551616.0]
)
def test_only_an_integer_is_an_amount(amount: object) -> None:
    """M1, M9: bool, float and text are refused, also 1.0 and 1e2."""
    found = _problems({"amount": amount, "reason": "fee"})
    assert found == {("/amount", "must be a JSON integer")}


@pytest.mark.parametrize(
    ("member", "value", "detail"),
    [
        ("reason", "loan", "must be one of deposit, fee"),
        ("reason", 1, "must be one of deposit, fee"),
        ("reason", ["fee"], "must be one of deposit, fee"),
        ("reference", 1, "must be a string"),
        ("finalOne", 1, "must be true or false"),
        ("finalOne", "true", "must be true or false"),
        ("tags", "ab", "must be a JSON array"),
        ("tags", {"a": 1}, "must be a JSON array"),
        ("inner", "x", "must be a JSON object"),
        ("expiresAt", 5, "must be an RFC 3339 time with an offset"),
        ("expiresAt", "2026-11-25", "must be an RFC 3339 time with an offset"),
    ],
)
def test_a_wrong_member_is_named(member: str, value: object, detail: str) -> None:
    """E7: the pointer names the member, the detail says what it must be."""
    found = _problems({"amount": 1, "reason": "fee", member: value})
    assert found == {(f"/{member}", detail)}


def test_all_faults_are_found_at_once() -> None:
    """E7: one answer lists every fault, nested ones and unknown members too."""
    value = {
        "amount": 1.5,
        "reference": "too long",
        "inner": {"day": "x", "no/pe~": 1},
        "openingBalance": 5,
    }
    pointers = {pointer for pointer, _ in _problems(value)}
    assert pointers == {
        "/amount",
        "/reason",
        "/reference",
        "/inner/day",
        "/inner/no~1pe~0",
        "/openingBalance",
    }


def test_a_missing_member_is_named() -> None:
    """E7: what is missing is said to be required."""
    assert _problems({"reason": "fee"}) == {("/amount", "is required")}


@pytest.mark.parametrize("value", [[], "x", 3, None, True])
def test_anything_but_an_object_is_refused(value: object) -> None:
    """H7: the body is a JSON object."""
    assert _problems(value) == {("", "must be a JSON object")}


def _token(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if value == "bare":
        raise ValueError
    if value == "odd":
        raise ValueError("is no token")
    if value == "told":
        raise ValueError(f"must be {attribute.name}")
    if value:
        raise ValueError(f"secrets of {value}")


@attrs.frozen
class Checked:
    """A member with a validator that says all kinds of things."""

    token: str = attrs.field(default="", validator=_token)


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("odd", "is no token"),
        ("told", "must be token"),
        ("x", "is not valid"),
        ("bare", "is not valid"),
        (7, "must be a string"),
    ],
)
def test_only_sentences_that_are_meant_for_callers_are_said(
    value: object, detail: str
) -> None:
    """E5, E7: texts of other exceptions stay inside."""
    refused = structure(Checked, {"token": value})
    assert isinstance(refused, Err)
    assert refused.error.errors == (Problem("/token", detail),)
    assert structure(Checked, {"token": ""}) == Ok(Checked(""))


class Outer:
    """Something that a class can be in."""

    @attrs.frozen
    class TransferFailed:
        """A class whose member has another name on the wire."""

        failure_code: int


def test_a_pointer_has_the_names_of_the_wire() -> None:
    """E7: also of members that are called otherwise there, wherever the class is."""
    value = {"from": 1, "to": "full", "limitPolicy": {"id": "p", "version": "1"}}
    refused = structure(WalletKycLevelChanged, value)
    assert isinstance(refused, Err)
    pointers = {problem.pointer for problem in refused.error.errors}
    assert pointers == {"/from", "/limitPolicy/version"}
    nested = structure(Outer.TransferFailed, {"code": "x"})
    assert isinstance(nested, Err)
    assert nested.error.errors == (Problem("/code", "must be a JSON integer"),)


def test_a_pointer_is_bounded() -> None:
    """E7, H7: a name of any length is told in 128 characters."""
    ((pointer, _),) = _problems({"amount": 1, "reason": "fee", "x" * 200: 1})
    assert pointer == "/" + "x" * 128


@pytest.mark.parametrize("detailed", [True, False])
def test_what_is_written_is_what_is_read(detailed: bool) -> None:
    """M9, B2: names and instants of the wire, and nothing of what is as usual."""
    converter = strict_converter(detailed=detailed)
    body = Body(1, "fee", "", False, Inner(3), ("a", "b"), 1_000_000)
    written = {
        "amount": 1,
        "reason": "fee",
        "finalOne": False,
        "inner": {"day": 3},
        "tags": ["a", "b"],
        "expiresAt": "1970-01-01T00:00:01.000000Z",
    }
    assert converter.unstructure(body) == written
    assert converter.structure(written, Body) == body
    assert converter.unstructure(Body(1, "fee")) == {"amount": 1, "reason": "fee"}
