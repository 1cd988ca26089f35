"""schemathesis as the program that it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.edge.reaching import CALLS
from tests.simulation.driving import ROOT

_CONFIG: Final = Path(__file__).with_name("schemathesis.toml")


def schemathesis(
    url: str, where: Path, *options: str, limit_s: float, calls: Path | None = None
) -> str:
    """Run it with every check that it has; what it says.

    Args:
        url: The server.
        where: A folder for what it leaves.
        options: More of the command line.
        limit_s: It must have ended by then.
        calls: Where to note each call.

    Raises:
        AssertionError: It found something, and this is what it said of it.
    """
    noted = {} if calls is None else {CALLS: str(calls)}
    process = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIG)),
            *("run", f"{url}/openapi.json", "--checks", "all"),
            *("--continue-on-failure", *options),
        ],
        cwd=where,
        env={**os.environ, "PYTHONPATH": str(ROOT), **noted},
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout
