"""Ids that are derived, and the names of streams."""

from __future__ import annotations

from uuid import uuid5

import pytest

from healthpay_core import derive_id, is_id
from healthpay_core.ids import (
    NAMESPACE,
    StreamId,
    event_id,
    medcard_stream,
    payment_stream,
    transfer_stream,
    wallet_stream,
)

NAMES = ("", "a", "a/b/0", "café", "x" * 500)


@pytest.mark.parametrize("name", NAMES)
def test_a_derived_id_is_the_uuid5_of_its_name(name: str) -> None:
    """I8: any library can work it out again, in HealthPay's namespace."""
    found = derive_id(name)
    assert found == str(uuid5(NAMESPACE, name))
    assert is_id(found)


def test_what_was_derived_before_does_not_matter() -> None:
    """I8: the same name has the same id, whatever was derived in between."""
    forth = [derive_id(name) for name in NAMES]
    back = [derive_id(name) for name in reversed(NAMES)]
    assert forth == back[::-1]


def test_an_event_id_names_aggregate_command_and_place() -> None:
    """I8: each of the three makes another id."""
    assert event_id("w", "c", 0) == derive_id("w/c/0")
    ids = {event_id("w", "c", 0), event_id("w", "c", 1), event_id("v", "c", 0)}
    assert len(ids | {event_id("w", "d", 0)}) == 4


def test_a_stream_is_named_by_kind_and_id() -> None:
    """V1: the name of a stream is that of its aggregate's kind, and the id."""
    assert wallet_stream("x") == StreamId("wallet/x")
    assert transfer_stream("x") == StreamId("transfer/x")
    assert payment_stream("x") == StreamId("payment/x")
    assert medcard_stream("x") == StreamId("medcard/x")
