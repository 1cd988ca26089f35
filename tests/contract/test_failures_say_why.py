"""A failure of a contract shows the values that it compared, wherever it is run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OF_A_USER = """
from healthpay_core import InMemoryEventStore
from healthpay_core.testing.contracts import Capability, EventStoreContract

class CountsItsOwn(InMemoryEventStore):
    def epoch(self):
        return 4711 + len(self.feed())

class TestIt(EventStoreContract, without=dict.fromkeys(Capability, "a trial")):
    def make_store(self):
        return CountsItsOwn()
"""


def test_a_failure_shows_the_values(tmp_path: Path) -> None:
    """V2: without any conftest a user's failing store is told what it said wrong."""
    (tmp_path / "test_of_a_user.py").write_text(OF_A_USER, encoding="utf-8")
    # Whatever a developer has set for pytest and Python is not there for a user.
    settings = {k: v for k, v in os.environ.items() if not k.startswith("PY")}
    chosen = ("-k", "test_own_appends_leave_the_epoch_alone")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *chosen],
        cwd=tmp_path,
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed" in done.stdout, done.stdout + done.stderr
    assert "assert 4712 == 4711" in done.stdout


def test_the_plugin_imports_no_kit() -> None:
    """V2: what every run of pytest loads brings neither the kit nor Hypothesis."""
    code = (
        "import sys, healthpay_core.pytest_plugin\n"
        "kit = {n for n in sys.modules if n.startswith('healthpay_core.testing')}\n"
        "assert not kit and 'hypothesis' not in sys.modules, kit\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True, timeout=60)
