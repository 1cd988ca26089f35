"""The figures of the last soak are those of a whole one, and are quoted as printed."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPORT = Path(__file__).with_name("figures") / "soak.txt"
PAGE = ROOT / "docs" / "concepts" / "what-was-tested.md"

LEAST_S, LEAST_CORES = 1_800.0, 2


def _number(pattern: str) -> float:
    found = re.search(pattern, REPORT.read_text("utf-8"), re.MULTILINE)
    assert found is not None, pattern
    return float(found[1].replace(",", ""))


def test_the_last_soak_was_long_enough_and_found_nothing() -> None:
    """E1: half an hour on two cores, nothing broken, nothing too seldom reached."""
    assert _number(r"^wall time ([\d,.]+) s") >= LEAST_S
    assert _number(r" on (\d+) cores") >= LEAST_CORES
    assert _number(r"^violations: (\d+)$") == 0
    assert _number(r"^reached fewer than ([\d,]+) times: 0$") >= 100
    assert "changes that are not committed" not in REPORT.read_text("utf-8")


def test_the_page_quotes_the_report_as_printed() -> None:
    """E1: each line of the quotation stands in the report, word for word."""
    section = PAGE.read_text("utf-8").partition("### The last soak\n")[2]
    section = re.split(r"^#", section, maxsplit=1, flags=re.MULTILINE)[0]
    quoted = [
        line.removeprefix("> ").removesuffix("\\")
        for line in section.splitlines()
        if line.startswith("> ")
    ]
    printed = REPORT.read_text("utf-8").splitlines()
    assert len(quoted) > 8
    assert [line for line in quoted if line not in printed] == []
