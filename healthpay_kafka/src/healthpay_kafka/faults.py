"""What adapters of Kafka answer when they cannot do what was asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUnavailable:
    """No answer from the broker, or it refuses; `reason` is its own text."""

    reason: str


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
