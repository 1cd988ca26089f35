"""Every state of a card meets every order on it (rules D1-D5)."""

from __future__ import annotations

from typing import Final

import pytest

from healthpay_core import (
    EVENT_TYPES,
    ActivateMedCard,
    CancelMedCard,
    Code,
    Command,
    ExpireMedCard,
    Facts,
    MedCardView,
    SuspendMedCard,
    medcard_stream,
)
from healthpay_core.domain import view
from healthpay_core.testing import (
    NOW,
    after,
    card_id,
    given,
    instant,
    issue,
    issued,
    opened,
    wallet_id,
)

AHMED = wallet_id("ahmed")
CARD = card_id("card")
LATER: Final = instant("2028-01-01T00:00:00+02:00")
"""The first instant after the card's last month."""

OWNER: Final = opened(AHMED)
ISSUE: Final = issue(CARD, AHMED)
ACTIVATE: Final = ActivateMedCard(card_id=CARD)
SUSPEND: Final = SuspendMedCard(card_id=CARD, reason_code="user_request")
LOSE: Final = SuspendMedCard(card_id=CARD, reason_code="lost")
CANCEL: Final = CancelMedCard(card_id=CARD, reason="damaged")
EXPIRE: Final = ExpireMedCard(card_id=CARD)

NEW: Final = after(*OWNER, ISSUE)
ACTIVE: Final = after(*OWNER, *issued(CARD, AHMED))
SUSPENDED: Final = after(*OWNER, *issued(CARD, AHMED), SUSPEND)
LOST: Final = after(*OWNER, *issued(CARD, AHMED), LOSE)

STATES: Final[dict[str, tuple[Facts, int]]] = {
    "absent": (after(*OWNER), NOW),
    "absent, its month over": (after(*OWNER), LATER),
    "issued": (NEW, NOW),
    "issued, its month over": (NEW, LATER),
    "active": (ACTIVE, NOW),
    "active in its last instant": (ACTIVE, LATER - 1),
    "active, its month over": (ACTIVE, LATER),
    "suspended": (SUSPENDED, NOW),
    "suspended, its month over": (SUSPENDED, LATER),
    "lost": (LOST, NOW),
    "lost, its month over": (LOST, LATER),
    "expired": ((*ACTIVE, *given(*ACTIVE).when(EXPIRE, now=LATER).facts), LATER),
    "cancelled": (after(*OWNER, *issued(CARD, AHMED), CANCEL), NOW),
    "cancelled, its month over": (after(*OWNER, ISSUE, CANCEL), LATER),
}
"""A history, and the time of the order that comes next."""

COMMANDS: Final[dict[str, Command]] = {
    "issue": ISSUE,
    "activate": ACTIVATE,
    "suspend": SUSPEND,
    "report lost": LOSE,
    "cancel": CANCEL,
    "expire": EXPIRE,
}

NOT_FOUND: Final = Code.MEDCARD_NOT_FOUND
EXISTS: Final = Code.MEDCARD_ALREADY_EXISTS
STEP: Final = Code.INVALID_STATE_TRANSITION
OVER: Final = Code.CARD_EXPIRED
STAYS_OFF: Final = Code.CARD_NOT_RESUMABLE
LEADS_TO: Final = {
    "issued": "medcard.issued",
    "active": "medcard.activated",
    "suspended": "medcard.suspended",
    "cancelled": "medcard.cancelled",
    "expired": "medcard.expired",
}
"""The one event that leads to a status."""

# One row per command, one column per state, in the order of `STATES`; a code,
# or the status that the command leads to.
MATRIX: Final[dict[str, tuple[Code | str, ...]]] = {
    "issue": ("issued", OVER, *(EXISTS,) * 12),
    "activate": (
        *(NOT_FOUND, NOT_FOUND, "active", OVER, STEP, STEP, STEP),
        *("active", OVER, STAYS_OFF, OVER, OVER, STEP, STEP),
    ),
    "suspend": (
        *(NOT_FOUND, NOT_FOUND, STEP, STEP, "suspended", "suspended", OVER),
        *(STEP, STEP, STEP, STEP, OVER, STEP, STEP),
    ),
    "report lost": (
        *(NOT_FOUND, NOT_FOUND, STEP, STEP, "suspended", "suspended", OVER),
        *(STEP, STEP, STEP, STEP, OVER, STEP, STEP),
    ),
    "cancel": (NOT_FOUND, NOT_FOUND, *("cancelled",) * 9, STEP, STEP, STEP),
    "expire": (
        *(NOT_FOUND, NOT_FOUND, STEP, "expired", STEP, STEP, "expired"),
        *(STEP, "expired", STEP, "expired", STEP, STEP, STEP),
    ),
}

CELLS = [
    (state, command, answer)
    for command, row in MATRIX.items()
    for state, answer in zip(STATES, row, strict=True)
]


def test_the_matrix_is_complete() -> None:
    """D1-D5: every order has an answer in every state."""
    assert set(MATRIX) == set(COMMANDS)
    assert len(CELLS) == len(STATES) * len(COMMANDS) == 84


@pytest.mark.parametrize(("state", "command", "answer"), CELLS)
def test_every_state_answers_every_order(
    state: str, command: str, answer: Code | str
) -> None:
    """D1-D5: the exact status and event, or the exact code, of each cell."""
    history, now = STATES[state]
    verdict = given(*history).when(COMMANDS[command], now=now)
    if isinstance(answer, Code):
        verdict.refused(answer)
        return
    (event,) = verdict.events
    assert EVENT_TYPES[type(event)].name == LEADS_TO[answer]
    after_it = given(*history, *verdict.facts).states()[medcard_stream(CARD)]
    shown = view(medcard_stream(CARD), after_it, 1)
    assert isinstance(shown, MedCardView)
    assert shown.status == answer
