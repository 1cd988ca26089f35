"""Programs that fetch something: a network may fail once."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_TRIES: Final = 3
_PAUSE_S: Final = 5.0


def fetched(
    command: Sequence[str], *, folder: Path, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run it in a folder until it succeeds, three times at most; the last outcome.

    Raises:
        TimeoutExpired: One of the runs takes longer than that.
    """
    for tries in range(1, _TRIES + 1):
        done = subprocess.run(
            command,
            check=False,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        if not done.returncode or tries == _TRIES:
            return done
        time.sleep(_PAUSE_S)
    raise AssertionError
