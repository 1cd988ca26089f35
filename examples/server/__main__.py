"""`python -m examples.server`: HealthPay over HTTP, on a loopback address."""

from __future__ import annotations

import asyncio
import os
import sys

import structlog
import uvloop

from examples.server import logs
from examples.server.asgi import made
from examples.server.kafka import KafkaNotReady
from examples.server.relaying import RelayRefused
from examples.server.serving import GracefulServer
from examples.server.settings import Settings, SettingsError, load
from healthpay_sql import StoreFileError

WRONG_SETTINGS = 2
NO_STORE = 3
NO_RELAY = 4
BANNER = """\
HealthPay listens on {url}, events in {store}; interactive docs on {url}/docs
*** NO AUTHENTICATION: whoever reaches {url} can move all the money. ***
"""


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; the exit code says what went wrong."""
    try:
        settings = load()
    except SettingsError as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem}\n")
        return WRONG_SETTINGS
    logs.configure(settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except (StoreFileError, KafkaNotReady, ConnectionError) as error:
        sys.stderr.write(f"HEALTHPAY_STORE: {error}\n")
        return NO_STORE
    except RelayRefused as error:
        for fault in str(error).splitlines():
            sys.stderr.write(f"HEALTHPAY_RELAY: {fault}\n")
        return NO_RELAY
    return 0


async def _serve(settings: Settings) -> None:
    log: structlog.stdlib.BoundLogger = structlog.get_logger("healthpay")

    def listening(url: str) -> None:
        sys.stderr.write(BANNER.format(url=url, store=settings.store))
        sys.stderr.flush()
        facts = {"store": str(settings.store), "policy": settings.limit_policy.ref.id}
        log.warning(
            "listening without authentication", url=url, pid=os.getpid(), **facts
        )

    app = made(settings)
    server = GracefulServer(
        app, settings, on_listening=listening, on_stopping=app.drain
    )
    async with app.running():
        await server.serve()
    log.info("stopped")


if __name__ == "__main__":
    raise SystemExit(main())
