"""What adapters of Kafka answer when they cannot do what was asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUnavailable:
    """No answer from the broker, or it refuses; `reason` is its own text."""

    reason: str

    def __str__(self) -> str:
        return f"the broker: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicFault:
    """One thing about a topic that is not as it must be.

    Attributes:
        topic: Its name.
        setting: Such as ``partitions``, or a topic configuration of Kafka.
        found: What it is; empty when the topic is not there.
        wanted: What it must be.
        reason: What could happen otherwise.
    """

    topic: str
    setting: str
    found: str
    wanted: str
    reason: str

    def __str__(self) -> str:
        found = self.found or "missing"
        return (
            f"{self.topic}: {self.setting} is {found}, must be {self.wanted}:"
            f" {self.reason}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsafeTopics:
    """The topics are not such that money can be trusted to them: every fault."""

    faults: tuple[TopicFault, ...]

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDiffers:
    """The store lacks an event that was published from it, or once was another one.

    Attributes:
        where: What knows of the event: a topic's partition, or the checkpoint.
        position: Its place in the feed, where this store has another event or none.
    """

    where: str
    position: int

    def __str__(self) -> str:
        return (
            f"{self.where} knows an event at position {self.position} that this store"
            " does not have there: it is another store, or an older copy of it"
        )
