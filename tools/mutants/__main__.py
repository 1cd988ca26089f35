"""`python -m tools.mutants`: the tests are tried on mutants of what they test.

Fails when less than 90 % of the mutants are killed, when one survives that is not
argued in `tests/mutants/survivors.toml`, or when one is argued that is dead.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.commit import commit
from tools.mutants.room import ROOT, lay_out, make_mutants, names_of, tried
from tools.mutants.survivors import (
    Argument,
    Change,
    changes,
    listed,
    module_of,
)

LEAST_KILLED_PERCENT: Final = 90.0
SURVIVORS: Final = ROOT / "tests" / "mutants" / "survivors.toml"
KILLED: Final = frozenset({"killed", "timeout"})
ENDS: Final = "ends.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Lay out, mutate, try, judge; 1 when the tests are not good enough."""
    asked = _parser().parse_args(arguments)
    room: Path = asked.room.absolute()
    began, sources = time.monotonic(), commit()
    lay_out(room, again=asked.again)
    if make_mutants(room, asked.children):
        return 1
    names = [name for name in names_of(room) if _is_asked(name, asked.modules)]
    names = names[:: asked.every]
    before = _ends(room) if asked.again else {}
    ends = {name: before[name] for name in names if before.get(name) in KILLED}
    ends |= tried(room, asked.children, [name for name in names if name not in ends])
    (room / ENDS).write_text(json.dumps(before | ends), encoding="utf-8")
    faults = judge(ends, changes(room, ends), listed(SURVIVORS), whole=asked.every == 1)
    _say(f"commit: {sources}")
    _say(f"{time.monotonic() - began:,.0f} s, {asked.children} at a time")
    return 1 if faults else 0


def _ends(room: Path) -> dict[str, str]:
    """What became of the mutants of the run before."""
    known: dict[str, str] = json.loads((room / ENDS).read_text(encoding="utf-8"))
    return known


def judge(
    found: Mapping[str, str],
    made: Mapping[str, Change],
    known: Mapping[Change, Argument],
    *,
    whole: bool,
) -> int:
    """Say it all; the number of faults. `whole`: no mutant was left out."""
    _table(found, made, known)
    alive = [made[name] for name, end in found.items() if end not in KILLED]
    killed = sum(status in KILLED for status in found.values())
    percent = 100 * killed / max(1, len(found))
    _say(f"{killed} of {len(found)} mutants killed: {percent:.1f} %")
    kinds = Counter(known[change].kind for change in alive if change in known)
    _say(f"argued survivors: {dict(sorted(kinds.items()))}")
    new = sorted({change for change in alive if change not in known})
    for change in new:
        _say(f"SURVIVED {change.function}\n  {_pair(change)},")
    stale = sorted(set(made.values()) & set(known) - set(alive))
    for change in stale:
        _say(f"ARGUED, BUT DEAD {change.function}\n  {_pair(change)}")
    gone = _gone(found, made, known) if whole else []
    for change in gone:
        _say(f"ARGUED, BUT NOT THERE {change.function}\n  {_pair(change)}")
    _say(f"{len(new)} survivors not argued, {len(stale)} argued but dead")
    faults = len(new) + len(stale) + len(gone)
    return faults + (percent < LEAST_KILLED_PERCENT)


def _gone(
    found: Iterable[str], made: Mapping[str, Change], known: Iterable[Change]
) -> list[Change]:
    """What was argued in the same modules and is no mutant any more."""
    modules = tuple({f"{module_of(name)}." for name in found})
    left = set(known) - set(made.values())
    return sorted(change for change in left if change.function.startswith(modules))


def _table(
    found: Mapping[str, str],
    made: Mapping[str, Change],
    known: Container[Change],
) -> None:
    rows: dict[str, Counter[str]] = {}
    for name, end in found.items():
        argued = "argued" if made[name] in known else "open"
        for row in (module_of(name), "all"):
            rows.setdefault(row, Counter())[end if end in KILLED else argued] += 1
    columns = ("killed", "timeout", "argued", "open")
    heads = "".join(f"{head:>8}" for head in ("mutants", *columns))
    _say(f"\n{'module':<40}{heads}")
    for row, counts in sorted(rows.items(), key=lambda one: (one[0] == "all", one)):
        cells = (counts.total(), *(counts[column] for column in columns))
        _say(f"{row:<40}{''.join(f'{cell:>8}' for cell in cells)}")


def _is_asked(name: str, modules: Iterable[str]) -> bool:
    chosen = [f".{module}" for module in modules]
    return not chosen or any(f".{module_of(name)}".endswith(m) for m in chosen)


def _pair(change: Change) -> str:
    return json.dumps([change.was, change.now], ensure_ascii=False)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools.mutants", description=__doc__)
    parser.add_argument(
        "modules", nargs="*", help="the ends of their names, as wallet.decide"
    )
    parser.add_argument("--room", type=Path, required=True, help="where to work")
    parser.add_argument("--children", type=int, default=2, help="mutants at a time")
    parser.add_argument("--again", action="store_true", help="only what survived")
    parser.add_argument("--every", type=int, default=1, help="only each Nth mutant")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
