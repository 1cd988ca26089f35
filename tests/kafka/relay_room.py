"""Stores with events in them, and relays that publish them."""

from __future__ import annotations

from healthpay_core import Command, CommandHandler
from healthpay_core.testing.builders import request, wallet_id
from healthpay_kafka import Relay
from healthpay_sql import SqliteEventStore
from tests.kafka.reading import all_of
from tests.kafka.waiting import wait_until

A, B = wallet_id("a"), wallet_id("b")


def do(store: SqliteEventStore, *commands: Command) -> None:
    """Decide one command after the other, whatever becomes of it."""
    handler = CommandHandler(store, snapshots=store)
    for command in commands:
        handler.handle(request(command))


def publish_all(relay: Relay, store: SqliteEventStore) -> None:
    """Run a relay until everything is published."""
    last = all_of(store)[-1].position
    with relay:
        wait_until(lambda: relay.position == last, "everything is published")
        assert relay.fault is None
        assert relay.lag_s() == 0
        assert relay.health(max_lag_s=0) is None
        assert relay.drain(timeout_s=0)
