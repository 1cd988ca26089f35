"""The gateway on a real broker keeps the contract of every command port."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from healthpay_core import CommandPort, Ok, new_id
from healthpay_core.testing.contracts import CommandPortContract
from healthpay_kafka import Topics, create_topics
from tests.kafka.running import runtime
from tools.broker import Broker


class TestKafkaGateway(CommandPortContract):
    """Each test with topics, a processor and a gateway of its own."""

    @pytest.fixture(autouse=True)
    def _on(self, broker: Broker) -> None:
        self._servers = broker.bootstrap_servers
        self._opened: dict[int, ExitStack] = {}
        self._topics: dict[int, Topics] = {}

    def make_port(self) -> CommandPort:
        """A gateway to an empty log."""
        topics = Topics(
            prefix=f"port-{new_id()[:8]}",
            partitions=2,
            reply_partitions=1,
            replication=1,
            min_insync=1,
        )
        assert isinstance(create_topics(self._servers, topics), Ok)
        return self._start(topics)

    def reopen_port(self, port: CommandPort) -> CommandPort:
        """All of it stopped, and started on the same topics."""
        topics = self._topics[id(port)]
        self.close_port(port)
        return self._start(topics)

    def close_port(self, port: CommandPort) -> None:
        """Stop all of it."""
        stack = self._opened.pop(id(port), None)
        if stack is not None:
            stack.close()

    def _start(self, topics: Topics) -> CommandPort:
        stack = ExitStack()
        gateway = stack.enter_context(runtime(self._servers, topics)).gateway
        self._opened[id(gateway)] = stack
        self._topics[id(gateway)] = topics
        return gateway
