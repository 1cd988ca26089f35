"""A real Apache Kafka for tests: one node, or three."""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tools.broker.errors import BrokerError
from tools.broker.node import Node
from tools.broker.properties import properties
from tools.ports import free_ports

GIVEN: Final = "KAFKA_BOOTSTRAP_SERVERS"
"""When set, that broker is used and none is started."""

_START_TIMEOUT_S: Final = 90.0


class Broker:
    """A context manager around a running broker.

    Args:
        nodes: 1, or 3 with replication 3 and 2 in-sync copies at least.
        heap_mb: Java heap of each node.
        folder: Where the data is; a temporary folder, removed at the end, when
            left out.
        proxied: Listen at a further port, which clients are told to find at a proxy:
            `behind_proxy` has both. Then no broker that was given is used.
        outlives: Run on when this process ends without stopping it. Else it ends
            with the thread that started it, even with one that is killed.
    """

    def __init__(
        self,
        nodes: int = 1,
        *,
        heap_mb: int = 256,
        folder: Path | None = None,
        proxied: bool = False,
        outlives: bool = False,
    ) -> None:
        self.behind_proxy: tuple[int, int] | None = None
        self._is_proxied = proxied
        self._outlives = outlives
        self.replication: Final = nodes
        self.nodes: list[Node] = []
        self._heap_mb = heap_mb
        self._is_temporary = folder is None
        self._folder = folder
        given = nodes == 1 and not proxied
        self._given = os.environ.get(GIVEN, "") if given else ""

    @property
    def bootstrap_servers(self) -> str:
        """What clients are told: `host:port`, or several of them."""
        return self._given or ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def __enter__(self) -> Self:
        """Start every node, and wait until an admin client is answered.

        Raises:
            BrokerError: It cannot be started; the text has the end of the log.
        """
        try:
            if not self._given:
                self._start()
            self.wait_until_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop every node, and remove the data."""
        self._end()

    def wait_until_ready(self, timeout_s: float | None = None) -> None:
        """Return when an admin client sees every node that runs.

        Raises:
            BrokerError: It does not in that time, or a node ended.
        """
        running = [node for node in self.nodes if node.is_running()]
        until = time.monotonic() + (timeout_s or _START_TIMEOUT_S)
        while time.monotonic() < until:
            if any(not node.is_running() for node in running):
                break
            if _seen(self.bootstrap_servers) >= max(1, len(running)):
                return
            time.sleep(0.05)
        tails = "\n".join(node.tail() for node in self.nodes)
        raise BrokerError(f"no broker at {self.bootstrap_servers}:\n{tails}")

    def _start(self) -> None:
        folder = self._folder or Path(tempfile.mkdtemp(prefix="healthpay-broker-"))
        self._folder = folder
        ports = _free_ports(self.replication + self._is_proxied)
        if self._is_proxied:
            self.behind_proxy = ports.pop()
        self.nodes = [
            Node(
                folder / f"node-{index + 1}",
                properties(
                    index,
                    ports,
                    folder / f"node-{index + 1}" / "data",
                    replication=self.replication,
                    proxied=self.behind_proxy,
                ),
                port=ports[index][0],
                heap_mb=self._heap_mb,
                outlives=self._outlives,
            )
            for index in range(self.replication)
        ]
        # The storage tool takes an id that begins with a dash for an option.
        seed = b"\0" + uuid.uuid4().bytes[1:]
        cluster_id = base64.urlsafe_b64encode(seed).decode().rstrip("=")
        for node in self.nodes:
            node.format(cluster_id)
        for node in self.nodes:
            node.start()

    def _end(self) -> None:
        for node in self.nodes:
            if self._is_temporary and node.is_running():
                # Nobody will read what it has; a tidy end would only take time.
                node.kill()
            node.stop()
        if self._is_temporary and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _seen(bootstrap_servers: str) -> int:
    """How many brokers an admin client sees; 0 when it gets no answer."""
    with suppress(KafkaException):
        admin = AdminClient(
            {
                "bootstrap.servers": bootstrap_servers,
                "log_level": 0,
                "reconnect.backoff.max.ms": 100,
            }
        )
        return len(admin.list_topics(timeout=2.0).brokers)
    return 0


def _free_ports(nodes: int) -> list[tuple[int, int]]:
    """Two free ports for each node."""
    ports = sorted(free_ports(2 * nodes))
    return list(zip(ports[::2], ports[1::2], strict=True))
