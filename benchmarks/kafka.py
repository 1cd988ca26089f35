"""A broker, its topics, a processor in a process of its own, and a gateway here."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import workload
from healthpay_core import Committed, Err, new_id
from healthpay_kafka import GatewaySettings, KafkaGateway, Topics, create_topics
from tools.broker import Broker

PARTITIONS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What a row works on.

    Attributes:
        gateway: Takes commands in this process.
        processor: The process that decides them.
        servers: The broker.
        topics: Its topics.
        ready_s: From the start of the processor to its first answer, seconds.
    """

    gateway: KafkaGateway
    processor: psutil.Process
    servers: str
    topics: Topics
    ready_s: float

    def cpu_s(self) -> float:
        """CPU seconds of the processor so far."""
        used = self.processor.cpu_times()
        return used.user + used.system


@contextmanager
def broker_and_topics(partitions: int = PARTITIONS) -> Iterator[tuple[str, Topics]]:
    """Fresh topics on a real broker: the given one, or one node on this machine."""
    with Broker(heap_mb=384) as broker:
        topics = Topics(
            prefix=f"bench-{new_id()[:8]}",
            partitions=partitions,
            replication=1,
            min_insync=1,
        )
        made = create_topics(broker.bootstrap_servers, topics)
        if isinstance(made, Err):
            raise RuntimeError(str(made.error))
        yield broker.bootstrap_servers, topics


@contextmanager
def installation(log: Path, partitions: int = PARTITIONS) -> Iterator[Installation]:
    """Broker, processor and gateway, ready to decide.

    Args:
        log: Where the processor writes what it says.
        partitions: Of the commands.
    """
    with broker_and_topics(partitions) as (servers, topics):
        settings = GatewaySettings(
            bootstrap_servers=servers, topics=topics, timeout_s=30.0
        )
        with KafkaGateway(settings) as gateway, log.open("wb") as out:
            began = time.perf_counter()
            process = subprocess.Popen(_command(servers, topics), stderr=out)
            try:
                _warm_up(gateway)
                yield Installation(
                    gateway=gateway,
                    processor=psutil.Process(process.pid),
                    servers=servers,
                    topics=topics,
                    ready_s=time.perf_counter() - began,
                )
            finally:
                process.terminate()
                process.wait(timeout=60)


def _command(servers: str, topics: Topics) -> list[str]:
    numbers = {
        "--bootstrap-servers": servers,
        "--prefix": topics.prefix,
        "--partitions": topics.partitions,
        "--replication": 1,
        "--min-insync": 1,
        "--instance-id": "bench",
        "--limit-policy": "none",
    }
    options = [str(part) for pair in numbers.items() for part in pair]
    return [sys.executable, "-m", "healthpay_kafka", "processor", *options]


def _warm_up(gateway: KafkaGateway) -> None:
    outcome = gateway.execute(workload.request(workload.create(new_id())))
    if not isinstance(outcome, Committed):
        raise RuntimeError(f"the processor did not answer: {outcome}")
