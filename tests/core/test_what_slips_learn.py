"""What a slip carries: the facts that later steps need, and none of them twice (T6)."""

from __future__ import annotations

import pytest

from healthpay_core import CommandRequest
from healthpay_core.slips import Travel
from tests.core.test_payment_saga import STORIES, _bench, _sent
from tests.core.test_slips import Journey, _issue, _transfer, _two


def _learnt(journey: Journey) -> dict[str, tuple[str, ...]]:
    """The kinds of facts that each step is sent with."""
    found: dict[str, tuple[str, ...]] = {}
    while isinstance(going := journey.going, Travel):
        facts = going.slip.facts
        found[going.slip.step] = tuple(type(fact).__name__ for fact in facts)
        journey.step()
    return found


def test_an_authorization_learns_the_limits_of_its_card_when_it_is_confirmed() -> None:
    """D8, T6: the order and the operation at the payment, the card at the card."""
    bench = _bench()
    initiated, asked = _sent(STORIES["authorize"])
    bench.handle(initiated)
    begun = ("PaymentInitiated", "PaymentOperationBegun")
    assert _learnt(Journey(bench, asked)) == {
        "begin": (),
        "card": begun,
        **dict.fromkeys(
            ("payer", "merchant", "category", "hold", "end"),
            (*begun, "MedCardIssued"),
        ),
    }


def test_an_initiation_takes_only_the_card_along() -> None:
    """P1, T6: it is its own order."""
    (asked,) = _sent(STORIES["initiate"])
    learnt = _learnt(Journey(_bench(), asked))
    assert list(learnt) == ["payer", "merchant", "card", "end"]
    assert learnt.pop("end") == ("MedCardIssued",)
    assert set(learnt.values()) == {()}


@pytest.mark.parametrize(
    ("asked", "first", "learnt"),
    [(_transfer(40), "begin", ("TransferInitiated",)), (_issue(), "wallet", ())],
    ids=["transfer", "issue"],
)
def test_other_processes_learn_at_their_beginning(
    asked: CommandRequest, first: str, learnt: tuple[str, ...]
) -> None:
    """T5, D1: a transfer its first fact; to issue a card needs none."""
    found = _learnt(Journey(_two(), asked))
    assert found.pop(first) == ()
    assert list(found.values()) == [learnt] * len(found)
    assert found
