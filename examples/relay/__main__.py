"""`python -m examples.relay`: what a store holds is published to Kafka.

It reads the server's settings of store, relay and log level, and no others.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from time import monotonic
from types import FrameType
from typing import Final

import structlog

from examples.server import logs
from examples.server.parsing import SqliteStore
from examples.server.relaying import RelayRefused, prepare, relay_of
from examples.server.settings import SettingsError, load
from healthpay_sql import SqliteEventStore, StoreFileError

WRONG_SETTINGS = 2
NO_STORE = 3
NO_RELAY = 4
_SAY_EVERY_S: Final = 10.0


class Progress:
    """Says now and then how much has been published."""

    def __init__(self) -> None:
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger("healthpay")
        self._events = 0
        self._said = 0.0

    def published(self, durations_s: Sequence[float]) -> None:
        self._events += len(durations_s)
        if monotonic() - self._said > _SAY_EVERY_S:
            self._said = monotonic()
            self._log.info("published", events=self._events)


def main() -> int:
    """Publish until SIGTERM or Ctrl-C; the exit code says what went wrong."""
    try:
        settings = load()
    except SettingsError as error:
        return _wrong(WRONG_SETTINGS, *error.problems)
    if settings.relay is None or not isinstance(settings.store, SqliteStore):
        return _wrong(WRONG_SETTINGS, "HEALTHPAY_RELAY: say where to publish to")
    logs.configure(settings.log_level)
    try:
        with SqliteEventStore(settings.store.path) as store:
            relay = relay_of(store, settings.relay, Progress())

            def stop(_: int, __: FrameType | None) -> None:
                relay.stop()

            signal.signal(signal.SIGTERM, stop)
            signal.signal(signal.SIGINT, stop)
            prepare(relay)
            sys.stderr.write(f"publishing {settings.store} to {settings.relay}\n")
            relay.run()
    except StoreFileError as error:
        return _wrong(NO_STORE, f"HEALTHPAY_STORE: {error}")
    except RelayRefused as error:
        faults = str(error).splitlines()
        return _wrong(NO_RELAY, *(f"HEALTHPAY_RELAY: {fault}" for fault in faults))
    return 0


def _wrong(code: int, *problems: str) -> int:
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
