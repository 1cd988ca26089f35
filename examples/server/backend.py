"""The composition root: from settings to what the application works on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, nullcontext
from typing import TYPE_CHECKING

from examples.server.parsing import SqliteStore
from healthpay_core import (
    CommandHandler,
    InMemoryEventStore,
    LocalRuntime,
    Observer,
    StoreFault,
    StoreQueries,
)
from healthpay_http import Backend
from healthpay_sql import SqliteEventStore
from healthpay_wire.envelopes import digest

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
            yield Backend(runtime, queries, {"store": lambda: _fault_of(store)})


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
