"""Topics made and checked, through Kafka's admin interface."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from time import monotonic, sleep
from typing import Final

from confluent_kafka import KafkaError, KafkaException

# Meant to be imported from there, which their own stubs forget to say.
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

from healthpay_core import Err, Ok
from healthpay_kafka.faults import BrokerUnavailable, TopicFault, UnsafeTopics
from healthpay_kafka.safety import faults_of
from healthpay_kafka.settings import ClientConfig, admin_config
from healthpay_kafka.topics import UNLIMITED, Topics, TopicSpec

TIMEOUT_S: Final = 15.0
"""How long the broker may take for each answer, if not said."""


def create_topics(
    bootstrap_servers: str,
    topics: Topics,
    *,
    more: ClientConfig | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Ok[tuple[str, ...]] | Err[BrokerUnavailable | UnsafeTopics]:
    """Make those topics that are not there, and check all of them.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        topics: What they must be like.
        more: Further settings of the client, such as its credentials.
        timeout_s: How long the broker may take for each answer.

    Returns:
        The names of those that were made; `UnsafeTopics` when one that was there
        is not as it must be, which is never changed; `BrokerUnavailable`.
    """
    try:
        admin = _client(bootstrap_servers, more)
        there = admin.list_topics(timeout=timeout_s).topics
        missing = [spec for spec in topics.specs() if spec.name not in there]
        made = _make(admin, missing, topics, timeout_s)
        faults = _faults(admin, topics.specs(), topics, timeout_s)
    except (KafkaException, TimeoutError) as error:
        return Err(_unavailable(error))
    return Err(UnsafeTopics(faults=faults)) if faults else Ok(made)


def check_topics(
    bootstrap_servers: str,
    topics: Topics,
    *,
    only: Collection[str] | None = None,
    more: ClientConfig | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Ok[None] | Err[BrokerUnavailable | UnsafeTopics]:
    """Whether topics are there and as they must be; changes nothing.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        topics: What they must be like.
        only: The names of those that matter; all of them, if not said.
        more: Further settings of the client, such as its credentials.
        timeout_s: How long the broker may take for each answer.

    Returns:
        `UnsafeTopics` with every fault; `BrokerUnavailable`.
    """
    specs = [s for s in topics.specs() if only is None or s.name in only]
    try:
        admin = _client(bootstrap_servers, more)
        faults = _faults(admin, specs, topics, timeout_s)
    except (KafkaException, TimeoutError) as error:
        return Err(_unavailable(error))
    return Err(UnsafeTopics(faults=faults)) if faults else Ok(None)


class BrokerCheck:
    """Whether a broker answers, for health pages: call it; threads may share it.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        more: Further settings of the client, such as its credentials.
        timeout_s: How long it may take.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        more: ClientConfig | None = None,
        timeout_s: float = 1.0,
    ) -> None:
        self._admin = _client(bootstrap_servers, more)
        self._timeout_s = timeout_s

    def __call__(self) -> str | None:
        """None while it answers, else why not."""
        try:
            self._admin.list_topics(timeout=self._timeout_s)
        except KafkaException as error:
            return str(error.args[0].str())
        return None


def _client(bootstrap_servers: str, more: ClientConfig | None) -> AdminClient:
    # What goes wrong is answered; librdkafka would also write it to stderr.
    return AdminClient({**admin_config(bootstrap_servers, more), "log_level": 0})


def _unavailable(error: KafkaException | TimeoutError) -> BrokerUnavailable:
    reason = error.args[0] if error.args else "no answer in time"
    return BrokerUnavailable(reason=str(reason))


def _make(
    admin: AdminClient, specs: list[TopicSpec], topics: Topics, timeout_s: float
) -> tuple[str, ...]:
    """Make topics; those that somebody else made meanwhile are not among the names."""
    if not specs:
        return ()
    wanted = [
        NewTopic(
            spec.name,
            num_partitions=spec.partitions,
            replication_factor=topics.replication,
            config=_configs(spec, topics),
        )
        for spec in specs
    ]
    made = []
    for name, future in admin.create_topics(
        wanted, operation_timeout=timeout_s, request_timeout=timeout_s
    ).items():
        try:
            future.result(timeout_s)
            made.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    _await(admin, [spec.name for spec in specs], timeout_s)
    return tuple(made)


def _await(admin: AdminClient, names: list[str], timeout_s: float) -> None:
    """Return when the broker that answers knows of them: it is told a little later.

    Raises:
        TimeoutError: It is not told in time.
    """
    until = monotonic() + timeout_s
    while monotonic() < until:
        there = admin.list_topics(timeout=timeout_s).topics
        if all(name in there and _has_leaders(there[name]) for name in names):
            return
        sleep(0.02)
    raise TimeoutError


def _has_leaders(topic: TopicMetadata) -> bool:
    parts = topic.partitions.values()
    return bool(parts) and all(part.leader >= 0 for part in parts)


def _configs(spec: TopicSpec, topics: Topics) -> dict[str, str]:
    configs = {
        "cleanup.policy": spec.cleanup,
        "min.insync.replicas": str(topics.min_insync),
        "unclean.leader.election.enable": "false",
    }
    if spec.retention_ms is not None:
        configs["retention.ms"] = str(spec.retention_ms)
        configs["retention.bytes"] = str(UNLIMITED)
    if spec.log_append_time:
        configs["message.timestamp.type"] = "LogAppendTime"
    return configs


def _faults(
    admin: AdminClient,
    specs: Collection[TopicSpec],
    topics: Topics,
    timeout_s: float,
) -> tuple[TopicFault, ...]:
    found = _look(admin, [spec.name for spec in specs], timeout_s)
    return tuple(
        fault
        for spec in specs
        for fault in faults_of(spec, found.get(spec.name), topics)
    )


def _look(
    admin: AdminClient, names: list[str], timeout_s: float
) -> dict[str, Mapping[str, str]]:
    """The settings of each topic that is there, and its numbers among them."""
    metadata = admin.list_topics(timeout=timeout_s).topics
    there = [name for name in names if name in metadata]
    asked = [ConfigResource(ResourceType.TOPIC, name) for name in there]
    # Asked for nothing, librdkafka refuses instead of answering nothing.
    answers = admin.describe_configs(asked, request_timeout=timeout_s) if asked else {}
    configs = {
        resource.name: {
            name: entry.value or "" for name, entry in answer.result(timeout_s).items()
        }
        for resource, answer in answers.items()
    }
    return {name: {**configs[name], **_numbers(metadata[name])} for name in there}


def _numbers(topic: TopicMetadata) -> dict[str, str]:
    parts = topic.partitions.values()
    copies = min((len(part.replicas) for part in parts), default=0)
    return {"partitions": str(len(parts)), "replication": str(copies)}
