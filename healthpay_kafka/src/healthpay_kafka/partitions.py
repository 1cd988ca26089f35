"""Which partition a key belongs to: as Java's clients say, not librdkafka's own."""

from __future__ import annotations

from confluent_kafka import murmur2


def partition_of(key: str, count: int) -> int:
    """The partition of a key: murmur2 of its UTF-8 bytes, without the sign, mod count.

    librdkafka's default partitioner answers otherwise, so every record of HealthPay
    is produced with its partition. Kafka Streams, Connect, KafkaJS and Java's
    producers find the same one by themselves.

    Args:
        key: An aggregate id; any text.
        count: Partitions of the topic, at least 1.

    Raises:
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"a topic has at least one partition, not {count}")
    return murmur2(key.encode(), count)
