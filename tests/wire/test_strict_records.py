"""Names and instants of records, in every way that they are read and written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import attrs
import pytest
from cattrs import ClassValidationError, ForbiddenExtraKeysError

from healthpay_core import Err, Ok, PolicyRef, Problem, WalletKycLevelChanged
from healthpay_wire.strict import strict_converter, structure

T = TypeVar("T")


def _no_numbers(_: object, __: object, value: str) -> None:
    if value.isdigit():
        raise ValueError("must not look like a number")


@attrs.frozen
class Named:
    """A checked member whose name has two words."""

    card_token: str = attrs.field(validator=_no_numbers)


@dataclass(frozen=True, slots=True)
class Timed:
    """An instant that may be none, and has to be said."""

    expires_at: int | None


@attrs.frozen
class Page(Generic[T]):
    """A record of anything."""

    item: T


def test_a_checked_member_has_its_name_of_the_wire() -> None:
    """M9, E7: both where it is read and where its fault is."""
    assert structure(Named, {"cardToken": "tok"}) == Ok(Named("tok"))
    told = Problem("/cardToken", "must not look like a number")
    refused = structure(Named, {"cardToken": "4242"})
    assert isinstance(refused, Err)
    assert refused.error.errors == (told,)


@pytest.mark.parametrize("detailed", [True, False])
def test_no_instant_is_null(detailed: bool) -> None:
    """B2: where a time has to be said, none is null, both ways."""
    converter = strict_converter(detailed=detailed)
    assert converter.unstructure(Timed(None)) == {"expiresAt": None}
    assert converter.structure({"expiresAt": None}, Timed) == Timed(None)


def test_what_is_renamed_is_renamed_in_both_directions() -> None:
    """M9: ``from`` is no name in Python, and is the member's name on the wire."""
    event = WalletKycLevelChanged(
        from_level="basic",
        to_level="full",
        limit_policy=PolicyRef(id="p", version=1),
    )
    members = {"from": "basic", "to": "full", "limitPolicy": {"id": "p", "version": 1}}
    converter = strict_converter()
    assert converter.unstructure(event) == members
    assert converter.structure(members, WalletKycLevelChanged) == event


@pytest.mark.parametrize("detailed", [True, False])
def test_a_generic_record_is_not_read_by_laxer_rules(detailed: bool) -> None:
    """M1: what the strict rules cannot say the types of is refused."""
    converter = strict_converter(detailed=detailed)
    with pytest.raises(TypeError, match="is not a module, class"):
        converter.structure({"item": 1}, Page[int])


@pytest.mark.parametrize(
    ("detailed", "fault"),
    [(True, ClassValidationError), (False, ForbiddenExtraKeysError)],
)
def test_every_converter_refuses_unknown_members(
    detailed: bool, fault: type[Exception]
) -> None:
    """M1: whether it tells every fault, or stops at the first, which is quicker."""
    converter = strict_converter(detailed=detailed)
    with pytest.raises(fault):
        converter.structure({"expiresAt": None, "note": 1}, Timed)
