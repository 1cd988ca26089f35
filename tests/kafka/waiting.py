"""Waiting for what must come, and no longer than it may take."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(is_so: Callable[[], bool], what: str, *, timeout_s: float = 60) -> None:
    """Return when it is so.

    Raises:
        AssertionError: It is not, in that time.
    """
    until = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < until, f"not within {timeout_s} s: {what}"
        time.sleep(0.01)
