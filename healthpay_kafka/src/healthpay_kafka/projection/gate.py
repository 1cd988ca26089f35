"""Which of the events that arrived are applied, skipped or parked (R3). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from healthpay_core import StreamId
from healthpay_kafka.projection.records import (
    Arrival,
    LogRecord,
    Partition,
    PoisonousEvent,
)
from healthpay_kafka.projection.view import Parked

Decode: TypeAlias = Callable[[LogRecord], Arrival]
"""Raises `PoisonousEvent` when the record is no event of the catalogue."""


class Place(NamedTuple):
    """What names a record for ever."""

    partition: Partition
    offset: int


@dataclass(slots=True, kw_only=True)
class Plan:
    """What becomes of a batch.

    Attributes:
        versions: Of each stream of the batch, after it.
        gaps: The first parked event of each stream that misses one.
    """

    versions: dict[StreamId, int]
    apply: list[Arrival] = field(default_factory=list)
    park: list[Parked] = field(default_factory=list)
    poison: list[Parked] = field(default_factory=list)
    gaps: dict[StreamId, Parked] = field(default_factory=dict)


def decoded(
    records: Iterable[LogRecord], decode: Decode
) -> tuple[list[Arrival], list[Parked]]:
    """The events of a batch, and what is none, with the reason."""
    arrivals: list[Arrival] = []
    strangers: list[Parked] = []
    for record in records:
        try:
            arrivals.append(decode(record))
        except PoisonousEvent as poison:
            strangers.append(Parked(record, poison.reason))
    return arrivals, strangers


def plan(
    arrivals: Sequence[Arrival],
    versions: Mapping[StreamId, int],
    known_bad: Mapping[Place, str],
) -> Plan:
    """Apply what is next in its stream, skip what was, park the rest.

    Args:
        arrivals: In the log's order.
        versions: The last applied version of each stream; 0 where none is named.
        known_bad: What the view refused in an earlier try, and why.
    """
    now = dict(versions)
    planned = Plan(versions=now)
    apply = planned.apply.append
    for arrival in arrivals:
        stream, version = arrival.stream, arrival.version
        current = now.get(stream, 0)
        if version == current + 1:
            if known_bad and (reason := known_bad.get(place(arrival.record))):
                bad = Parked(arrival.record, reason, stream, version)
                planned.poison.append(bad)
                planned.park.append(bad)
                continue
            now[stream] = version
            apply(arrival)
        elif version > current:
            _park_gap(planned, arrival, current)
    return planned


def place(record: LogRecord) -> Place:
    """Where a record is."""
    return Place(record.partition, record.offset)


def _park_gap(planned: Plan, arrival: Arrival, current: int) -> None:
    stream, version = arrival.stream, arrival.version
    reason = f"version {version} waits for version {current + 1}"
    parked = Parked(arrival.record, reason, stream, version)
    planned.park.append(parked)
    planned.gaps.setdefault(stream, parked)
