"""`python -m tools.postgres`: a server until Ctrl-C or SIGTERM; prints its URL."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import suppress

from tools.postgres import running


def main() -> int:
    """Start, print, wait, stop."""
    argparse.ArgumentParser(
        prog="python -m tools.postgres", description=__doc__
    ).parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), running() as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        signal.pause()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
