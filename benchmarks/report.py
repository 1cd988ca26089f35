"""One JSON line per figure, and the table at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.measure import Figure, Side, latency_ms, littles_law, middle

MEMBERS = (
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
)
"""The members of a line, in order; README.md says what they mean."""
_HEADINGS = ("row", "figure", "value", "spread", "goal", "", "p50/p95/p99/p99.9 ms")


def line(figure: Figure, machine: dict[str, object]) -> dict[str, Any]:
    """A figure as it is written to the results."""
    load = figure.load
    law = None if load is None else littles_law(load)
    void = law is not None and law.void
    value = middle(figure.values) if figure.values else None
    met = None
    if value is not None and figure.goal is not None and not void:
        met = figure.goal.met_by(value)
    return {
        "row": figure.row,
        "figure": figure.name,
        "unit": figure.unit,
        "measured": value is not None,
        "value": _rounded(value),
        "spread": [_rounded(min(figure.values)), _rounded(max(figure.values))]
        if figure.values
        else None,
        "rounds": len(figure.values),
        "goal": figure.goal and f"{figure.goal.sign} {figure.goal.value:g}",
        "met": met,
        "sides": [_side(side) for side in figure.sides],
        "concurrency": load and load.concurrency,
        "offered_per_s": load and load.offered_per_s,
        "latency_ms": load
        and {k: _rounded(v) for k, v in latency_ms(load.samples).items()},
        "littles_law": law
        and {
            "concurrency": _rounded(law.concurrency),
            "rate_times_latency": _rounded(law.rate_times_latency),
            "deviation": _rounded(law.deviation),
            "void": law.void,
        },
        "extra": {k: _rounded(v) for k, v in figure.extra.items()},
        "note": figure.note,
        "machine": machine,
    }


def table(lines: Sequence[dict[str, Any]]) -> str:
    """The lines for a reader: goal beside figure."""
    rows: list[tuple[str, ...]] = [_HEADINGS, *map(_cells, lines)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    text.insert(1, "  ".join("-" * width for width in widths))
    notes = [f"row {e['row']}, {e['figure']}: {e['note']}" for e in lines if e["note"]]
    return "\n".join(part.rstrip() for part in (*text, "", *notes))


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    if not entry["measured"]:
        value, spread = "NOT MEASURED", ""
    else:
        value = f"{_short(entry['value'])} {entry['unit']}"
        spread = "..".join(_short(edge) for edge in entry["spread"])
    latencies = entry["latency_ms"] or {}
    return (
        str(entry["row"]),
        entry["figure"],
        value,
        spread,
        entry["goal"] or "",
        _verdict(entry),
        " / ".join(f"{value:.2f}" for value in latencies.values()),
    )


def _verdict(entry: dict[str, Any]) -> str:
    if entry["littles_law"] and entry["littles_law"]["void"]:
        return "VOID"
    return {True: "met", False: "short", None: ""}[entry["met"]]


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "unit": side.unit,
        "median": _rounded(middle(side.values)),
        "values": [_rounded(value) for value in side.values],
    }


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
