"""The benchmarks on a broker run, and print what they promise; no time is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tools.broker import Broker
from tools.broker.broker import GIVEN

ROOT = Path(__file__).parents[2]


def test_the_rows_on_a_broker_run(broker: Broker) -> None:
    """Rows 6, 10 and 13 measure what they say on a real broker."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "6", "10", "13", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={**os.environ, GIVEN: broker.bootstrap_servers},
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(text) for text in done.stdout.splitlines()]
    assert {line["row"] for line in lines} == {6, 10, 13}
    assert all(line["measured"] and line["value"] > 0 for line in lines)
    names = " | ".join(line["figure"] for line in lines)
    for part in (
        "end to end",
        "per CPU second",
        "open loop",
        "offsets first",
        "restored",
        "catching up",
        "recorded to acknowledged",
    ):
        assert part in names
