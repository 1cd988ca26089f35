"""Uvicorn, told how to start and how to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket
from typing import TYPE_CHECKING, cast

import uvicorn

from examples.server.protocol import watched

if TYPE_CHECKING:
    from uvicorn._types import ASGIApplication

    from examples.server.settings import Settings
    from healthpay_http import HealthPayApp


class GracefulServer(uvicorn.Server):
    """A uvicorn server that says that it stops before it stops.

    Args:
        app: What it serves.
        settings: Where, and how long each step of the stop may take.
        on_listening: Is told the URL, once requests can come.
        on_stopping: Turns readiness to 503, while requests are still answered.
    """

    def __init__(
        self,
        app: HealthPayApp,
        settings: Settings,
        *,
        on_listening: Callable[[str], None],
        on_stopping: Callable[[], None],
    ) -> None:
        super().__init__(_config(app, settings))
        self._drain_s = settings.drain_s
        self._on_listening = on_listening
        self._on_stopping = on_stopping
        self._was_terminated = False

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Uvicorn's own raises the signal again after the last answer, which
        # would end the process before the store is closed.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop, number)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        # What is there now stays: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        self._on_listening(f"http://{shown}:{port}")

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._on_stopping()
        if self._was_terminated:
            # Whoever asks for readiness gets the time to see it.
            await asyncio.sleep(self._drain_s)
        await super().shutdown(sockets)

    def _stop(self, number: signal.Signals) -> None:
        self._was_terminated |= number is signal.SIGTERM
        self.handle_exit(number, None)


def _config(app: HealthPayApp, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        # ASGI both, but uvicorn types each message, HealthPay any mapping.
        cast("ASGIApplication", app),
        host=settings.host,
        port=settings.port,
        loop="none",
        http=watched(read_timeout_s=settings.read_timeout_s),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.stop_timeout_s,
    )
