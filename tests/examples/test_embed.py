"""The library in another program, as the README shows it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_embedding_runs_and_says_what_happened() -> None:
    """Without a server: committed, replayed once, refused, and the past."""
    done = subprocess.run(
        [sys.executable, "-m", "examples.embed"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stderr == ""
    answers = [line[24:].strip() for line in done.stdout.splitlines()]
    assert answers[:5] == [
        "pending, balance EGP 0.00",
        "active, balance EGP 0.00",
        "active, balance EGP 500.00",
        "active, balance EGP 374.50",
        "active, balance EGP 374.50, nothing happened now",
    ]
    assert answers[5].startswith("INSUFFICIENT_FUNDS: ")
    assert answers[6] == "balance EGP 500.00"
    assert len(answers) == 7
