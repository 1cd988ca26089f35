"""Answers are, member by member, what the HTTP contract shows (H1, I4)."""

from __future__ import annotations

import orjson
import pytest

from healthpay_core import Committed, EventRef, Resource, derive_id, event_id
from healthpay_core.testing import (
    card_id,
    command_id,
    payment_id,
    transfer_id,
    wallet_id,
)
from healthpay_core.testing.samples import RESOURCES
from healthpay_wire.answers import (
    encode_committed,
    pack_outcome,
    resource_members,
    unpack_outcome,
)

SAMPLE, OTHER = wallet_id("sample"), wallet_id("other sample")
PAYMENT = {
    "paymentId": payment_id("sample"),
    "payerWalletId": SAMPLE,
    "merchantWalletId": OTHER,
    "amount": 5,
    "currency": "EGP",
}
MEMBERS = (
    (
        "wallet",
        {
            "walletId": SAMPLE,
            "ownerId": "owner-1",
            "walletType": "business",
            "currency": "EGP",
            "kycLevel": "basic",
            "status": "suspended",
            "balance": 9007199254740991,
            "held": 1,
            "available": 9007199254740990,
            "version": 7,
        },
    ),
    (
        "transfer",
        {
            "transferId": transfer_id("sample"),
            "sourceWalletId": SAMPLE,
            "destinationWalletId": OTHER,
            "amount": 5,
            "currency": "EGP",
            "status": "completed",
            "reference": None,
            "version": 2,
        },
    ),
    (
        "payment",
        {
            **PAYMENT,
            "method": "medcard",
            "captureMethod": "manual",
            "status": "authorized",
            "authorizedAmount": 5,
            "capturedAmount": 2,
            "refundedAmount": 1,
            "expiresAt": "2026-03-02T08:00:00.000000Z",
            "version": 4,
        },
    ),
    (
        "payment",
        {
            **PAYMENT,
            "method": "wallet",
            "captureMethod": "automatic",
            "status": "initiated",
            "authorizedAmount": 0,
            "capturedAmount": 0,
            "refundedAmount": 0,
            "expiresAt": None,
            "version": 1,
        },
    ),
    (
        "medcard",
        {
            "cardId": card_id("sample"),
            "walletId": SAMPLE,
            "cardToken": "token-1",
            "last4": "4242",
            "expMonth": 12,
            "expYear": 2027,
            "form": "virtual",
            "status": "issued",
            "version": 1,
        },
    ),
)


def _committed(resource: Resource) -> Committed:
    command = command_id("shown")
    kinds = ("wallet.hold_placed", "payment.authorized")
    return Committed(
        command_id=command,
        correlation_id=derive_id("talk"),
        resource=resource,
        events=tuple(
            EventRef(
                event_id=event_id(SAMPLE, command, index),
                event_type=kind,
                aggregate_id=SAMPLE,
                sequence=4 + index,
            )
            for index, kind in enumerate(kinds)
        ),
    )


@pytest.mark.parametrize(
    ("resource", "shown"), list(zip(RESOURCES, MEMBERS, strict=True))
)
def test_each_resource_is_shown_in_full(
    resource: Resource, shown: tuple[str, dict[str, object]]
) -> None:
    """H1: every member by its name, in its form, and no other."""
    assert resource_members(resource) == shown
    assert list(resource_members(resource)[1]) == list(shown[1])


def test_a_success_names_its_events() -> None:
    """H1: resource, events in order, command and conversation."""
    outcome = _committed(RESOURCES[0])
    first, second = outcome.events
    assert orjson.loads(encode_committed(outcome)) == {
        "wallet": MEMBERS[0][1],
        "events": [
            {
                "eventId": first.event_id,
                "eventType": "wallet.hold_placed",
                "aggregateId": SAMPLE,
                "sequence": 4,
            },
            {
                "eventId": second.event_id,
                "eventType": "payment.authorized",
                "aggregateId": SAMPLE,
                "sequence": 5,
            },
        ],
        "commandId": outcome.command_id,
        "correlationId": derive_id("talk"),
    }


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_stored_success_of_any_resource_round_trips(resource: Resource) -> None:
    """I4: what was answered first is answered again."""
    outcome = _committed(resource)
    again = unpack_outcome(
        pack_outcome(outcome), outcome.command_id, outcome.correlation_id
    )
    assert again == outcome


def test_ids_that_follow_from_the_command_are_not_stored() -> None:
    """I8: of steps they do not follow, and are."""
    outcome = _committed(RESOURCES[0])
    of_steps = pack_outcome(outcome, of_steps=True)
    for event in outcome.events:
        assert event.event_id.encode() not in pack_outcome(outcome)
        assert event.event_id.encode() in of_steps


@pytest.mark.parametrize("change", [list[object].pop, lambda values: values.append(1)])
def test_a_packed_resource_has_all_its_members_and_no_more(change: object) -> None:
    """I4: a member too few or too many is damage, not a guess."""
    packed = orjson.loads(pack_outcome(_committed(RESOURCES[1])))
    assert callable(change)
    change(packed[1])
    with pytest.raises(ValueError, match=r"^not a packed outcome$"):
        unpack_outcome(orjson.dumps(packed), command_id("shown"), "talk")
