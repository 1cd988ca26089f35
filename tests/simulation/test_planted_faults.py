"""Bugs planted into stores, handlers and rules: each is found, replayed, shortened."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from healthpay_core import EventEnvelope, InMemoryEventStore
from healthpay_core.testing import simulation as package
from healthpay_core.testing.simulation import Failure, Simulation
from tests.simulation import planted_handlers as h
from tests.simulation import planted_rules as r
from tests.simulation import planted_stores as s

Patch = pytest.MonkeyPatch
Plant: TypeAlias = Callable[[Patch], Simulation]

SEEDS, MOST_SEEDS = 8, 120
LONGEST = 12
"""Steps of a shortened story, two wallets and their funds among them."""


def _stored_in(kind: type[InMemoryEventStore]) -> Plant:
    return lambda _: s.stored_in(kind)


def _altered(change: Callable[[EventEnvelope], EventEnvelope]) -> Plant:
    return lambda _: s.altered(change)


def _wrapped(meddle: h.Meddle) -> Plant:
    return lambda _: h.wrapped(meddle)


ANSWER, STATE = "the answer is as predicted", "the state is as predicted"
LOST, WRITES = "no acknowledged command lost", "refusals change nothing"
TOTALS = "0 <= refunded <= captured <= authorized"
HELD, HELD_OF_PAYMENT = "held is the sum of the holds", "held is authorized - captured"

PLANTED: dict[str, tuple[str, Plant]] = {
    # Stores.
    "lost update": (ANSWER, _stored_in(s.LostUpdate)),
    "forgotten keys": (LOST, _stored_in(s.Forgetful)),
    "acknowledged but not stored": (LOST, _stored_in(s.Cheerful)),
    "stored but called unavailable": (
        "no failure without a fault",
        _stored_in(s.Pessimist),
    ),
    "outcomes of refusals dropped": (LOST, _stored_in(s.NoRefusals)),
    "version gap": ("versions gap-free", _stored_in(s.Gap)),
    "broken hash chain": ("hash chains whole", _stored_in(s.BrokenChain)),
    "transfer leg lost": (LOST, _stored_in(s.LostLeg)),
    "feed out of order": ("feed gap-free", _stored_in(s.Reordered)),
    "events stored twice": ("no event twice", _stored_in(s.Twice)),
    "event after the end": ("ends are final", _stored_in(s.AfterTheEnd)),
    "deposit in other money": ("one currency a wallet", _altered(s.in_other_money)),
    "debit that overdraws": ("nobody owes", _altered(s.overdrawn)),
    "hold of too little": (HELD, _altered(s.held_less)),
    "credit that mints": ("money conserved", _altered(s.minted)),
    "deposit of too much": (STATE, _altered(s.deposited_more)),
    "payment with another's hold": (HELD_OF_PAYMENT, _altered(s.held_elsewhere)),
    # Handlers and readers.
    "double effect on retry": (WRITES, _wrapped(h.does_it_again)),
    "refused command that writes": (WRITES, _wrapped(h.writes_anyway)),
    "caller without an answer": ("everyone is answered", _wrapped(h.leaves_one_out)),
    "replay that differs": ("none twice", _wrapped(h.replays_without_events)),
    "answer that differs": (
        "the answer is what is stored",
        _wrapped(h.answers_without_events),
    ),
    "refused without a reason": ("no failure without a fault", _wrapped(h.is_tired)),
    "unknown for ever": ("unknown resolves", _wrapped(h.never_knows)),
    "exception for an answer": ("nothing raises", _wrapped(h.raises)),
    "stale snapshot believed": (ANSWER, h.stale_snapshot),
    "stale view shown": ("snapshots change nothing", h.stale_view),
    "sagas left behind": ("transfers come to an end", h.no_resuming),
    "payments not swept": ("payments come to an end", h.no_sweep_of_payments),
    "cards not swept": ("cards come to an end", h.no_sweep_of_cards),
    "projection counts twice": ("projections agree", h.counts_twice),
    # Rules.
    "windows counted net": ("limit windows exact", r.net_windows),
    "capacity back in the wrong window": ("limit windows exact", r.wrong_window),
    "refund above captured": (ANSWER, r.over_refund),
    "refund above captured, foretold": (TOTALS, r.over_refund_foretold),
    "currencies exchanged at par": ("money conserved", r.exchanged_at_par),
    "hold released twice": (STATE, r.released_twice),
    "capture after the end": (ANSWER, r.capture_after_the_end),
    "funds before limits": (ANSWER, r.funds_before_limits),
    "self-transfer allowed": (ANSWER, r.self_transfer),
    "saga that does not undo": ("no hold is leaked", r.undo_forgotten),
    "refund that debits first": ("money conserved", r.debit_before_credit),
    "refund that credits first": ("money in both is held", r.credit_before_hold),
}
"""What is planted: the rule that names it, and how it is done."""


FOUND_BY_SEVERAL = (
    "stale snapshot believed",
    "hold released twice",
    "windows counted net",
)
"""What is decided on a wrong state may break one rule or another."""


def _failures(simulation: Simulation) -> list[Failure]:
    """Those of the first seeds; when there is none yet, of the first that has one."""
    found: list[Failure] = []
    for seed in range(MOST_SEEDS):
        failure = simulation.play(seed)
        if failure is not None:
            found.append(failure)
        if found and seed >= SEEDS:
            return found
    raise AssertionError("not found")


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_and_shortened(name: str, monkeypatch: Patch) -> None:
    """C6, C8, E2, E3, I4, K3, K4, M4, P15, P18, T4, V1, A2: in few seeds, by name.

    Whatever story meets it, one rule names it and no other. The seed plays it
    again, to the last step, and few steps are left in the end.
    """
    rule, plant = PLANTED[name]
    simulation = plant(monkeypatch)
    failure, *others = _failures(simulation)
    assert failure.rule == rule, failure.violation
    if name not in FOUND_BY_SEVERAL:
        assert {other.rule for other in others} <= {rule}
    again = simulation.play(failure.seed)
    assert again is not None
    assert (again.rule, again.steps) == (failure.rule, failure.steps)
    short = simulation.shrink(failure)
    assert (short.rule, short.seed) == (failure.rule, failure.seed)
    assert len(short.steps) <= LONGEST, short.told()
    replayed = simulation.replay(short.seed, short.steps)
    assert replayed is not None
    assert str(replayed) == str(short.violation)


def test_every_rule_has_a_fault_that_it_alone_names() -> None:
    """E1: no check of the simulator is there that has never been seen to fail."""
    folder = Path(inspect.getfile(package)).parent
    source = "".join(path.read_text("utf-8") for path in sorted(folder.glob("*.py")))
    rules = set(re.findall(r'Violation\(\s*"([^"]+)"', source))
    rules |= set(re.findall(r'rule = "([^"]+)" if unknown else "([^"]+)"', source)[0])
    assert len(rules) > 20
    alone = {name: rule for name, (rule, _) in PLANTED.items()}
    for name in FOUND_BY_SEVERAL:
        del alone[name]
    assert set(alone.values()) == rules


def test_a_story_is_told_with_names(monkeypatch: Patch) -> None:
    """A1: names stand for ids, and the seed and the rule come first."""
    simulation = r.over_refund(monkeypatch)
    short = simulation.shrink(_failures(simulation)[0])
    head, *steps = short.told().splitlines()
    assert head.startswith(f"seed {short.seed}: {short.rule}: ")
    assert len(steps) == len(short.steps)
    assert "RefundPayment(payment_id=payment" in short.told()
