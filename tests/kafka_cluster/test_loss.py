"""The runtime while nodes are lost: one of three, then two."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

import pytest
from confluent_kafka.admin import AdminClient

from healthpay_core import Unknown
from healthpay_core.testing import deposit, request, wallet_id
from healthpay_kafka import Topics, admin_config
from healthpay_kafka.gateway import KafkaGateway
from tests.kafka.audit import audit
from tests.kafka.fleet import Fleet, Supervised
from tests.kafka.traffic import Traffic
from tools.broker import Broker

PATIENCE_S = 90.0


def _admin(cluster: Broker) -> AdminClient:
    return AdminClient(admin_config(cluster.bootstrap_servers))


def _leader(cluster: Broker, topics: Topics) -> int:
    """Of a partition of the commands."""
    metadata = _admin(cluster).list_topics(topics.commands, timeout=20)
    return metadata.topics[topics.commands].partitions[0].leader


def _of_transactions(cluster: Broker, topics: Topics) -> int:
    """The coordinator of the transactions of a partition's producer."""
    internal = "__transaction_state"
    parts = (
        _admin(cluster).list_topics(internal, timeout=20).topics[internal].partitions
    )
    code = 0
    for letter in f"{topics.commands}.0":
        code = (31 * code + ord(letter)) & 0xFFFFFFFF
    # As Java does it: the sign is dropped.
    return parts[(code & 0x7FFFFFFF) % len(parts)].leader


def _of_group(cluster: Broker, topics: Topics) -> int:
    """The coordinator of the processors' group."""
    group = f"{topics.prefix}.processors"
    # The client must live until the answer is there.
    admin = _admin(cluster)
    described = admin.describe_consumer_groups([group])[group].result(20)
    return cast("int", described.coordinator.id)


ROLES: dict[str, Callable[[Broker, Topics], int]] = {
    "leader": _leader,
    "transaction coordinator": _of_transactions,
    "group coordinator": _of_group,
}


def test_the_loss_of_any_one_node(
    cluster: Broker,
    fleet: Fleet,
    gateway: KafkaGateway,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """R1-R5: whatever the node was, the others go on, and nothing is lost."""
    traffic = Traffic(gateway, seed=9, clients=4)
    member = Supervised(fleet)
    traffic.open()
    traffic.start()
    lost: set[int] = set()
    pauses: list[str] = []
    for role, find in ROLES.items():
        number = find(cluster, fleet.topics)
        pauses.append(f"{role} {_lose(cluster, fleet, traffic, number):.1f} s")
        lost.add(number)
    # One of those that are left was or is the controller: each is lost once.
    pauses += [
        f"node {number} {_lose(cluster, fleet, traffic, number):.1f} s"
        for number in {1, 2, 3} - lost
    ]
    traffic.rest()
    member.stop()
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    books.check_outcomes(traffic.outcomes)
    with capsys.disabled():
        print(
            f"\n{len(traffic.sent)} commands; until the first answer after the loss of"
            f" the {', '.join(pauses)}; ended and started again {member.restarts} times"
        )


def _lose(cluster: Broker, fleet: Fleet, traffic: Traffic, number: int) -> float:
    """Kill a node under load and start it again; how long nobody was answered."""
    node = cluster.nodes[number - 1]
    node.kill()
    killed_at = time.monotonic()
    # All partitions are served again, by two nodes.
    wallets = [wallet_id(f"{killed_at}/{n}") for n in range(12)]
    for wallet in wallets:
        traffic.insist(request(deposit(wallet, 1)))
    pause_s = min(t for t in traffic.answered_at if t > killed_at) - killed_at
    node.start()
    cluster.wait_until_ready()
    _await_copies(cluster, fleet.topics)
    return pause_s


def _await_copies(cluster: Broker, topics: Topics) -> None:
    """Until every partition has three copies in sync again."""
    admin, until = _admin(cluster), time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = admin.list_topics(timeout=20).topics
        parts = [p for topic in found.values() for p in topic.partitions.values()]
        if all(len(part.isrs) == len(part.replicas) for part in parts):
            return
        time.sleep(0.2)
    raise AssertionError("the copies do not catch up")


def test_the_loss_of_two_nodes(
    cluster: Broker, fleet: Fleet, gateway: KafkaGateway
) -> None:
    """E4, R5: nobody is told that it was done; once a node is back, all is."""
    traffic = Traffic(gateway, seed=10, clients=3)
    member = Supervised(fleet)
    traffic.open()
    traffic.start()
    time.sleep(1.0)
    for node in cluster.nodes[:2]:
        node.kill()
    # What is asked from now on cannot have been done before.
    asked_before = len(traffic.sent)
    asked = [request(deposit(wallet_id(f"10/{n}"), 1)) for n in "abc"]
    time.sleep(2.0)
    outcomes = [gateway.execute(one) for one in asked]
    assert all(isinstance(outcome, Unknown) for outcome in outcomes)
    later = {one.command_id for one in traffic.sent[asked_before:]}
    assert later, "nobody has asked"
    assert not later & {outcome.command_id for outcome in traffic.outcomes}
    for node in cluster.nodes[:2]:
        node.start()
    cluster.wait_until_ready()
    _await_copies(cluster, fleet.topics)
    traffic.rest()
    for one in asked:
        traffic.insist(one)
    member.stop()
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    books.check_outcomes(traffic.outcomes)
