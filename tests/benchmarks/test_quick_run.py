"""The benchmarks run and print what README.md promises; no time is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measure import (
    Figure,
    Goal,
    Load,
    Sample,
    interleave,
    littles_law,
    percentile,
)
from benchmarks.report import line

ROOT = Path(__file__).parents[2]
ROWS = {1, 2, 3, 4, 5, 7, 8, 9, 11, 12}
"""All but those on a broker, which `tests/kafka` runs."""
MEMBERS = {
    "row",
    "figure",
    "unit",
    "measured",
    "value",
    "spread",
    "rounds",
    "goal",
    "met",
    "sides",
    "concurrency",
    "offered_per_s",
    "latency_ms",
    "littles_law",
    "extra",
    "note",
    "machine",
}


@pytest.fixture(scope="module")
def quick_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], str]:
    """The lines and the table of one quick run of every row."""
    out = tmp_path_factory.mktemp("bench") / "results.jsonl"
    rows = map(str, sorted(ROWS))
    options = (*rows, "--quick", "--without-express", "--out", str(out))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == out.read_text(encoding="utf-8")
    return [json.loads(text) for text in done.stdout.splitlines()], done.stderr


def test_every_row_prints_lines_with_the_documented_members(
    quick_run: tuple[list[Any], str],
) -> None:
    """Each row prints a JSON line per figure, with all members and no others."""
    lines, _ = quick_run
    assert {entry["row"] for entry in lines} == ROWS
    for entry in lines:
        assert set(entry) == MEMBERS
        assert entry["measured"] or "NOT MEASURED" in entry["note"]


def test_ratios_show_both_of_their_sides(quick_run: tuple[list[Any], str]) -> None:
    """A ratio without the two figures it is made of cannot be judged."""
    lines, _ = quick_run
    ratios = [e for e in lines if e["unit"] == "x" and e["measured"]]
    assert {entry["row"] for entry in ratios} == {1, 2, 3, 4, 7, 12}
    for entry in ratios:
        assert len(entry["sides"]) == 2
        assert all(side["median"] > 0 for side in entry["sides"])
        assert all(len(side["values"]) == entry["rounds"] for side in entry["sides"])


def test_only_the_comparison_that_was_left_out_is_not_measured(
    quick_run: tuple[list[Any], str],
) -> None:
    """What could not be measured is said in the line and in the table."""
    lines, table = quick_run
    missing = [entry["figure"] for entry in lines if not entry["measured"]]
    assert len(missing) == 1
    assert "Express" in missing[0]
    assert "NOT MEASURED" in table


def test_the_table_has_every_figure_beside_its_goal(
    quick_run: tuple[list[Any], str],
) -> None:
    """The table at the end names each figure and its goal in one line."""
    lines, table = quick_run
    for entry in lines:
        shown = [text for text in table.splitlines() if entry["figure"] in text]
        assert any((entry["goal"] or "") in text for text in shown)


def test_a_run_that_breaks_littles_law_is_void() -> None:
    """Concurrency 64 with rate x latency of 32 says that the run is wrong."""
    honest = Sample(operations=100, seconds=1.0, latencies=[0.64] * 100)
    wrong = Sample(operations=100, seconds=1.0, latencies=[0.32] * 100)
    for sample, void in ((honest, False), (wrong, True)):
        law = littles_law(Load(samples=[sample], concurrency=64))
        assert law is not None
        assert law.void is void


def test_a_void_figure_has_met_nothing() -> None:
    """A goal is neither met nor missed by a run that says nothing."""
    wrong = Sample(operations=100, seconds=1.0, latencies=[0.32] * 100)
    goal = Goal(sign=">=", value=1)
    figure = Figure(
        row=3,
        name="rate",
        unit="commands/s",
        values=[100.0],
        goal=goal,
        load=Load(samples=[wrong], concurrency=64),
    )
    assert line(figure, {})["met"] is None


@pytest.mark.parametrize(
    ("sign", "value", "met"),
    [(">=", 10.0, True), (">=", 9.9, False), ("<=", 10.0, True), ("<=", 10.1, False)],
)
def test_goals_include_their_bound(sign: Any, value: float, met: bool) -> None:
    """A figure that is exactly the goal has met it."""
    assert Goal(sign=sign, value=10.0).met_by(value) is met


def test_percentiles_are_of_the_nearest_rank() -> None:
    """Of the numbers 0 to 999, the 99.9th percentile is the last one."""
    ordered = [float(number) for number in range(1000)]
    assert percentile(ordered, 0.5) == 500.0
    assert percentile(ordered, 0.999) == 999.0


def test_the_sides_take_turns_and_change_places() -> None:
    """Neither side is always the first one of a round."""
    order: list[str] = []
    interleave(3, lambda: order.append("a"), lambda: order.append("b"))
    assert order == ["a", "b", "b", "a", "a", "b"]
