"""Stories of fixed seeds: no rule is broken, and the generator reaches everything."""

from __future__ import annotations

from healthpay_core.testing.simulation import Coverage, Simulation
from healthpay_core.testing.simulation.coverage import (
    CELLS,
    CODES,
    CURRENCIES,
    HAPPENINGS,
)
from healthpay_core.testing.simulation.steps import FAULT_POINTS
from tests.simulation.sqlite_storage import SqliteStorage

STORIES = 200
LEAST = 1


def test_no_story_breaks_a_rule_and_all_is_reached() -> None:
    """E3, C6, K3, P18, V1, A2, I4, T5: every code, cell and fault; no violation."""
    simulation, coverage = Simulation(), Coverage()
    for seed in range(STORIES):
        failure = simulation.play(seed, coverage)
        assert failure is None, simulation.shrink(failure).told()
    assert coverage.stories == STORIES
    assert coverage.missing(LEAST) == []


def test_no_story_on_sqlite_breaks_a_rule() -> None:
    """I7, V1, A2: the same, two handles on one file and its own hash chain."""
    simulation = Simulation(storage=SqliteStorage, length=200)
    for seed in range(6):
        failure = simulation.play(seed)
        assert failure is None, failure.told()


def test_what_is_resumed_at_the_very_end_comes_to_rest_too() -> None:
    """P2, P7: the last step of this story leaves an authorisation under way."""
    failure = Simulation().play(28_025)
    assert failure is None, failure.told()


def test_a_seed_decides_everything() -> None:
    """A1: the same seed plays the same story, to the last count."""
    one, other, another = Coverage(), Coverage(), Coverage()
    Simulation().play(5, one)
    Simulation().play(5, other)
    Simulation().play(6, another)
    assert one == other
    assert one != another


def test_too_little_coverage_is_named() -> None:
    """E1: what was not reached is a failure by name."""
    coverage = Coverage()
    Simulation(length=40).play(0, coverage)
    missing = coverage.missing(LEAST)
    assert any(line.startswith("codes: ") for line in missing)
    assert any(line.startswith("(state, command) cells: ") for line in missing)
    everything = (CODES, FAULT_POINTS, HAPPENINGS, CURRENCIES, CELLS)
    assert len(Coverage().missing(1)) == sum(map(len, everything))
    assert coverage.missing(0) == []
