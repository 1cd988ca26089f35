"""Where mutmut works: a copy of what it mutates and of the tests that must see it.

mutmut takes a module's name from its path, so the sources of both distributions stand
in one `src` there, and nothing of them may be installed beside it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DISTRIBUTIONS: Final = ("healthpay_core", "healthpay_wire")
TESTS: Final = ("core", "wire")
# It reads sources and starts a bare interpreter: both see what is not mutated.
LEFT_OUT: Final = "tests/core/test_imports.py"
ANY_MUTANT: Final = "healthpay_wire.upcasters.*_1"
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


def make_mutants(room: Path, children: int) -> int:
    """Have mutmut make all mutants and find each function's tests; its exit code.

    It tries a few of them, which proves its own workings: clean tests pass, and a
    forced failure fails.
    """
    command = ("mutmut", "run", f"--max-children={children}", ANY_MUTANT)
    return subprocess.run(command, cwd=room, env=_env(), check=False).returncode


def names_of(room: Path) -> list[str]:
    """The name of every mutant, in the order of the settings."""
    settings = tomllib.loads((room / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[str] = []
    for source in settings["tool"]["mutmut"]["only_mutate"]:
        path = room / "mutants" / f"{source}.meta"
        found += json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def tried(room: Path, children: int, names: Sequence[str]) -> Mapping[str, str]:
    """What became of each mutant: killed, timeout, survived, or no tests.

    What was tried so far stands in `answer.json`, should it be interrupted.

    Raises:
        RuntimeError: They could not all be tried.
    """
    place = room / "mutants"
    asked, answer = room / "asked.json", room / "answer.json"
    asked.write_text(json.dumps({"names": list(names), "children": children}))
    answer.unlink(missing_ok=True)
    command = ("-m", "tools.mutants.trial", str(asked), str(answer))
    path = os.pathsep.join((str(place / "src"), str(ROOT)))
    env = _env() | {"PYTHONPATH": path}
    subprocess.run([sys.executable, *command], cwd=place, env=env, check=False)
    text = answer.read_text(encoding="utf-8") if answer.exists() else "{}"
    said: dict[str, str] = json.loads(text)
    if said.keys() != set(names):
        raise RuntimeError("the mutants could not be tried")
    return said


def _env() -> dict[str, str]:
    return os.environ | {
        # Hypothesis: the same examples each time, and no impatience on a busy machine.
        "CI": "true",
        "PYTHONHASHSEED": "0",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
