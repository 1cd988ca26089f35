"""Every state of a payment meets every order on it (rules P1-P17)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pytest

from healthpay_core import (
    EVENT_TYPES,
    AuthorizePayment,
    CapturePayment,
    Code,
    Command,
    ExpireAuthorization,
    Facts,
    FailPayment,
    PaymentView,
    RefundPayment,
    VoidPayment,
    payment_stream,
)
from healthpay_core.domain import view
from healthpay_core.testing import (
    NOW,
    after,
    funded,
    given,
    opened,
    payment,
    payment_id,
    wallet_id,
)

AHMED, SHOP = wallet_id("ahmed"), wallet_id("shop")
P = payment_id("payment")
AT_EXPIRY: Final = NOW + 7 * 86_400_000_000

PARTIES: Final = (*funded(AHMED, 100), *opened(SHOP, wallet_type="merchant"))
INITIATE: Final = payment(AHMED, SHOP, 100)
AUTHORIZE: Final = AuthorizePayment(payment_id=P)
CAPTURE: Final = CapturePayment(payment_id=P)
SOME: Final = CapturePayment(payment_id=P, amount=40, final=False)
VOID: Final = VoidPayment(payment_id=P)
EXPIRE: Final = ExpireAuthorization(payment_id=P)
FAIL: Final = FailPayment(payment_id=P)
REFUND: Final = RefundPayment(payment_id=P)
A_BIT: Final = RefundPayment(payment_id=P, amount=10)


def _agreed(*orders: Command) -> Facts:
    return after(*PARTIES, INITIATE, *orders)


def _expired() -> Facts:
    history = _agreed(AUTHORIZE)
    return (*history, *given(*history).when(EXPIRE, now=AT_EXPIRY).facts)


STATES: Final[dict[str, tuple[Facts, int]]] = {
    "absent": (after(*PARTIES), NOW),
    "initiated": (_agreed(), NOW),
    "authorized": (_agreed(AUTHORIZE), NOW),
    "in its last instant": (_agreed(AUTHORIZE), AT_EXPIRY - 1),
    "at its expiry": (_agreed(AUTHORIZE), AT_EXPIRY),
    "partly captured": (_agreed(AUTHORIZE, SOME), NOW),
    "partly captured at expiry": (_agreed(AUTHORIZE, SOME), AT_EXPIRY),
    "partly captured, returned": (_agreed(AUTHORIZE, SOME, REFUND), NOW),
    "captured": (_agreed(AUTHORIZE, CAPTURE), NOW),
    "partially refunded": (_agreed(AUTHORIZE, CAPTURE, A_BIT), NOW),
    "refunded": (_agreed(AUTHORIZE, CAPTURE, REFUND), NOW),
    "voided": (_agreed(AUTHORIZE, VOID), NOW),
    "expired": (_expired(), AT_EXPIRY),
    "declined": (_agreed(FAIL), NOW),
    "failed": (_agreed(AUTHORIZE, FAIL), NOW),
}
"""A history, and the time of the order that comes next."""

COMMANDS: Final[dict[str, Command]] = {
    "initiate": INITIATE,
    "authorize": AUTHORIZE,
    "capture all": CAPTURE,
    "capture some, final": CapturePayment(payment_id=P, amount=10),
    "capture some": CapturePayment(payment_id=P, amount=10, final=False),
    "void": VOID,
    "expire": EXPIRE,
    "fail": FAIL,
    "refund the rest": REFUND,
    "refund some": A_BIT,
}


@dataclass(frozen=True)
class Leads:
    """What an order leads to: the payment's status, the events in order."""

    status: str
    events: tuple[str, ...]


PAID: Final = ("wallet.debited", "wallet.credited", "payment.captured")
PAID_FINALLY: Final = (*PAID[:2], "wallet.hold_released", PAID[2])
GIVEN_BACK: Final = ("wallet.hold_released", "payment.voided")
RETURNED: Final = ("wallet.debited", "wallet.credited", "payment.refunded")

AGREES: Final = Leads("initiated", ("payment.initiated",))
HOLDS: Final = Leads("authorized", ("wallet.hold_placed", "payment.authorized"))
ENDS: Final = Leads("captured", PAID)
ENDS_EARLY: Final = Leads("captured", PAID_FINALLY)
GOES_ON: Final = Leads("authorized", PAID)
FREES: Final = Leads("voided", GIVEN_BACK)
FREES_REST: Final = Leads("captured", GIVEN_BACK)
DECLINES: Final = Leads("failed", ("payment.failed",))
GIVES_UP: Final = Leads("failed", ("wallet.hold_released", "payment.failed"))
RETURNS: Final = Leads("refunded", RETURNED)
RETURNS_SOME: Final = Leads("partially_refunded", RETURNED)
RETURNS_OPEN: Final = Leads("authorized", RETURNED)

NOT_FOUND: Final = Code.PAYMENT_NOT_FOUND
EXISTS: Final = Code.PAYMENT_ALREADY_EXISTS
STEP: Final = Code.INVALID_STATE_TRANSITION
NOT_YET: Final = Code.PAYMENT_NOT_AUTHORIZED
LATE: Final = Code.AUTHORIZATION_EXPIRED
CAPTURED: Final = Code.PAYMENT_ALREADY_CAPTURED
VOIDED: Final = Code.PAYMENT_ALREADY_VOIDED
NO_VOID: Final = Code.PAYMENT_NOT_VOIDABLE
NOTHING: Final = Code.PAYMENT_NOT_CAPTURED
DONE: Final = Code.PAYMENT_ALREADY_REFUNDED
BEYOND: Final = Code.REFUND_EXCEEDS_CAPTURED

# One row per command, one column per state, in the order of `STATES`.
MATRIX: Final[dict[str, tuple[Leads | Code, ...]]] = {
    "initiate": (AGREES, *(EXISTS,) * 14),
    "authorize": (NOT_FOUND, HOLDS, *(STEP,) * 13),
    "capture all": (
        *(NOT_FOUND, NOT_YET, ENDS, ENDS, LATE, ENDS, LATE),
        *(Leads("partially_refunded", PAID), CAPTURED, CAPTURED, CAPTURED),
        *(VOIDED, VOIDED, STEP, STEP),
    ),
    "capture some, final": (
        *(NOT_FOUND, NOT_YET, ENDS_EARLY, ENDS_EARLY, LATE, ENDS_EARLY, LATE),
        *(Leads("partially_refunded", PAID_FINALLY), CAPTURED, CAPTURED, CAPTURED),
        *(VOIDED, VOIDED, STEP, STEP),
    ),
    "capture some": (
        *(NOT_FOUND, NOT_YET, GOES_ON, GOES_ON, LATE, GOES_ON, LATE, GOES_ON),
        *(CAPTURED, CAPTURED, CAPTURED, VOIDED, VOIDED, STEP, STEP),
    ),
    "void": (
        *(NOT_FOUND, NO_VOID, FREES, FREES, FREES, FREES_REST, FREES_REST),
        *(Leads("refunded", GIVEN_BACK), *(NO_VOID,) * 7),
    ),
    "expire": (
        *(NOT_FOUND, NO_VOID, NO_VOID, NO_VOID, FREES, NO_VOID, FREES_REST),
        *(NO_VOID,) * 8,
    ),
    "fail": (NOT_FOUND, DECLINES, GIVES_UP, GIVES_UP, GIVES_UP, *(STEP,) * 10),
    "refund the rest": (
        *(NOT_FOUND, NOTHING, NOTHING, NOTHING, NOTHING, RETURNS_OPEN, RETURNS_OPEN),
        *(DONE, RETURNS, RETURNS, DONE, NOTHING, NOTHING, NOTHING, NOTHING),
    ),
    "refund some": (
        *(NOT_FOUND, NOTHING, NOTHING, NOTHING, NOTHING, RETURNS_OPEN, RETURNS_OPEN),
        *(DONE, RETURNS_SOME, RETURNS_SOME, DONE),
        *(NOTHING, NOTHING, NOTHING, NOTHING),
    ),
}

CELLS = [
    (state, command, answer)
    for command, row in MATRIX.items()
    for state, answer in zip(STATES, row, strict=True)
]


def test_the_matrix_is_complete() -> None:
    """P1-P17: every order has an answer in every state."""
    assert set(MATRIX) == set(COMMANDS)
    assert len(CELLS) == len(STATES) * len(COMMANDS) == 150


def test_the_states_are_what_they_are_called() -> None:
    """P1-P17: the columns cover every status of a payment."""
    found = set()
    for facts, _ in STATES.values():
        state = given(*facts).states().get(payment_stream(P))
        if state is not None:
            shown = view(payment_stream(P), state, 1)
            assert isinstance(shown, PaymentView)
            found.add(shown.status)
    assert found == {
        *("initiated", "authorized", "captured", "partially_refunded"),
        *("refunded", "voided", "failed"),
    }


@pytest.mark.parametrize(("state", "command", "answer"), CELLS)
def test_every_state_answers_every_order(
    state: str, command: str, answer: Leads | Code
) -> None:
    """P1-P17: the exact events and status, or the exact code, of each cell."""
    history, now = STATES[state]
    verdict = given(*history).when(COMMANDS[command], now=now)
    if isinstance(answer, Code):
        verdict.refused(answer)
        return
    names = tuple(EVENT_TYPES[type(event)].name for event in verdict.events)
    assert names == answer.events
    states = given(*history, *verdict.facts).states()
    shown = view(payment_stream(P), states[payment_stream(P)], 1)
    assert isinstance(shown, PaymentView)
    assert shown.status == answer.status
