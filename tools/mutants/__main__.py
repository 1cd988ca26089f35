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
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.mutants.room import ROOT, killed_afresh, lay_out, results, run_mutmut
from tools.mutants.survivors import (
    Argument,
    Change,
    changes,
    function_of,
    listed,
    module_of,
)

LEAST_KILLED_PERCENT: Final = 90.0
SURVIVORS: Final = ROOT / "tests" / "mutants" / "survivors.toml"
KILLED: Final = frozenset({"killed", "timeout", "segfault"})
UNTRIED: Final = "not checked"


def main(arguments: Sequence[str] | None = None) -> int:
    """Lay out, mutate, judge; 1 when the tests are not good enough."""
    asked = _parser().parse_args(arguments)
    room: Path = asked.room.absolute()
    began = time.monotonic()
    # Asked before the sources are brought anew: it is about the run before.
    before = _alive(results(room)) if asked.again else []
    lay_out(room, again=asked.again)
    names = before or [f"*{module}.x*" for module in asked.modules]
    if run_mutmut(room, asked.children, names):
        return 1
    found = {
        name: status
        for name, status in results(room).items()
        if status != UNTRIED and _is_asked(name, asked.modules)
    }
    known = listed(SURVIVORS)
    alive = dict(changes(room, _alive(found)))
    second = [name for name, change in alive.items() if change not in known]
    _say(f"\n{len(second)} survivors that are not argued, looked at afresh")
    for name in killed_afresh(room, asked.children, second):
        found[name] = "killed"
        del alive[name]
    faults = _judge(found, alive, known)
    _say(f"{time.monotonic() - began:.0f} s")
    return 1 if faults else 0


def _judge(
    found: Mapping[str, str],
    alive: Mapping[str, Change],
    known: Mapping[Change, Argument],
) -> int:
    _table(found)
    killed = sum(status in KILLED for status in found.values())
    percent = 100 * killed / max(1, len(found))
    _say(f"{killed} of {len(found)} mutants killed: {percent:.1f} %")
    kinds = Counter(known[change].kind for change in alive.values() if change in known)
    _say(f"argued survivors: {dict(sorted(kinds.items()))}")
    new = sorted({change for change in alive.values() if change not in known})
    for change in new:
        _say(f"SURVIVED {change.function}\n  {_pair(change)},")
    tried = {function_of(name) for name in found}
    argued = {change for change in known if change.function in tried}
    stale = sorted(argued - set(alive.values()))
    for change in stale:
        _say(f"ARGUED, BUT DEAD {change.function}\n  {_pair(change)}")
    _say(f"{len(new)} survivors not argued, {len(stale)} argued but dead")
    return len(new) + len(stale) + (percent < LEAST_KILLED_PERCENT)


def _table(found: Mapping[str, str]) -> None:
    modules: dict[str, Counter[str]] = {}
    for name, status in found.items():
        modules.setdefault(module_of(name), Counter())[status] += 1
    _say(f"\n{'module':<40}{'mutants':>8}{'killed':>8}{'timeout':>8}{'alive':>7}")
    for module, counts in sorted(modules.items()):
        total, killed, late = (
            counts.total(),
            sum(counts[status] for status in KILLED),
            counts["timeout"],
        )
        row = f"{total:>8}{killed:>8}{late:>8}{total - killed:>7}"
        _say(f"{module:<40}{row}")


def _alive(found: Mapping[str, str]) -> list[str]:
    return [n for n, status in found.items() if status not in KILLED | {UNTRIED}]


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
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
