"""Stores of this machine, and the sweep that runs beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

import structlog

from examples.server.parsing import MemoryStore, SqliteStore
from healthpay_core import (
    InMemoryEventStore,
    StoreFault,
    StreamCorrupted,
    Sweeper,
)
from healthpay_sql import SqliteEventStore
from healthpay_wire.envelopes import digest

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_log = structlog.get_logger("healthpay")

OpenStore = SqliteEventStore | InMemoryEventStore


@asynccontextmanager
async def repeated(sweeper: Sweeper, every_s: float) -> AsyncIterator[None]:
    """Sweep now and then in a worker thread, until the application stops."""
    stopping = asyncio.Event()

    async def sweep_on() -> None:
        while not stopping.is_set():
            try:
                swept = await asyncio.to_thread(sweeper.sweep)
            except (StoreFault, StreamCorrupted) as fault:
                _log.warning("sweep failed", reason=str(fault))
            except Exception:
                # A bug, too, must not end the sweeps in silence.
                _log.exception("sweep failed")
            else:
                if swept.authorizations or swept.cards:
                    _log.info("swept", **asdict(swept))
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), every_s)

    task = asyncio.create_task(sweep_on())
    try:
        yield
    finally:
        # The sweep under way ends before the store is closed.
        stopping.set()
        await task


def opened(
    store: SqliteStore | MemoryStore, synchronous: Literal["FULL", "NORMAL"]
) -> AbstractContextManager[OpenStore]:
    """A store of this machine, for as long as it is needed."""
    if isinstance(store, SqliteStore):
        return SqliteEventStore(store.path, synchronous=synchronous)
    return nullcontext(InMemoryEventStore(digest=digest))


class StoreCheck:
    """A store's health (H8); that it went, and that it is back, is logged too."""

    def __init__(self, store: OpenStore) -> None:
        self._store = store
        self._last: str | None = None

    def __call__(self) -> str | None:
        """Why the store cannot do its work now; None while it can."""
        store = self._store
        if not isinstance(store, SqliteEventStore):
            return None
        reason = store.fault()
        if reason is not None and self._last is None:
            _log.error("store is not available", store=str(store.path), reason=reason)
        elif reason is None and self._last is not None:
            _log.warning("store is available again", store=str(store.path))
        self._last = reason
        return reason
