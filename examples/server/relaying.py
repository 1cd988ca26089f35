"""The relay beside the server: where it publishes to, and what it needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog

from examples.server.parsing import KafkaRelay
from healthpay_core import Err
from healthpay_kafka import (
    BrokerUnavailable,
    FileCheckpoint,
    PublishObserver,
    Relay,
)
from healthpay_sql import SqliteEventStore

_log = structlog.get_logger("healthpay")
_BEGIN_S: Final = 5.0
_DRAIN_S: Final = 2.0


class RelayRefused(Exception):
    """The topics are not safe, or belong to another store; says every fault."""


def relay_of(
    store: SqliteEventStore, to: KafkaRelay, observer: PublishObserver | None = None
) -> Relay:
    """The relay of a store; its checkpoint is beside the store's file."""
    return Relay(
        store,
        to.servers,
        topics=to.topics,
        checkpoint=FileCheckpoint(checkpoint_of(store.path)),
        observer=observer,
    )


def checkpoint_of(store: Path) -> Path:
    """The file in which a relay keeps how far it is."""
    return store.with_name(f"{store.name}.relay")


def prepare(relay: Relay) -> bool:
    """Whether it can publish now; a broker that is away may come later.

    Raises:
        RelayRefused: It could not, however long it waited.
    """
    prepared = relay.prepare()
    if not isinstance(prepared, Err):
        return True
    if not isinstance(prepared.error, BrokerUnavailable):
        raise RelayRefused(str(prepared.error))
    _log.warning("the relay's broker is away", reason=prepared.error.reason)
    return False


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[None]:
    """Publish in a thread; at the end what is stored is published, if it can be.

    Raises:
        RelayRefused: See `prepare`.
    """
    can_publish = await asyncio.to_thread(prepare, relay)
    with relay:
        if can_publish:
            # Readiness shall not begin with "not ready" when all is well.
            await asyncio.to_thread(relay.wait_until_following, _BEGIN_S)
        try:
            yield
        finally:
            await asyncio.to_thread(relay.drain, _DRAIN_S)
            relay.stop()
            await asyncio.to_thread(relay.join)
