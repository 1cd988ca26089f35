"""The relay while nodes are lost: nothing is lost with them."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event, Thread

import pytest

from healthpay_core import CommandHandler
from healthpay_core.testing.builders import deposit, funded, request, wallet_id
from healthpay_kafka import FileCheckpoint, Relay, Topics
from healthpay_sql import SqliteEventStore
from tests.kafka.reading import all_of, audit, read_events
from tests.kafka.waiting import wait_until
from tools.broker import Broker

WALLETS = tuple(wallet_id(f"cluster {n}") for n in range(8))

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]


def test_each_node_in_turn_is_lost_while_events_are_published(
    cluster: Broker, made_topics: Topics, tmp_path: Path
) -> None:
    """V7, H8: leaders move, two nodes are down at once, and no event is lost."""
    stopping = Event()
    with SqliteEventStore(tmp_path / "store.db", synchronous="NORMAL") as store:
        handler = CommandHandler(store, snapshots=store)
        for wallet in WALLETS:
            handler.handle_many([request(c) for c in funded(wallet, 10)])

        def write() -> None:
            while not stopping.wait(0.02):
                handler.handle_many([request(deposit(w, 1)) for w in WALLETS])

        writer = Thread(target=write)
        kept = FileCheckpoint(tmp_path / "mark")
        relay = Relay(
            store, cluster.bootstrap_servers, topics=made_topics, checkpoint=kept
        )
        writer.start()
        try:
            with relay:
                _lose_nodes(cluster, relay)
                stopping.set()
                writer.join()
                last = all_of(store)[-1].position
                wait_until(
                    lambda: relay.position == last, "all is published", timeout_s=120
                )
                assert relay.lag_s() == 0
        finally:
            stopping.set()
            writer.join()
        audit(store, read_events(cluster.bootstrap_servers, made_topics), made_topics)


def _lose_nodes(cluster: Broker, relay: Relay) -> None:
    one, two, three = cluster.nodes
    for node in (one, two, three):
        before = relay.position
        node.kill()
        wait_until(lambda: relay.position > before, "two are enough", timeout_s=60)  # noqa: B023
        node.start()
        cluster.wait_until_ready()
    one.pause()
    two.pause()
    time.sleep(3)
    before = relay.position
    time.sleep(2)
    assert relay.position == before, "one copy is not enough"
    two.resume()
    one.resume()
    wait_until(lambda: relay.position > before, "it goes on", timeout_s=60)
