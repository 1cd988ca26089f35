"""Three nodes: safe topics outlive the loss of one."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from healthpay_core import Ok
from healthpay_kafka import Topics, check_topics, producer_config, reader_config
from tools.broker import Broker


def test_safe_topics_are_made_on_three_nodes(
    cluster: Broker, made_topics: Topics
) -> None:
    """With replication 3 and two copies in sync, every check passes."""
    assert check_topics(cluster.bootstrap_servers, made_topics) == Ok(None)


def test_records_outlive_the_loss_of_each_node(
    cluster: Broker, made_topics: Topics
) -> None:
    """What was acknowledged is read while any one node is down."""
    acknowledged: list[bytes] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        acknowledged.append(message.value() or b"")

    producer = Producer(producer_config(cluster.bootstrap_servers))
    written: list[bytes] = []
    for number, node in enumerate(cluster.nodes):
        node.kill()
        for partition in range(made_topics.partitions):
            value = f"{number}/{partition}".encode()
            written.append(value)
            producer.produce(
                made_topics.commands, value, partition=partition, on_delivery=delivered
            )
        assert producer.flush(30) == 0
        node.start()
        cluster.wait_until_ready()
    assert sorted(acknowledged) == sorted(written)
    assert sorted(_all(cluster, made_topics)) == sorted(written)


def _all(cluster: Broker, topics: Topics) -> list[bytes]:
    found: list[bytes] = []
    config = {**reader_config(cluster.bootstrap_servers), "enable.partition.eof": True}
    with Consumer(config) as consumer:
        parts = range(topics.partitions)
        consumer.assign([TopicPartition(topics.commands, p, 0) for p in parts])
        left = set(parts)
        while left:
            for message in consumer.consume(100, 1.0):
                error = message.error()
                if error is None:
                    found.append(message.value() or b"")
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    left.discard(message.partition() or 0)
    return found
