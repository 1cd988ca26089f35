"""What Kafka's clients are told: those settings on which money depends.

Each function answers a fresh dictionary for `confluent_kafka`; add credentials with
`more`. It cannot take away what is set here for safety.
"""

from __future__ import annotations

from typing import Final, TypeAlias

ClientConfig: TypeAlias = dict[str, str | int | float | bool]
"""Settings of librdkafka by their names."""

SESSION_TIMEOUT_MS: Final = 10_000
TRANSACTION_TIMEOUT_MS: Final = 10_000
LONGEST_RESTORE_MS: Final = 3_600_000
FOR_EVER: Final = 0
"""`message.timeout.ms`: librdkafka tries until it succeeds or is closed."""


def admin_config(
    bootstrap_servers: str, more: ClientConfig | None = None
) -> ClientConfig:
    """For an `AdminClient`."""
    return _client(bootstrap_servers, more)


def producer_config(
    bootstrap_servers: str, more: ClientConfig | None = None
) -> ClientConfig:
    """For a producer without transactions: idempotent, in order, without a gap.

    It tries for ever: a record that timed out would be missing between those
    before and after it. What cannot be delivered at all is a fatal error of the
    producer, after which nothing more of it is delivered.
    """
    return {
        **_producing(bootstrap_servers, more),
        "enable.gapless.guarantee": True,
        "message.timeout.ms": FOR_EVER,
        "linger.ms": 0,
    }


def gateway_config(
    bootstrap_servers: str, timeout_s: float, more: ClientConfig | None = None
) -> ClientConfig:
    """For the producer of a gateway: what is not delivered in time is given up.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        timeout_s: How long a caller waits; what is delivered later would be done
            without anybody waiting.
        more: Further settings, such as credentials.
    """
    return {
        **_producing(bootstrap_servers, more),
        "message.timeout.ms": max(1, int(timeout_s * 1000)),
        "linger.ms": 0,
    }


def transactional_config(
    bootstrap_servers: str, transactional_id: str, more: ClientConfig | None = None
) -> ClientConfig:
    """For the producer of a partition of commands.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        transactional_id: The fencing token: one for each partition, not for each
            process.
        more: Further settings, such as credentials.
    """
    return {
        **_producing(bootstrap_servers, more),
        "transactional.id": transactional_id,
        "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
        "linger.ms": 0,
    }


def consumer_config(
    bootstrap_servers: str,
    group_id: str,
    instance_id: str,
    more: ClientConfig | None = None,
) -> ClientConfig:
    """For a member of a group; offsets are committed by who processes, never here.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        group_id: The group.
        instance_id: The instance's stable name: a restart within the session
            time-out moves no partition.
        more: Further settings, such as credentials.
    """
    return {
        **reader_config(bootstrap_servers, more),
        "group.id": group_id,
        "group.protocol": "classic",
        "group.instance.id": instance_id,
        "session.timeout.ms": SESSION_TIMEOUT_MS,
        # A revoke waits for a restore that is under way, which may take long.
        "max.poll.interval.ms": LONGEST_RESTORE_MS,
        "partition.assignment.strategy": "cooperative-sticky",
    }


def reader_config(
    bootstrap_servers: str, more: ClientConfig | None = None
) -> ClientConfig:
    """For a consumer whose partitions are assigned by hand; it commits nothing.

    It reads committed records only, which is not the default of Java's consumer.
    """
    return {
        # Records that are gone are noticed, not skipped; some may have reason to.
        "auto.offset.reset": "error",
        # librdkafka wants a name even where there is no group.
        "group.id": "healthpay-reader",
        **_client(bootstrap_servers, more),
        "allow.auto.create.topics": False,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
    }


def _producing(bootstrap_servers: str, more: ClientConfig | None) -> ClientConfig:
    return {
        **_client(bootstrap_servers, more),
        "enable.idempotence": True,
        "acks": "all",
        "compression.type": "lz4",
        "retry.backoff.ms": 5,
    }


def _client(bootstrap_servers: str, more: ClientConfig | None) -> ClientConfig:
    return {
        # Errors only: a coordinator that loads, or an idle connection, is no news.
        "log_level": 3,
        **(more or {}),
        "bootstrap.servers": bootstrap_servers,
    }
