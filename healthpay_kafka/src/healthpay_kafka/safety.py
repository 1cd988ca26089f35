"""What a topic must be like, so that money can be trusted to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from healthpay_kafka.faults import TopicFault
from healthpay_kafka.topics import UNLIMITED, Topics, TopicSpec

_MISSING: Final = "without it records have no place"
_COUNT: Final = "a key would belong to another partition, and order would be lost"
_COPIES: Final = "the loss of a broker would lose records"
_UNCLEAN: Final = "a copy that lacks acknowledged records could become the leader"
_CLEANUP: Final = "records that are needed would be removed, or never be"
_RETENTION: Final = "records that are needed would be removed"
_STAMP: Final = "the time of a command is that of the log, whoever produced it"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One thing that a topic must be, and why."""

    setting: str
    value: str
    reason: str
    accepts: Callable[[str], bool]

    def fault(self, topic: str, found: str) -> TopicFault:
        """That it is not so."""
        return TopicFault(
            topic=topic,
            setting=self.setting,
            found=found,
            wanted=self.value,
            reason=self.reason,
        )


def faults_of(
    spec: TopicSpec, found: Mapping[str, str] | None, topics: Topics
) -> Iterator[TopicFault]:
    """Everything about a topic that is not as it must be.

    Args:
        spec: What it must be like.
        found: Its settings, its ``partitions`` and its ``replication``, as texts;
            None when it is not there.
        topics: The numbers that hold for all topics.
    """
    if found is None:
        wanted = _Wanted("topic", "there", _MISSING, bool)
        yield wanted.fault(spec.name, "")
        return
    for wanted in _wanted(spec, topics):
        value = found[wanted.setting]
        if not wanted.accepts(value):
            yield wanted.fault(spec.name, value)


def _wanted(spec: TopicSpec, topics: Topics) -> Iterator[_Wanted]:
    """All that a topic must be."""
    yield _exactly("partitions", spec.partitions, _COUNT)
    yield _at_least("replication", topics.replication, _COPIES)
    yield _at_least("min.insync.replicas", topics.min_insync, _COPIES)
    yield _exactly("unclean.leader.election.enable", "false", _UNCLEAN)
    yield _exactly("cleanup.policy", spec.cleanup, _CLEANUP)
    if spec.retention_ms == UNLIMITED:
        yield _exactly("retention.ms", UNLIMITED, _RETENTION)
    elif spec.retention_ms is not None:
        yield _at_least("retention.ms", spec.retention_ms, _RETENTION)
    if spec.retention_ms is not None:
        yield _exactly("retention.bytes", UNLIMITED, _RETENTION)
    if spec.log_append_time:
        yield _exactly("message.timestamp.type", "LogAppendTime", _STAMP)


def _exactly(setting: str, value: str | int, reason: str) -> _Wanted:
    return _Wanted(setting, str(value), reason, lambda text: text == str(value))


def _at_least(setting: str, least: int, reason: str) -> _Wanted:
    def accepts(text: str) -> bool:
        return int(text) >= least or int(text) == UNLIMITED

    return _Wanted(setting, f"{least} or more", reason, accepts)
