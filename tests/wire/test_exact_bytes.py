"""What is written is the same every time, and what is read is of its exact type."""

from __future__ import annotations

import orjson
import pytest

from healthpay_core.wallet.state import ActiveWallet, WalletProfile
from healthpay_wire.instants import parse_instant
from healthpay_wire.snapshots import _sorted, decode_state, encode_state

PROFILE = WalletProfile(
    owner_id="o", wallet_type="personal", currency="EGP", kyc_level="full"
)


def test_references_are_written_in_order() -> None:
    """C7, A1: a set has no order, the bytes of a snapshot have one."""
    references = {f"deposit:{number:02}" for number in range(40)}
    state = ActiveWallet(profile=PROFILE, references=frozenset(references))
    written = encode_state(state)
    assert orjson.loads(written)[2]["references"] == sorted(references)
    assert decode_state(written) == state


def test_what_json_has_no_form_for_is_not_written() -> None:
    """A1: a state with something else in it is a mistake, and is named."""
    with pytest.raises(TypeError, match=r"^no form for complex$"):
        _sorted(1j)


def test_an_instant_is_a_whole_number_of_microseconds() -> None:
    """B2: never a float, whose last digits would be lost."""
    instant = parse_instant("2026-11-25T09:30:00.000001Z")
    assert type(instant) is int
    assert instant == 1_795_599_000_000_001
