"""HealthPay on Apache Kafka: its topics, and what runs on them."""

from healthpay_kafka.administration import check_topics, create_topics
from healthpay_kafka.faults import BrokerUnavailable, TopicFault, UnsafeTopics
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.settings import (
    ClientConfig,
    admin_config,
    consumer_config,
    producer_config,
    reader_config,
    transactional_config,
)
from healthpay_kafka.topics import Topics, TopicSpec

__all__ = [
    "BrokerUnavailable",
    "ClientConfig",
    "TopicFault",
    "TopicSpec",
    "Topics",
    "UnsafeTopics",
    "admin_config",
    "check_topics",
    "consumer_config",
    "create_topics",
    "partition_of",
    "producer_config",
    "reader_config",
    "transactional_config",
]
