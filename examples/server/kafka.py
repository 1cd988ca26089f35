"""The server on Kafka: a gateway for commands, a read model for queries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Final

import structlog

from examples.server.stores import opened, repeated
from healthpay_core import Err, Observer, Sweeper, SystemClock
from healthpay_http import Backend, HealthCheck
from healthpay_kafka import (
    BrokerCheck,
    FreshQueries,
    GatewaySettings,
    KafkaGateway,
    ReadModel,
    check_topics,
)

if TYPE_CHECKING:
    from examples.server.parsing import KafkaStore
    from examples.server.settings import Settings

_log = structlog.get_logger("healthpay")
_CATCH_UP_S: Final = 600.0


class KafkaNotReady(Exception):
    """The broker or its topics cannot be used; says why and what to do."""


@asynccontextmanager
async def on_kafka(
    settings: Settings, store: KafkaStore, observers: Sequence[Observer]
) -> AsyncIterator[Backend]:
    """A backend whose commands are decided by processors.

    It is entered when queries can be answered from everything that had been
    decided by then.

    Raises:
        KafkaNotReady: The broker does not answer, its topics are unsafe, or what
            was decided cannot be read in ten minutes.
    """
    checked = await asyncio.to_thread(check_topics, store.servers, store.topics)
    if isinstance(checked, Err):
        hint = "make them with `healthpay-kafka topics create`"
        raise KafkaNotReady(f"{checked.error} ({hint})")
    gateway_settings = GatewaySettings(
        bootstrap_servers=store.servers,
        topics=store.topics,
        reply_partition=settings.reply_partition,
        name=f"server-{settings.reply_partition}",
    )
    with (
        opened(settings.read_model, "NORMAL") as local,
        ReadModel(store.servers, store.topics, local) as model,
    ):
        queries = FreshQueries(model, local, local)
        gateway = KafkaGateway(gateway_settings, observers=(queries, *observers))
        with closing(gateway):
            await asyncio.to_thread(gateway.open)
            await asyncio.to_thread(until_caught_up, model, _CATCH_UP_S)
            sweeper = Sweeper(gateway.execute, local, SystemClock())
            checks: dict[str, HealthCheck] = {
                "broker": BrokerCheck(store.servers),
                "gateway": gateway.fault,
                "readModel": model.fault,
            }
            async with repeated(sweeper, settings.sweep_every_s):
                yield Backend(gateway, queries, checks)


def until_caught_up(model: ReadModel, timeout_s: float) -> None:
    """Wait until a read model has all that had been decided.

    Raises:
        KafkaNotReady: It has not in this time; the text says why.
    """
    if not model.wait_until_caught_up(timeout_s):
        raise KafkaNotReady(f"queries cannot be answered: {model.fault()}")
