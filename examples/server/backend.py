"""The composition root: from settings to what the application works on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

from examples.server.kafka import on_kafka
from examples.server.parsing import KafkaStore
from examples.server.stores import fault_of, opened, repeated
from healthpay_core import (
    CommandHandler,
    LocalRuntime,
    Observer,
    StoreQueries,
    Sweeper,
)
from healthpay_http import Backend

if TYPE_CHECKING:
    from examples.server.settings import Settings


@asynccontextmanager
async def resources(
    settings: Settings, observers: Sequence[Observer] = ()
) -> AsyncIterator[Backend]:
    """What the application works on, from the first request to the last.

    Raises:
        StoreFileError: The store's file cannot be used; the text says why.
        KafkaNotReady: The broker or its topics cannot be used; the text says why.
    """
    if isinstance(settings.store, KafkaStore):
        async with on_kafka(settings, settings.store, observers) as backend:
            yield backend
        return
    with opened(settings.store, settings.synchronous) as store:
        handler = CommandHandler(
            store,
            policy=settings.limit_policy,
            snapshots=store,
            observers=observers,
        )
        with closing(LocalRuntime(handler)) as runtime:
            queries = StoreQueries(store, store)
            sweeper = Sweeper(runtime.execute, store, handler.clock)
            async with repeated(sweeper, settings.sweep_every_s):
                yield Backend(runtime, queries, {"store": lambda: fault_of(store)})
