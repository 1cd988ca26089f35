"""HealthPay on Apache Kafka: its topics, and what runs on them."""

from healthpay_kafka.administration import BrokerCheck, check_topics, create_topics
from healthpay_kafka.checkpoint import Checkpoint, FileCheckpoint, Mark
from healthpay_kafka.deciding import Decider
from healthpay_kafka.event_records import event_record
from healthpay_kafka.faults import (
    BrokerUnavailable,
    StoreDiffers,
    TopicFault,
    UnsafeTopics,
)
from healthpay_kafka.gateway import GatewaySettings, KafkaGateway
from healthpay_kafka.observing import ProcessorObserver
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.processor import Processor, TopicsRefused
from healthpay_kafka.queries import FreshQueries
from healthpay_kafka.read_model import ReadModel
from healthpay_kafka.relay import PublishObserver, Relay
from healthpay_kafka.restoring import Restored
from healthpay_kafka.resuming import Feed
from healthpay_kafka.settings import (
    ClientConfig,
    admin_config,
    consumer_config,
    producer_config,
    reader_config,
    transactional_config,
)
from healthpay_kafka.topics import Topics, TopicSpec
from healthpay_kafka.worker import ProcessorSettings

__all__ = [
    "BrokerCheck",
    "BrokerUnavailable",
    "Checkpoint",
    "ClientConfig",
    "Decider",
    "Feed",
    "FileCheckpoint",
    "FreshQueries",
    "GatewaySettings",
    "KafkaGateway",
    "Mark",
    "Processor",
    "ProcessorObserver",
    "ProcessorSettings",
    "PublishObserver",
    "ReadModel",
    "Relay",
    "Restored",
    "StoreDiffers",
    "TopicFault",
    "TopicSpec",
    "Topics",
    "TopicsRefused",
    "UnsafeTopics",
    "admin_config",
    "check_topics",
    "consumer_config",
    "create_topics",
    "event_record",
    "partition_of",
    "producer_config",
    "reader_config",
    "transactional_config",
]
