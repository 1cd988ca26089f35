"""A real Apache Kafka for tests and benchmarks, from Maven Central's jars."""

from tools.broker.broker import Broker
from tools.broker.errors import BrokerError
from tools.broker.node import Node

__all__ = ["Broker", "BrokerError", "Node"]
