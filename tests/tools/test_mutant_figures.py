"""The figures of the last run over mutants: of all modules, and quoted as printed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

from tools.mutants.__main__ import LEAST_KILLED_PERCENT

ROOT: Final = Path(__file__).parents[2]
FIGURES: Final = (ROOT / "tests" / "mutants" / "figures.txt").read_text("utf-8")
PAGE: Final = ROOT / "docs" / "concepts" / "what-was-tested.md"
ROWS: Final = {
    row[1]: tuple(map(int, row[2].split()))
    for row in re.finditer(r"^([a-z_.]+)((?: +\d+){5})$", FIGURES, re.MULTILINE)
}
"""Of each module: mutants, killed, timeout, argued, open."""


def test_the_last_run_left_nothing_open() -> None:
    """Every mutant was killed, or may live for a reason that is in the list."""
    modules = [counts for row, counts in ROWS.items() if row != "all"]
    mutants, killed, late, argued, left = ROWS["all"]
    assert ROWS["all"] == tuple(map(sum, zip(*modules, strict=True)))
    assert (mutants, left) == (killed + late + argued, 0)
    percent = 100 * (killed + late) / mutants
    assert percent >= LEAST_KILLED_PERCENT
    assert f"{killed + late} of {mutants} mutants killed: {percent:.1f} %" in FIGURES
    assert "0 survivors not argued, 0 argued but dead" in FIGURES


def test_the_last_run_was_of_every_module() -> None:
    """What the settings mutate is what was tried."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert ROWS.keys() - {"all"} == {
        source.removeprefix("src/").removesuffix(".py").replace("/", ".")
        for source in settings["tool"]["mutmut"]["only_mutate"]
    }


def test_the_page_quotes_the_run_as_printed() -> None:
    """Each line of the quotation stands in the figures, word for word."""
    section = PAGE.read_text("utf-8").partition("\n## Mutation testing\n")[2]
    quoted = [
        line.removeprefix("> ").removesuffix("\\")
        for line in section.partition("\n## ")[0].splitlines()
        if line.startswith("> ")
    ]
    assert len(quoted) > 2
    assert [line for line in quoted if line not in FIGURES.splitlines()] == []
