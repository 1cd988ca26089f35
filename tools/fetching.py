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

    One that takes longer than `timeout_s` has failed, and `stderr` says so.
    """
    done = _run(command, folder, timeout_s)
    for _ in range(_TRIES - 1):
        if not done.returncode:
            break
        time.sleep(_PAUSE_S)
        done = _run(command, folder, timeout_s)
    return done


def _run(
    command: Sequence[str], folder: Path, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            check=False,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as error:
        return subprocess.CompletedProcess(command, 1, stdout="", stderr=str(error))
