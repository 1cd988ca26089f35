"""Tries mutants in forks of one process that has collected every test already.

mutmut would collect anew for each mutant, which for a function with a thousand tests
takes a hundred times as long as the test that kills it.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import pytest
from hypothesis import Phase, settings

CPU_LIMIT: Final = 5.0
"""How many times as long as usual a test may compute with a mutant."""
CPU_MORE_S: Final = 3
STILL_S: Final = 30
"""How long a test may compute nothing: it waits for ever."""
MEMORY_BYTES: Final = 8 * 2**30
# What the decoders and converters do is seen by any test of the wire, not only by
# the first, for which they were built.
TESTED_BY_ALL: Final = {
    "healthpay_wire.decoders.": "tests/wire/",
    "healthpay_wire.strict.": "tests/wire/",
    "healthpay_wire.requests.x__naming_operations": "tests/wire/",
}
# Once it fails, nobody wants a smaller example.
_PHASES: Final = set(Phase) - {Phase.shrink, Phase.explain}
ENDS: Final[Mapping[int, str]] = {0: "survived", 1: "killed"}
_LOOK_S: Final = 0.01
_LEAST_CPU_S: Final = 0.1


@dataclass(slots=True)
class Fork:
    """A mutant that is being tried."""

    name: str
    told: int
    spent_s: float = 0.0
    still_s: float = 0.0


class Trial:
    """A run of pytest whose loop runs the tests of each mutant in a fork."""

    def __init__(self, names: Sequence[str], children: int, answer: Path) -> None:
        self.names = names
        self.children = children
        self.answer = answer
        self.ends: dict[str, str] = {}
        stats = json.loads(Path("mutmut-stats.json").read_text(encoding="utf-8"))
        self._tests: Mapping[str, list[str]] = stats["tests_by_mangled_function_name"]
        self._seconds: Mapping[str, float] = stats["duration_by_test"]
        self._items: dict[str, pytest.Item] = {}
        self._running: dict[int, Fork] = {}
        self._waited_s = 0.0
        self._killers: dict[str, list[str]] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of the tests themselves: each mutant's, in a fork."""
        self._items = {item.nodeid: item for item in session.items}
        # What is frozen is not copied for each fork by collecting garbage.
        gc.freeze()
        self._prove(session)
        for done, name in enumerate(self.names, start=1):
            items = self._items_of(name)
            if not items:
                self.ends[name] = "no tests"
                continue
            self._wait(below=self.children)
            self._fork(session, name, self._killers_first(name, items))
            if done % 100 == 0:
                self._say(done)
        self._wait(below=1)
        self._say(len(self.names))
        return True

    def _prove(self, session: pytest.Session) -> None:
        """Without a mutant their tests pass, and one that always fails is seen."""
        needed = {item.nodeid for name in self.names for item in self._items_of(name)}
        proving = [item for item in session.items if item.nodeid in needed]
        for name in ("", "fail"):
            self._fork(session, name, proving)
            self._wait(below=1)
        if (self.ends.pop(""), self.ends.pop("fail")) != ("survived", "killed"):
            raise pytest.UsageError("the tests do not tell good from bad")

    def _items_of(self, name: str) -> list[pytest.Item]:
        """The tests that reach its function: its module's own, then quick ones."""
        names: Iterable[str] = self._tests.get(name.partition("__mutmut_")[0], ())
        for prefix, suite in TESTED_BY_ALL.items():
            if name.startswith(prefix):
                names = (n for n in self._items if n.startswith(suite))
        known = [n for n in names if n in self._items]
        own = f"/test_{name.partition('__mutmut_')[0].split('.')[-2]}"
        known.sort(key=lambda n: (own not in n, self._seconds.get(n, 0.0), n))
        return [self._items[n] for n in known]

    def _killers_first(self, name: str, items: list[pytest.Item]) -> list[pytest.Item]:
        """What killed a mutant of the same function is likely to kill this one."""
        killers = self._killers.get(name.partition("__mutmut_")[0], [])
        known = {killer: place for place, killer in enumerate(reversed(killers))}
        return sorted(items, key=lambda item: known.get(item.nodeid, len(known)))

    def _fork(
        self, session: pytest.Session, name: str, items: Sequence[pytest.Item]
    ) -> None:
        told, tell = os.pipe()
        pid = os.fork()
        if pid:
            os.close(tell)
            self._running[pid] = Fork(name, told)
            return
        code = 1
        try:
            killer = _killer(session, name, items, self._seconds)
            os.write(tell, killer.encode())
            code = int(bool(killer))
        finally:
            os._exit(code)

    def _wait(self, *, below: int) -> None:
        while len(self._running) >= below:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                self._look()
                continue
            fork = self._running.pop(pid)
            with os.fdopen(fork.told, "rb") as pipe:
                self._note_killer(fork.name, pipe.read().decode())
            code = os.waitstatus_to_exitcode(status)
            self.ends[fork.name] = ENDS.get(code, "timeout")

    def _look(self) -> None:
        """End what waits for ever. What is only slow, or was stopped, does not.

        No clock on the wall can tell: on a busy machine every mutant would be late.
        """
        time.sleep(_LOOK_S)
        self._waited_s += _LOOK_S
        if self._waited_s < 1:
            return
        for pid, fork in self._running.items():
            used = psutil.Process(pid).cpu_times()
            spent_s = used.user + used.system
            moved = spent_s - fork.spent_s >= _LEAST_CPU_S
            fork.spent_s = spent_s if moved else fork.spent_s
            fork.still_s = 0.0 if moved else fork.still_s + self._waited_s
            if fork.still_s >= STILL_S:
                os.kill(pid, signal.SIGKILL)
        self._waited_s = 0.0

    def _note_killer(self, name: str, killer: str) -> None:
        killers = self._killers.setdefault(name.partition("__mutmut_")[0], [])
        if killer in killers:
            killers.remove(killer)
        if killer:
            killers.append(killer)

    def _say(self, done: int) -> None:
        self.answer.write_text(json.dumps(self.ends, indent=1), encoding="utf-8")
        alive = sum(end == "survived" for end in self.ends.values())
        sys.stdout.write(f"{done} of {len(self.names)} tried, {alive} alive\n")
        sys.stdout.flush()


def _killer(
    session: pytest.Session,
    name: str,
    items: Sequence[pytest.Item],
    seconds: Mapping[str, float],
) -> str:
    """In the fork: the first test that fails while the mutant is alive, or none."""
    os.environ["MUTANT_UNDER_TEST"] = name
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    _forget_what_was_built()
    for item, after in zip(items, (*items[1:], None), strict=True):
        _limit(seconds.get(item.nodeid, 0.0))
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if session.testsfailed:
            return item.nodeid
    return ""


def _limit(usual_s: float) -> None:
    """End the fork when its next test computes for far longer than usual."""
    spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    most = int(spent + CPU_LIMIT * usual_s + CPU_MORE_S)
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def _forget_what_was_built() -> None:
    """What is built at first use must be built by the mutant."""
    for name, module in list(sys.modules.items()):
        if name.startswith("healthpay_"):
            for value in list(vars(module).values()):
                clear = getattr(value, "cache_clear", None)
                if callable(clear):
                    clear()


def main(asked: Path, answer: Path) -> int:
    """Try the mutants that are asked for, and write down how each ended.

    `tests` chooses among the suites; all of them if left out.
    """
    wanted = json.loads(asked.read_text(encoding="utf-8"))
    trial = Trial(wanted["names"], wanted["children"], answer)
    # Nobody reads how a test failed, and to say it takes most of the time.
    brief = ("-q", "-s", "--tb=native", "--assert=plain")
    options = (*brief, "-pno:cacheprovider", "-pno:unraisableexception")
    timed = ("-ppytest_timeout", "--timeout=0")
    chosen = wanted.get("tests", ["tests"])
    examples = settings(derandomize=True, deadline=None, phases=tuple(_PHASES))
    settings.register_profile("mutants", examples)
    settings.load_profile("mutants")
    code = pytest.main([*options, *timed, *chosen], plugins=[trial])
    return int(code)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
