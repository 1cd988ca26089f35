"""An authorisation in steps refuses what the atomic one refuses first (D6, E2)."""

from __future__ import annotations

from itertools import combinations

import pytest

from healthpay_core import Code, Rejected
from healthpay_core.payment_sagas import PaymentSaga
from healthpay_core.testing import Workbench, request
from tests.core.card_room import AHMED, AUTHORIZE, FAULTS, PARTIES, faulty

# What the payment's own stream can say, it says before it asks any other.
OWN = ("done already", "not eligible")
ORDER = (*OWN, *(fault for fault in FAULTS if fault not in OWN))


def refused(room: Workbench, code: Code) -> Rejected:
    """The authorisation in steps is refused so, and holds nothing."""
    saga = PaymentSaga(room.handler.handle, room.store)
    outcome = saga.run(request(AUTHORIZE, "in steps"), AUTHORIZE)
    assert isinstance(outcome, Rejected)
    assert outcome.error.code is code
    assert room.wallet(AHMED).held == 0
    return outcome


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_refuses_in_steps_too(fault: str) -> None:
    """D6, D11, W5: card, payer, merchant, category, limits, funds, and whose it is."""
    outcome = refused(faulty(fault), FAULTS[fault])
    party = dict(outcome.error.details()).get("party")
    assert party == PARTIES.get(fault)


@pytest.mark.parametrize(("first", "second"), list(combinations(ORDER, 2)))
def test_of_two_faults_the_earlier_is_told_in_steps_too(
    first: str, second: str
) -> None:
    """D6, E2: the same order as in one append, but for what needs no other stream."""
    refused(faulty(first, second), FAULTS[first])
