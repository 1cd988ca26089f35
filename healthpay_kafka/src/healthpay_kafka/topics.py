"""The topics of HealthPay: their names, and what each must be like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from healthpay_core.events import AggregateType

Cleanup: TypeAlias = Literal["delete", "compact"]

UNLIMITED: Final = -1
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """What one topic must be like.

    Attributes:
        name: Its full name.
        partitions: Exactly so many; another count would send a key elsewhere.
        cleanup: What becomes of old records.
        retention_ms: How long records stay at least; `UNLIMITED` for ever, in
            bytes too. None where only compaction removes them.
        log_append_time: The broker's clock stamps the records.
    """

    name: str
    partitions: int
    cleanup: Cleanup = "delete"
    retention_ms: int | None = UNLIMITED
    log_append_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """The topics of one installation. The numbers can never be changed later.

    Attributes:
        prefix: What their names begin with; letters, digits, ``.``, ``_``, ``-``.
        partitions: Of every topic but the replies; at least 1. Which partition a
            wallet's events are in depends on it.
        reply_partitions: One for each gateway at the most; at least 1.
        replication: Copies of each partition; 1 only for a broker that may be
            lost with all it holds.
        min_insync: Copies that have a record before it is acknowledged.

    Raises:
        ValueError: A number is below 1, or `min_insync` above `replication`.
    """

    prefix: str = "healthpay"
    partitions: int = 12
    reply_partitions: int = 32
    replication: int = 3
    min_insync: int = 2
    _events: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        counts = (self.partitions, self.reply_partitions, self.min_insync)
        if min(counts) < 1 or self.min_insync > self.replication:
            raise ValueError(f"not the numbers of any topics: {self}")
        kinds = ("wallet", "transfer", "payment", "medcard")
        names = {kind: f"{self.prefix}.events.{kind}" for kind in kinds}
        object.__setattr__(self, "_events", names)

    @property
    def commands(self) -> str:
        """Commands, keyed by the aggregate that they are for."""
        return f"{self.prefix}.commands"

    @property
    def events_wallet(self) -> str:
        """Events of wallets."""
        return self._events["wallet"]

    @property
    def events_transfer(self) -> str:
        """Events of transfers."""
        return self._events["transfer"]

    @property
    def events_payment(self) -> str:
        """Events of payments."""
        return self._events["payment"]

    @property
    def events_medcard(self) -> str:
        """Events of cards."""
        return self._events["medcard"]

    @property
    def journal(self) -> str:
        """What each partition has decided, whole and in order."""
        return f"{self.prefix}.journal"

    @property
    def snapshots(self) -> str:
        """The last state of each aggregate, and checkpoints."""
        return f"{self.prefix}.snapshots"

    @property
    def replies(self) -> str:
        """Answers to gateways, each at its own partition."""
        return f"{self.prefix}.replies"

    @property
    def deadletter(self) -> str:
        """What could not be read or decided, with the reason."""
        return f"{self.prefix}.deadletter"

    @property
    def events(self) -> tuple[str, ...]:
        """The four topics of events."""
        return tuple(self._events.values())

    def events_of(self, aggregate_type: AggregateType) -> str:
        """The topic of the events of a kind of aggregate."""
        return self._events[aggregate_type]

    def specs(self) -> tuple[TopicSpec, ...]:
        """What each topic must be like."""
        n = self.partitions
        return (
            TopicSpec(
                name=self.commands,
                partitions=n,
                retention_ms=7 * _DAY_MS,
                log_append_time=True,
            ),
            *(TopicSpec(name=name, partitions=n) for name in self.events),
            TopicSpec(name=self.journal, partitions=n, log_append_time=True),
            TopicSpec(
                name=self.snapshots, partitions=n, cleanup="compact", retention_ms=None
            ),
            TopicSpec(
                name=self.replies,
                partitions=self.reply_partitions,
                retention_ms=_HOUR_MS,
            ),
            TopicSpec(name=self.deadletter, partitions=n, log_append_time=True),
        )
