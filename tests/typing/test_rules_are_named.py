"""Every rule of the specification is proved by a test that names it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

RULES: Final[Mapping[str, int]] = {
    "E": 9,
    "M": 9,
    "W": 10,
    "K": 11,
    "C": 8,
    "T": 9,
    "P": 18,
    "D": 11,
    "I": 11,
    "V": 7,
    "H": 8,
    "B": 7,
    "A": 5,
}
"""How many rules each family has, numbered from 1."""

NOT_YET: Final = {"H3", "H4"}
"""Authentication and rate limits: there is nothing yet that could prove them."""

_NAMED: Final = re.compile(r"\b([A-Z])(\d+)(?:-\1?(\d+))?\b")


def _named(path: Path) -> Iterator[str]:
    """The rule ids in the docstrings of a file's tests; P4-P6 names three."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not node.name.startswith("test"):
            continue
        for family, first, last in _NAMED.findall(ast.get_docstring(node) or ""):
            for number in range(int(first), int(last or first) + 1):
                yield f"{family}{number}"


def test_each_rule_is_named_by_a_test() -> None:
    """No rule of the families that are built goes without a test."""
    tests = Path(__file__).parents[1]
    named = {rule for path in tests.rglob("test_*.py") for rule in _named(path)}
    wanted = {f"{f}{n}" for f, count in RULES.items() for n in range(1, count + 1)}
    assert wanted - named == NOT_YET


def test_each_test_says_its_rule_in_a_sentence() -> None:
    """A test without a docstring proves nobody knows what."""
    silent = [
        f"{path.name}:{node.name}"
        for path in Path(__file__).parents[1].rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []
