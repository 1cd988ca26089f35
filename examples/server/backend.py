"""The composition root: from settings to what the application works on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from typing import TYPE_CHECKING

from examples.server.kafka import on_kafka
from examples.server.parsing import KafkaStore
from examples.server.relaying import relay_of, relaying
from examples.server.stores import StoreCheck, opened, repeated
from healthpay_core import (
    CommandHandler,
    LocalRuntime,
    Observer,
    StoreQueries,
    Sweeper,
)
from healthpay_http import Backend, HealthCheck, Publications
from healthpay_kafka import BrokerCheck
from healthpay_sql import SqliteEventStore

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
        RelayRefused: The topics cannot be published to; the text says why.
    """
    if isinstance(settings.store, KafkaStore):
        async with on_kafka(settings, settings.store, observers) as backend:
            yield backend
        return
    async with AsyncExitStack() as closing_in_turn:
        store = closing_in_turn.enter_context(
            opened(settings.store, settings.synchronous)
        )
        checks: dict[str, HealthCheck] = {"store": StoreCheck(store)}
        publications = None
        if settings.relay is not None and isinstance(store, SqliteEventStore):
            publications = Publications()
            relay = relay_of(store, settings.relay, publications)
            publications.follow(relay.lag_s)
            checks["broker"] = BrokerCheck(settings.relay.servers)
            checks["relay"] = partial(relay.health, settings.relay_max_lag_s)
            observers = (*observers, relay)
            await closing_in_turn.enter_async_context(relaying(relay))
        handler = CommandHandler(
            store,
            policy=settings.limit_policy,
            snapshots=store,
            observers=observers,
        )
        runtime = closing_in_turn.enter_context(closing(LocalRuntime(handler)))
        queries = StoreQueries(store, store)
        sweeper = Sweeper(runtime.execute, store, handler.clock)
        async with repeated(sweeper, settings.sweep_every_s):
            yield Backend(runtime, queries, checks, publications)
