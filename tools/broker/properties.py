"""The `server.properties` of a node for tests."""

from __future__ import annotations

from pathlib import Path

_FOR_TESTS = {
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.num.partitions": "3",
    "share.coordinator.state.topic.num.partitions": "3",
    # The default of 128 MiB would not fit into the small heap.
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.index.size.max.bytes": "1048576",
    "num.io.threads": "4",
    "num.network.threads": "2",
    # A lost broker is noticed in seconds, so that a test need not wait for it.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "replica.lag.time.max.ms": "5000",
}


def properties(
    index: int,
    ports: list[tuple[int, int]],
    data: Path,
    *,
    replication: int,
    proxied: tuple[int, int] | None = None,
) -> dict[str, str]:
    """What the node with that index is told.

    Args:
        index: Which of the nodes it is, from 0.
        ports: For each node, where it listens to clients and to controllers.
        data: Where it keeps its log segments.
        replication: Copies of each partition of the internal topics.
        proxied: A further port for clients, and the port at which they are told to
            find it: that of a proxy.
    """
    port, controller_port = ports[index]
    voters = (f"{n}@127.0.0.1:{at}" for n, (_, at) in enumerate(ports, 1))
    least_in_sync = max(1, replication - 1)
    internal = {
        f"{topic}.{setting}": str(value)
        for topic in ("transaction.state.log", "share.coordinator.state.topic")
        for setting, value in (
            ("replication.factor", replication),
            ("min.isr", least_in_sync),
        )
    }
    here = {"PLAINTEXT": port, "CONTROLLER": controller_port}
    told = {"PLAINTEXT": port}
    if proxied is not None:
        here["PROXIED"], told["PROXIED"] = proxied
    return {
        **_FOR_TESTS,
        **internal,
        "process.roles": "broker,controller",
        "node.id": str(index + 1),
        "controller.quorum.voters": ",".join(voters),
        "controller.listener.names": "CONTROLLER",
        "listeners": _listeners(here),
        "advertised.listeners": _listeners(told),
        "listener.security.protocol.map": ",".join(f"{n}:PLAINTEXT" for n in here),
        "log.dirs": str(data),
        "offsets.topic.replication.factor": str(replication),
        "default.replication.factor": str(replication),
        "min.insync.replicas": str(least_in_sync),
    }


def _listeners(ports: dict[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
