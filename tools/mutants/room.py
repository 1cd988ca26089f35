"""Where mutmut works: a copy of what it mutates and of the tests that must see it.

mutmut takes a module's name from its path, so the sources of both distributions stand
in one `src` there, and nothing of them may be installed beside it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DISTRIBUTIONS: Final = ("healthpay_core", "healthpay_wire")
SUITES: Final = {"healthpay_core": "tests/core", "healthpay_wire": "tests/wire"}
TESTS: Final = ("core", "wire", "property")
# It reads sources and starts a bare interpreter: both see what is not mutated.
LEFT_OUT: Final = "tests/core/test_imports.py"
QUICKLY: Final = ("-pno:cacheprovider", "-pno:unraisableexception", "-ppytest_timeout")
LOOK_TIMEOUT_S: Final = 120.0
_UNWANTED: Final = shutil.ignore_patterns("__pycache__", ".hypothesis")


def lay_out(room: Path, *, again: bool) -> None:
    """Bring sources, tests and settings; `again` keeps what mutmut knows."""
    for name in ("src", "tests") if again else ("",):
        shutil.rmtree(room / name, ignore_errors=True)
    for name in DISTRIBUTIONS:
        # `copytree` keeps times: what has not changed is not mutated again.
        source = ROOT / name / "src" / name
        shutil.copytree(source, room / "src" / name, ignore=_UNWANTED)
    for suite in TESTS:
        shutil.copytree(
            ROOT / "tests" / suite, room / "tests" / suite, ignore=_UNWANTED
        )
    shutil.copy(ROOT / "tests" / "conftest.py", room / "tests")
    (room / LEFT_OUT).unlink()
    shutil.copy(ROOT / "pyproject.toml", room)


def run_mutmut(room: Path, children: int, names: Sequence[str]) -> int:
    """Make all mutants, and try those whose names match; mutmut's exit code."""
    command = ("mutmut", "run", f"--max-children={children}", *names)
    return subprocess.run(command, cwd=room, env=_env(), check=False).returncode


def results(room: Path) -> Mapping[str, str]:
    """Each mutant's status, as mutmut says it."""
    command = ("mutmut", "results", "--all=true")
    said = subprocess.run(command, cwd=room, check=True, capture_output=True, text=True)
    lines = [line.strip() for line in said.stdout.splitlines() if "__mutmut_" in line]
    return {name: status for name, _, status in (ln.partition(": ") for ln in lines)}


def killed_afresh(room: Path, children: int, names: Sequence[str]) -> frozenset[str]:
    """Those that a new process kills.

    mutmut forks from a process that has imported everything, so what is built once,
    at import or at first use, was built before its mutant came to life.
    """
    with ThreadPoolExecutor(children) as pool:
        seen = list(pool.map(lambda name: _is_killed(room, name), names))
    return frozenset(name for name, killed in zip(names, seen, strict=True) if killed)


def _is_killed(room: Path, name: str) -> bool:
    suite = SUITES[name.partition(".")[0]]
    place = room / "mutants"
    path = os.pathsep.join((str(place / "src"), str(place)))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-xq", *QUICKLY, suite],
            cwd=place,
            env=_env() | {"PYTHONPATH": path, "MUTANT_UNDER_TEST": name},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=LOOK_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def _env() -> dict[str, str]:
    return os.environ | {
        "HYPOTHESIS_PROFILE": "mutants",
        "PYTHONHASHSEED": "0",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
