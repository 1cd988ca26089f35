"""The composition root: from settings to what the application works on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, nullcontext, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import structlog

from examples.server.parsing import SqliteStore
from healthpay_core import (
    CommandHandler,
    InMemoryEventStore,
    LocalRuntime,
    Observer,
    StoreFault,
    StoreQueries,
    StreamCorrupted,
    Sweeper,
)
from healthpay_http import Backend
from healthpay_sql import SqliteEventStore
from healthpay_wire.envelopes import digest

_log = structlog.get_logger("healthpay")

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from examples.server.settings import Settings

Store = SqliteEventStore | InMemoryEventStore


@asynccontextmanager
async def resources(
    settings: Settings, observers: Sequence[Observer] = ()
) -> AsyncIterator[Backend]:
    """What the application works on, from the first request to the last.

    Raises:
        StoreFileError: The store's file cannot be used; the text says why.
    """
    with _opened(settings) as store:
        handler = CommandHandler(
            store,
            policy=settings.limit_policy,
            snapshots=store,
            observers=observers,
        )
        with closing(LocalRuntime(handler)) as runtime:
            queries = StoreQueries(store, store)
            sweeper = Sweeper(runtime.execute, store, handler.clock)
            async with _repeated(sweeper, settings.sweep_every_s):
                yield Backend(runtime, queries, {"store": lambda: _fault_of(store)})


@asynccontextmanager
async def _repeated(sweeper: Sweeper, every_s: float) -> AsyncIterator[None]:
    """Sweep now and then in a worker thread, until the application stops."""
    stopping = asyncio.Event()

    async def sweep_on() -> None:
        while not stopping.is_set():
            try:
                swept = await asyncio.to_thread(sweeper.sweep)
            except (StoreFault, StreamCorrupted) as fault:
                _log.warning("sweep failed", reason=str(fault))
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


def _opened(settings: Settings) -> AbstractContextManager[Store]:
    if isinstance(settings.store, SqliteStore):
        path, synchronous = settings.store.path, settings.synchronous
        return SqliteEventStore(path, synchronous=synchronous)
    return nullcontext(InMemoryEventStore(digest=digest))


def _fault_of(store: Store) -> str | None:
    try:
        store.feed(after=0, limit=1)
    except StoreFault as fault:
        return str(fault) or "cannot be read"
    return None
