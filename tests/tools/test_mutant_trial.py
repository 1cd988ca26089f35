"""How a trial of mutants ends: what waits for ever is ended, what is slow is not."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.mutants import trial
from tools.mutants.trial import Fork, Trial

STILL_S = 6
"""In less, a busy machine may let a fork that computes do next to nothing."""


@pytest.fixture
def trying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    """A trial that knows no tests, and is quick to call a fork still."""
    known: dict[str, object] = {
        "tests_by_mangled_function_name": {},
        "duration_by_test": {},
    }
    (tmp_path / "mutmut-stats.json").write_text(json.dumps(known), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trial, "STILL_S", STILL_S)
    return Trial([], 1, tmp_path / "answer.json")


def _fork(trying: Trial, work: Callable[[], object], code: int) -> str:
    """Have a fork do something and end with this code; what is noted of it."""
    told, tell = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(code)
    os.close(tell)
    trying._running[pid] = Fork("m__mutmut_1", told)
    trying._wait(below=1)
    return trying.ends["m__mutmut_1"]


def _compute() -> None:
    """For longer than anything may be still."""
    until = time.monotonic() + STILL_S + 2
    while time.monotonic() < until:
        pass


def test_what_waits_for_ever_is_ended(trying: Trial) -> None:
    """A mutant for which a test waits in vain was seen by it."""
    assert _fork(trying, lambda: time.sleep(120), 0) == "timeout"


def test_what_only_takes_long_is_let_go_on(trying: Trial) -> None:
    """A busy machine kills no mutant, and saves none."""
    assert _fork(trying, _compute, 0) == "survived"


def test_a_fork_ends_as_it_says(trying: Trial) -> None:
    """Whose tests passed lives, whose test failed does not."""
    assert _fork(trying, int, 0) == "survived"
    assert _fork(trying, int, 1) == "killed"
