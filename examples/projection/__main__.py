"""`python -m examples.projection [follow|rebuild|parked|healthy]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from threading import Event
from typing import Final

from examples.projection import following, operating
from examples.projection.settings import Settings, SettingsError, load
from examples.server import logs

WRONG_SETTINGS: Final = 2
CANNOT_GO_ON: Final = 4
_STALE_S: Final = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked; the exit code says what went wrong.

    0: done. 1: not healthy, or a rebuild was refused. 2: wrong settings. 4: the
    log is not the view's any more, or too much of it cannot be applied.
    """
    parser = argparse.ArgumentParser(prog="python -m examples.projection")
    actions = ("follow", "rebuild", "parked", "healthy")
    parser.add_argument("action", nargs="?", default="follow", choices=actions)
    action: str = parser.parse_args(arguments).action
    try:
        settings = load(os.environ)
    except SettingsError as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem}\n")
        return WRONG_SETTINGS
    logs.configure(settings.log_level)
    match action:
        case "rebuild":
            return operating.rebuild_view(settings)
        case "parked":
            return operating.print_parked(settings)
        case "healthy":
            return _healthy(settings)
        case _:
            return _follow(settings)


def _follow(settings: Settings) -> int:
    stopping = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return 0 if following.follow(settings, stopping) else CANNOT_GO_ON


def _healthy(settings: Settings) -> int:
    """Whether the file of the heartbeat was touched lately."""
    file = settings.heartbeat
    if file is None or not file.is_file():
        return 1
    return 0 if time.time() - file.stat().st_mtime < _STALE_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
