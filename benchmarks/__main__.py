"""`python -m benchmarks [ROW ...] [--quick] [--rounds N] [--out FILE]`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine, report
from benchmarks.measure import Scale
from benchmarks.rows import ROWS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run rows, print a JSON line per figure and the table at the end."""
    options = _options(arguments)
    scale = Scale(
        quick=options.quick,
        rounds=options.rounds or (1 if options.quick else 5),
        express=not options.without_express,
    )
    described = machine.describe()
    lines: list[dict[str, Any]] = []
    for number in options.rows or sorted(ROWS):
        began = time.perf_counter()
        for figure in ROWS[number](scale):
            entry = report.line(figure, described)
            lines.append(entry)
            print(json.dumps(entry), flush=True)
            if options.out:
                with options.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")
        took = time.perf_counter() - began
        print(f"row {number}: {took:.1f} s", file=sys.stderr, flush=True)
    print(f"\n{report.table(lines)}\n\n{_about(described)}", file=sys.stderr)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("rows", nargs="*", type=int, choices=[[], *sorted(ROWS)])
    parser.add_argument("--quick", action="store_true", help="seconds; proves nothing")
    parser.add_argument("--rounds", type=int, help="how often the sides take turns")
    parser.add_argument("--out", type=Path, help="append the JSON lines to this file")
    parser.add_argument(
        "--without-express", action="store_true", help="install nothing with npm"
    )
    return parser.parse_args(arguments)


def _about(described: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in described.items())


if __name__ == "__main__":
    sys.exit(main())
