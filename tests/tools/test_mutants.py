"""The judgement over mutants: what survived is argued, what is argued survived."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.mutants.__main__ import SURVIVORS, judge
from tools.mutants.survivors import (
    Argument,
    Change,
    changes,
    function_of,
    listed,
    module_of,
)

MUTATED = """
class Thing:
    def xǁThingǁgrow__mutmut_orig(self, by):
        if by > 1:
            return None
        return self.size + by

    def xǁThingǁgrow__mutmut_1(self, by):
        if by >= 1:
            return None
        return self.size + by

    def xǁThingǁgrow__mutmut_2(self, by):
        if by > 1:
            return None
        return self.size - by


def x__half__mutmut_orig(n):
    return round(
        n / 2,
        1,
    )

def x__half__mutmut_1(n):
    return round(
        n / 2,
    )
"""
GROW = Change(function="package.thing.Thing.grow", was="if by > 1:", now="if by >= 1:")
SHRINK = Change(
    function="package.thing.Thing.grow",
    was="return self.size + by",
    now="return self.size - by",
)
HALF = Change(function="package.thing._half", was="1,", now="")
NAMES = {
    "package.thing.xǁThingǁgrow__mutmut_1": GROW,
    "package.thing.xǁThingǁgrow__mutmut_2": SHRINK,
    "package.thing.x__half__mutmut_1": HALF,
}
ARGUED = Argument(kind="equivalent", why="by is never 1")


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A room with one mutated source."""
    source = tmp_path / "mutants" / "src" / "package" / "thing.py"
    source.parent.mkdir(parents=True)
    source.write_text(MUTATED, encoding="utf-8")
    return tmp_path


def test_a_mutant_is_known_by_what_it_changed(room: Path) -> None:
    """Its number shifts with every line that is added before it."""
    assert changes(room, NAMES) == NAMES
    for name, change in NAMES.items():
        assert function_of(name) == change.function
        assert module_of(name) == "package.thing"


def _list(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "survivors.toml"
    path.write_text(text, encoding="utf-8")
    return path


ENTRY = """
[[survivors]]
function = "package.thing.Thing.grow"
kind = "{kind}"
why = "{why}"
mutants = [["if by > 1:", "if by >= 1:"]]
"""


def test_each_survivor_has_an_argument(tmp_path: Path) -> None:
    """Of a known kind, in words, and once."""
    good = ENTRY.format(kind="equivalent", why="by is never 1")
    assert listed(_list(tmp_path, good)) == {GROW: ARGUED}
    for bad in (
        ENTRY.format(kind="equivalent", why=""),
        ENTRY.format(kind="boring", why="by is never 1"),
        good + good,
    ):
        with pytest.raises(ValueError, match=r"no argument|listed twice"):
            listed(_list(tmp_path, bad))


def test_the_list_of_the_project_is_in_order() -> None:
    """Every entry of it can be read, and has its argument."""
    assert listed(SURVIVORS)


DEAD = dict.fromkeys(NAMES, "killed")


def test_all_dead_is_good() -> None:
    """Nothing to say against the tests."""
    assert judge(DEAD, NAMES, {}, whole=False) == 0


@pytest.mark.parametrize("end", ["survived", "no tests"])
def test_a_survivor_is_a_fault_unless_it_is_argued(
    end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is printed as it can be put into the list; what no test runs is alive."""
    many = {f"{name}{n}": end for n in range(40) for name, end in DEAD.items()}
    alive = next(iter(NAMES))
    late = next(iter(many))
    found = many | {late: "timeout", alive: end}
    made = {name: NAMES.get(name, HALF) for name in found}
    assert judge(found, made, {}, whole=False) == 1
    assert '["if by > 1:", "if by >= 1:"]' in capsys.readouterr().out
    assert judge(found, made, {GROW: ARGUED}, whole=False) == 0
    printed = capsys.readouterr().out
    assert "argued survivors: {'equivalent': 1}" in printed
    rows = [line.split() for line in printed.splitlines() if line[:3] in ("mod", "all")]
    assert rows == [
        ["module", "mutants", "killed", "timeout", "argued", "open"],
        ["all", "121", "119", "1", "1", "0"],
    ]


def test_what_is_argued_but_dead_is_a_fault() -> None:
    """An argument that no longer holds does not stay; of other mutants it may."""
    other = Change(function="package.other.f", was="a", now="b")
    gone = Change(function=GROW.function, was="nothing like it", now="b")
    assert judge(DEAD, NAMES, {gone: ARGUED}, whole=False) == 0
    assert judge(DEAD, NAMES, {gone: ARGUED}, whole=True) == 1
    assert judge(DEAD, NAMES, {GROW: ARGUED}, whole=False) == 1
    assert judge(DEAD, NAMES, {other: ARGUED}, whole=False) == 0


def test_arguments_do_not_buy_a_score() -> None:
    """Argued or not, nine in ten are dead."""
    alive = next(iter(NAMES))
    found = DEAD | {alive: "survived"}
    assert judge(found, NAMES, {GROW: ARGUED}, whole=False) == 1
