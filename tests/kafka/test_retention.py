"""Commands that were removed before anybody decided them."""

from __future__ import annotations

from collections import Counter

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from healthpay_core import Committed, Unknown
from healthpay_core.testing import deposit, funded, request, wallet_id
from healthpay_kafka import Topics
from healthpay_kafka.gateway import KafkaGateway
from healthpay_kafka.partitions import partition_of
from tests.kafka.audit import audit
from tests.kafka.fleet import Fleet
from tests.kafka.traffic import Traffic

A = wallet_id("a")


def test_a_processor_that_comes_too_late_says_what_it_never_saw(
    fleet: Fleet, gateway: KafkaGateway, servers: str, made_topics: Topics
) -> None:
    """R4, I4: it goes on where the topic begins; sent again, they are decided."""
    crowd, member = Traffic(gateway, seed=0, clients=0), fleet.start()
    assert all(
        isinstance(crowd.insist(request(command)), Committed)
        for command in funded(A, 10)
    )
    member.stop()
    asked = [request(deposit(A, amount)) for amount in (1, 2, 3)]
    assert all(isinstance(gateway.execute(one), Unknown) for one in asked)
    number = partition_of(A, made_topics.partitions)
    # As retention does after a week without a processor.
    place = TopicPartition(made_topics.commands, number, -1)
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.delete_records([place]).values():
        future.result(30)

    member = fleet.start()
    last = crowd.insist(request(deposit(A, 4)))
    assert isinstance(last, Committed)
    member.stop()
    removed = Counter[int]()
    for report in member.reports("restored"):
        removed[report["partition"]] += report["removed"]
    # What was sent twice before, and answered from the record, is counted as well.
    assert removed[number] >= len(asked)
    assert removed.total() == removed[number]
    member = fleet.start()
    outcomes = [crowd.insist(one) for one in asked]
    assert all(isinstance(outcome, Committed) for outcome in outcomes)
    member.stop()
    audit(servers, made_topics, at_rest=True).check_outcomes([last, *outcomes])
