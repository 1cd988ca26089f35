"""What a mutant changed, and the list of those that may live."""

from __future__ import annotations

import ast
import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
KINDS: Final = frozenset({"equivalent", "unreachable", "text", "speed"})


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One mutant as a reader sees it: numbers of mutants shift, lines stay."""

    function: str
    was: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """Why some mutants of a function may live."""

    kind: str
    why: str


def function_of(name: str) -> str:
    """`a.b.xǁClassǁmethod__mutmut_3` is a mutant of `a.b.Class.method`."""
    module, _, mangled = name.partition("__mutmut_")[0].rpartition(".")
    own = mangled.removeprefix("x").strip("ǁ").replace("ǁ", ".")
    return f"{module}.{own if 'ǁ' in mangled else mangled.removeprefix('x_')}"


def module_of(name: str) -> str:
    """The module that a mutant is in."""
    return name.partition("__mutmut_")[0].rpartition(".")[0]


def changes(room: Path, names: Iterable[str]) -> Mapping[str, Change]:
    """What each of these mutants changed."""
    bodies: dict[str, Mapping[str, list[str]]] = {}
    found: dict[str, Change] = {}
    for name in names:
        module = module_of(name)
        if module not in bodies:
            path = room / "mutants" / "src" / f"{module.replace('.', '/')}.py"
            bodies[module] = _bodies(path.read_text(encoding="utf-8"))
        mutant = name.removeprefix(f"{module}.")
        original = f"{mutant.partition('__mutmut_')[0]}__mutmut_orig"
        was, now = _difference(bodies[module][original], bodies[module][mutant])
        found[name] = Change(function=function_of(name), was=was, now=now)
    return found


def listed(path: Path) -> Mapping[Change, Argument]:
    """The survivors that were argued.

    Raises:
        ValueError: An argument is missing, of no known kind, or given twice.
    """
    found: dict[Change, Argument] = {}
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("survivors", ()):
        argument = Argument(kind=entry["kind"], why=entry["why"])
        if argument.kind not in KINDS or not argument.why:
            raise ValueError(f"{entry['function']}: no argument")
        for was, now in entry["mutants"]:
            change = Change(function=entry["function"], was=was, now=now)
            if change in found:
                raise ValueError(f"listed twice: {change}")
            found[change] = argument
    return found


def _bodies(source: str) -> Mapping[str, list[str]]:
    lines = source.splitlines()
    return {
        node.name: [
            line.replace(node.name, "_")
            for line in lines[node.lineno - 1 : node.end_lineno]
        ]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, Function) and "__mutmut_" in node.name
    }


def _difference(was: list[str], now: list[str]) -> tuple[str, str]:
    lines = list(difflib.unified_diff(was, now, lineterm="", n=0))[2:]
    return _joined(lines, "-"), _joined(lines, "+")


def _joined(lines: list[str], sign: str) -> str:
    kept = (line[1:].strip() for line in lines if line.startswith(sign))
    return " ".join(kept)
