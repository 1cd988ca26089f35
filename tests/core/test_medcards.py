"""A card's life: issued, used, stopped, over (rules D1-D5, D7)."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Final

import pytest

from healthpay_core import (
    ActivateMedCard,
    CancelMedCard,
    CardControls,
    CardLimits,
    CloseWallet,
    Code,
    Command,
    ExpireMedCard,
    IssueMedCard,
    MedCardActivated,
    MedCardCancelled,
    MedCardExpired,
    MedCardIssued,
    MedCardSuspended,
    MedCardView,
    StreamCorrupted,
    SuspendMedCard,
    SuspendWallet,
    fold,
)
from healthpay_core.events import Event
from healthpay_core.medcard.events import CardSuspensionReason
from healthpay_core.testing import (
    Workbench,
    after,
    card_id,
    create,
    given,
    instant,
    issue,
    issued,
    opened,
    wallet_id,
)

AHMED = wallet_id("ahmed")
CARD = card_id("card")
ISSUE: Final = issue(CARD, AHMED)
ACTIVATE: Final = ActivateMedCard(card_id=CARD)


def bench(*orders: Command) -> Workbench:
    """An active wallet, and what the orders lead to."""
    made = Workbench()
    made.do(*opened(AHMED), *orders)
    return made


def test_a_card_starts_inactive() -> None:
    """D1: issuing keeps a token and four digits, and lets nobody spend."""
    room = bench()
    done = room.do(ISSUE)
    assert done.resource == MedCardView(
        card_id=CARD,
        wallet_id=AHMED,
        card_token="token-1",
        last4="4242",
        exp_month=12,
        exp_year=2027,
        form="virtual",
        status="issued",
        version=1,
    )
    assert room.medcard(CARD) == done.resource


@pytest.mark.parametrize(
    ("owner", "code"),
    [
        ((), Code.WALLET_NOT_FOUND),
        ((create(AHMED),), Code.WALLET_NOT_ACTIVE),
        (
            (*opened(AHMED), SuspendWallet(wallet_id=AHMED, reason_code="fraud")),
            Code.WALLET_NOT_ACTIVE,
        ),
        ((*opened(AHMED), CloseWallet(wallet_id=AHMED)), Code.WALLET_CLOSED),
    ],
)
@pytest.mark.parametrize("year", [2027, 2020])
def test_only_an_active_wallet_gets_a_card(
    owner: tuple[Command, ...], code: Code, year: int
) -> None:
    """D1, E2: absent, pending, suspended or closed, each said before the expiry."""
    given(*after(*owner)).when(issue(CARD, AHMED, exp_year=year)).refused(code)


def test_events_of_a_card_have_no_place_for_card_data() -> None:
    """D2: no field of a card's events could hold its number, CVV or PIN."""
    names = {field.name for cls in _EVENTS for field in fields(cls)}
    assert names == {
        *("wallet_id", "card_token", "last4", "exp_month", "exp_year", "form"),
        *("controls", "replaces_card_id", "from_status", "method", "reason_code"),
        *("resumable", "expired_on", "trigger", "reason"),
    }


_EVENTS = (
    MedCardIssued,
    MedCardActivated,
    MedCardSuspended,
    MedCardExpired,
    MedCardCancelled,
)


@pytest.mark.parametrize(
    ("order", "pointers"),
    [
        (replace(ISSUE, last4="424"), ["/last4"]),
        (replace(ISSUE, last4="42424"), ["/last4"]),
        (replace(ISSUE, last4="42x2"), ["/last4"]),
        (replace(ISSUE, last4="٤٢٤٢"), ["/last4"]),
        (replace(ISSUE, exp_month=0), ["/expMonth"]),
        (replace(ISSUE, exp_month=13), ["/expMonth"]),
        (replace(ISSUE, exp_year=1999), ["/expYear"]),
        (replace(ISSUE, exp_year=2100), ["/expYear"]),
        (
            replace(
                ISSUE,
                controls=CardControls(
                    allowed_categories=("doctors",), blocked_categories=("nursing",)
                ),
            ),
            ["/controls"],
        ),
        (
            replace(ISSUE, controls=CardControls(limits=CardLimits(daily=-1))),
            ["/controls/limits"],
        ),
        (
            replace(ISSUE, controls=CardControls(limits=CardLimits(yearly=2**53))),
            ["/controls/limits"],
        ),
        (
            replace(ISSUE, last4="", exp_month=0, exp_year=0),
            ["/last4", "/expMonth", "/expYear"],
        ),
    ],
)
def test_the_shape_of_a_card_is_checked_at_once(
    order: IssueMedCard, pointers: list[str]
) -> None:
    """D2, D7, E7: every fault is named, before anything is read."""
    refusal = given().when(order).refused(Code.VALIDATION_ERROR)
    errors = dict(refusal.details())["errors"]
    assert isinstance(errors, tuple)
    assert [problem.pointer for problem in errors] == pointers


@pytest.mark.parametrize("limit", [0, 2**53 - 1])
def test_a_limit_may_be_nothing_or_the_most(limit: int) -> None:
    """D8, M5: the bounds of a limit belong to it."""
    controls = CardControls(limits=CardLimits(all_time=limit))
    bench(issue(CARD, AHMED, controls=controls))


def test_activation_says_where_from_and_how() -> None:
    """D3: the first activation and a resume are told apart."""
    order = ActivateMedCard(card_id=CARD, method="pin")
    given(*after(*opened(AHMED), ISSUE)).when(order).then(
        MedCardActivated(from_status="issued", method="pin")
    )
    stopped = SuspendMedCard(card_id=CARD, reason_code="admin")
    given(*after(*opened(AHMED), *issued(CARD, AHMED), stopped)).when(order).then(
        MedCardActivated(from_status="suspended", method="pin")
    )


@pytest.mark.parametrize(
    ("reason", "resumable"),
    [
        ("lost", False),
        ("stolen", False),
        ("fraud_suspected", True),
        ("user_request", True),
        ("admin", True),
    ],
)
def test_some_suspensions_are_for_good(
    reason: CardSuspensionReason, resumable: bool
) -> None:
    """D4: a lost or stolen card stays off; cleared fraud and requests resume."""
    order = SuspendMedCard(card_id=CARD, reason_code=reason)
    room = bench(*issued(CARD, AHMED), order)
    suspended = room.feed()[-1].envelope.data
    assert suspended == MedCardSuspended(reason_code=reason, resumable=resumable)
    if resumable:
        room.do(ACTIVATE)
        assert room.medcard(CARD).status == "active"
    else:
        room.refuse(ACTIVATE, Code.CARD_NOT_RESUMABLE, reason_code=reason)
        room.do(CancelMedCard(card_id=CARD, reason="lost"))


@pytest.mark.parametrize(
    ("month", "year", "first_instant_after"),
    [
        (3, 2026, "2026-04-01T00:00:00+02:00"),
        (12, 2026, "2027-01-01T00:00:00+02:00"),
        # Summer time: the month ends an hour earlier in UTC.
        (9, 2026, "2026-10-01T00:00:00+03:00"),
        (2, 2028, "2028-03-01T00:00:00+02:00"),
    ],
)
def test_a_card_is_valid_through_the_last_instant_of_its_month(
    month: int, year: int, first_instant_after: str
) -> None:
    """D5, D3: the month is Cairo's, and its last microsecond belongs to it."""
    facts = after(*opened(AHMED), issue(CARD, AHMED, exp_month=month, exp_year=year))
    end = instant(first_instant_after)
    assert given(*facts).when(ACTIVATE, now=end - 1).events
    given(*facts).when(ACTIVATE, now=end).refused(Code.CARD_EXPIRED)
    expire = ExpireMedCard(card_id=CARD)
    given(*facts).when(expire, now=end - 1).refused(Code.INVALID_STATE_TRANSITION)
    given(*facts).when(expire, now=end).then(
        MedCardExpired(expired_on=first_instant_after[:10], trigger="sweep")
    )


def test_a_card_that_is_over_is_not_issued() -> None:
    """D5: a month that has ended makes no card; the current one does."""
    facts = after(*opened(AHMED))
    order = issue(CARD, AHMED, exp_month=2, exp_year=2026)
    given(*facts).when(order).refused(Code.CARD_EXPIRED)
    bench(issue(CARD, AHMED, exp_month=3, exp_year=2026))


def test_expiry_happens_once() -> None:
    """D5: the sweep's command again finds a card that has ended."""
    room = bench(*issued(CARD, AHMED, exp_month=3, exp_year=2026))
    room.clock.instant = instant("2026-04-01T00:00:00+02:00")
    room.do(ExpireMedCard(card_id=CARD))
    before = list(room.feed())
    room.refuse(ExpireMedCard(card_id=CARD), Code.INVALID_STATE_TRANSITION)
    room.refuse(ACTIVATE, Code.CARD_EXPIRED)
    assert list(room.feed()) == before
    assert room.medcard(CARD).status == "expired"


def test_an_id_of_a_card_is_taken_by_the_first() -> None:
    """D1: the same id again exists already, whatever the wallet's state is by now."""
    room = bench(ISSUE, SuspendWallet(wallet_id=AHMED, reason_code="fraud"))
    room.refuse(ISSUE, Code.MEDCARD_ALREADY_EXISTS, card_id=CARD)


def test_a_card_outlives_its_wallets_states_without_events() -> None:
    """D11: suspending or closing a wallet writes nothing into its cards."""
    room = bench(*issued(CARD, AHMED))
    version = room.medcard(CARD).version
    room.do(SuspendWallet(wallet_id=AHMED, reason_code="fraud"))
    room.do(SuspendMedCard(card_id=CARD, reason_code="admin"), ACTIVATE)
    room.do(CloseWallet(wallet_id=AHMED))
    assert room.medcard(CARD).version == version + 2
    assert room.medcard(CARD).status == "active"


def test_a_replacement_names_the_card_it_replaces() -> None:
    """D2: a lost card's successor has its own id, token and digits."""
    replacing = replace(ISSUE, card_id=card_id("new"), replaces_card_id=CARD)
    room = bench(*issued(CARD, AHMED), replacing)
    data = room.feed()[-1].envelope.data
    assert isinstance(data, MedCardIssued)
    assert data.replaces_card_id == CARD


def test_a_card_whose_history_does_not_add_up_stops_the_load() -> None:
    """C5: each fact has the states that it may follow."""
    start = next(event for _, event in after(*opened(AHMED), ISSUE)[-1:])
    on = MedCardActivated(from_status="issued", method="app")
    off = MedCardSuspended(reason_code="admin", resumable=True)
    over = MedCardExpired(expired_on="2028-01-01", trigger="sweep")
    gone = MedCardCancelled(reason="lost")
    strange: tuple[tuple[Event, ...], ...] = (
        *((on,), (off,), (over,), (gone,)),
        *((start, start), (start, off), (start, on, on), (start, on, off, off)),
        *((start, over, on), (start, over, over), (start, over, gone)),
        *((start, gone, on), (start, gone, over), (start, gone, gone)),
    )
    for history in strange:
        with pytest.raises(StreamCorrupted) as caught:
            fold(history)
        twice = history == (start, start)
        assert caught.value.reason == (
            "issued twice" if twice else "the card's life has no such step"
        )
    assert fold((start, on, off, on, over)) is not None
