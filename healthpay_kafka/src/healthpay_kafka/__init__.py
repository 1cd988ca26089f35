"""HealthPay on Apache Kafka: its topics, and what runs on them."""

from healthpay_kafka.administration import check_topics, create_topics
from healthpay_kafka.deciding import Decider
from healthpay_kafka.faults import BrokerUnavailable, TopicFault, UnsafeTopics
from healthpay_kafka.gateway import GatewaySettings, KafkaGateway
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.processor import Processor, TopicsRefused
from healthpay_kafka.queries import FreshQueries
from healthpay_kafka.read_model import ReadModel
from healthpay_kafka.restoring import Restored
from healthpay_kafka.settings import (
    ClientConfig,
    admin_config,
    consumer_config,
    producer_config,
    reader_config,
    transactional_config,
)
from healthpay_kafka.topics import Topics, TopicSpec
from healthpay_kafka.worker import ProcessorObserver, ProcessorSettings

__all__ = [
    "BrokerUnavailable",
    "ClientConfig",
    "Decider",
    "FreshQueries",
    "GatewaySettings",
    "KafkaGateway",
    "Processor",
    "ProcessorObserver",
    "ProcessorSettings",
    "ReadModel",
    "Restored",
    "TopicFault",
    "TopicSpec",
    "Topics",
    "TopicsRefused",
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
