"""Where a relay goes on: what its checkpoint says, and what the topics say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Protocol

from healthpay_core import Err, Ok, RecordedEvent
from healthpay_kafka.administration import check_topics
from healthpay_kafka.checkpoint import Checkpoint, Mark
from healthpay_kafka.ends import Ends, read_ends
from healthpay_kafka.event_records import event_record
from healthpay_kafka.faults import BrokerUnavailable, StoreDiffers, UnsafeTopics
from healthpay_kafka.settings import ClientConfig
from healthpay_kafka.topics import Topics


class Feed(Protocol):
    """What a relay needs of an event store."""

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        """As `EventStore.feed`: what has been stored durably, in order, gap-free."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """Where a relay goes on.

    Attributes:
        mark: What comes up to it need not be read again; None: read it all.
        ends: What comes up to the end of its partition is in it already.
    """

    mark: Mark | None
    ends: Ends


def resume(
    store: Feed,
    bootstrap_servers: str,
    *,
    topics: Topics,
    checkpoint: Checkpoint,
    more: ClientConfig | None,
    timeout_s: float,
) -> Ok[Resumption] | Err[BrokerUnavailable | UnsafeTopics | StoreDiffers]:
    """Look at the topics, their ends and the checkpoint, and see whether they agree.

    A relay writes a partition in the order of the feed, from a place before which
    everything had been acknowledged. So what a partition ends with tells of
    everything before it, even where two relays wrote at once.

    Args:
        store: Whose feed is published.
        bootstrap_servers: ``host:port``, or several with commas between.
        topics: Where to.
        checkpoint: May be old, and may be lost.
        more: Further settings of the clients.
        timeout_s: How long the broker may take for each answer.

    Returns:
        `UnsafeTopics`; `StoreDiffers` where topics or checkpoint know an event that
        the store does not have at its place; `BrokerUnavailable`.

    Raises:
        KafkaException: The broker does not answer.
        TimeoutError: It does not in time.
        StoreFault: The store cannot be read now.
        StreamCorrupted: What it holds cannot be understood.
    """
    checked = check_topics(
        bootstrap_servers, topics, only=topics.events, more=more, timeout_s=timeout_s
    )
    if isinstance(checked, Err):
        return checked
    ends = read_ends(bootstrap_servers, topics, more=more, timeout_s=timeout_s)
    for (name, partition), end in sorted(ends.items(), key=itemgetter(0)):
        if _event_at(store, end) is None:
            where = f"{name}, partition {partition}"
            return Err(StoreDiffers(where=where, position=end.position))
    mark = checkpoint.load()
    if mark is None:
        return Ok(Resumption(mark=None, ends=ends))
    marked = _event_at(store, mark)
    if marked is None:
        return Err(StoreDiffers(where="checkpoint", position=mark.position))
    record = event_record(marked, topics, writer="")
    published = {
        **mark.partitions,
        partition_name(record.topic, record.partition): marked.position,
    }
    there = {partition_name(*place): end.position for place, end in ends.items()}
    # Else the topics have lost what was acknowledged: all is looked at again.
    is_there = all(there.get(name, 0) >= at for name, at in published.items())
    return Ok(Resumption(mark=mark if is_there else None, ends=ends))


def partition_name(topic: str, partition: int) -> str:
    """How a mark names a partition."""
    return f"{topic}/{partition}"


def _event_at(store: Feed, mark: Mark) -> RecordedEvent | None:
    """The event of a mark, if this store has it at that position."""
    for found in store.feed(mark.position - 1, 1):
        is_it = found.envelope.event_id == mark.event_id
        return found if is_it and found.position == mark.position else None
    return None
