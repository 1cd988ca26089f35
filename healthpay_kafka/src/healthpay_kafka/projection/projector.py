"""Batches of records into a view: rows, offsets and parked records together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from healthpay_core import StreamId
from healthpay_kafka.projection.alarms import Alarm, AlarmKind, RaiseAlarm
from healthpay_kafka.projection.aside import Aside
from healthpay_kafka.projection.gate import Decode, Place, Plan, decoded, place, plan
from healthpay_kafka.projection.records import (
    Arrival,
    LogRecord,
    Partition,
    PoisonousEvent,
)
from healthpay_kafka.projection.view import Parked, View, ViewTransaction

MAX_PARKED: Final = 10_000
_MAX_VERSIONS: Final = 200_000

AfterCommit: TypeAlias = Callable[[Sequence[Arrival]], None]
"""Is told what was applied, after it is stored: at most once each."""


class TooManyParked(Exception):
    """More records cannot be applied than a view may keep aside; nothing moved."""


class Projector:
    """Brings one view forward, exactly once whatever the log repeats (R3).

    Each event is applied when its version is the next one of its stream. One that
    was applied is skipped. One that comes too early, or cannot be applied, is
    parked, and so are the later ones of its stream, while all other streams go on;
    when the missing one comes, the stream goes on by itself.

    It remembers versions and offsets between batches. `restore` reads them anew:
    call it first, and after every exception.

    Args:
        view: Where rows and offsets go.
        decode: From a record to an event.
        raise_alarm: Is told of gaps and poison, after they are parked.
        after_commit: Is told what was applied; a crash right after the commit
            loses the call, so nothing that must happen hangs on it. What it
            raises ends the run.
        max_parked: Records that the view may keep aside, 1 or more.
    """

    def __init__(
        self,
        view: View,
        decode: Decode,
        raise_alarm: RaiseAlarm,
        *,
        after_commit: AfterCommit | None = None,
        max_parked: int = MAX_PARKED,
    ) -> None:
        self._view = view
        self._decode = decode
        self._raise_alarm = raise_alarm
        self._after_commit = after_commit
        self._max_parked = max_parked
        self._offsets: dict[Partition, int] = {}
        self._versions: dict[StreamId, int] = {}
        self._aside = Aside()

    @property
    def parked(self) -> Sequence[Parked]:
        """What is kept aside now."""
        return tuple(self._aside)

    def restore(self) -> Mapping[Partition, int]:
        """Forget everything and read it from the view; the next offsets."""
        self._versions.clear()
        self._offsets = dict(self._view.progress())
        self._aside.read(self._view.parked())
        return dict(self._offsets)

    def retry_parked(self) -> int:
        """Try again what is parked, as after a repair; how many were applied.

        What still cannot be applied is alarmed again.

        Raises:
            ViewMoved: Another one wrote to the view; `restore` and try again.
        """
        applied = self._again(list(self._aside))
        for parked in self._aside:
            self._alarm("parked", parked)
        return applied

    def project(self, records: Sequence[LogRecord]) -> int:
        """Take a batch, in the order of each partition; how many were applied.

        Records that the view has had already are left out.

        Raises:
            ViewMoved: Another one wrote to the view; `restore`, then seek.
            TooManyParked: See `max_parked`; nothing was stored.
        """
        offsets = self._offsets
        fresh = [r for r in records if r.offset >= offsets.get(r.partition, 0)]
        if not fresh:
            return 0
        held = self._aside.streams()
        arrivals, strangers = decoded(fresh, self._decode)
        moved = {record.partition: record.offset + 1 for record in fresh}
        done = self._stored(arrivals, strangers, moved)
        offsets.update(moved)
        for bad in (*strangers, *done.poison):
            self._alarm("poison", bad)
        for stream, first in done.gaps.items():
            if stream not in held:
                self._alarm("gap", first)
        return len(done.apply) + self._again(self._freed_by(done.apply))

    def _again(self, parked: Sequence[Parked]) -> int:
        """Take parked records through the gate once more, by version."""
        if not parked:
            return 0
        arrivals, strangers = decoded([p.record for p in parked], self._decode)
        arrivals.sort(key=lambda arrival: arrival.version)
        done = self._stored(arrivals, strangers, {}, parked)
        for healed in _one_a_stream(p for p in parked if not self._aside.holds(p)):
            self._alarm("healed", healed)
        return len(done.apply)

    def _stored(
        self,
        arrivals: Sequence[Arrival],
        strangers: Sequence[Parked],
        moved: Mapping[Partition, int],
        retried: Sequence[Parked] = (),
    ) -> Plan:
        """One transaction; again without the event that the view refuses."""
        known_bad: dict[Place, str] = {}
        while True:
            try:
                with self._view.transaction() as transaction:
                    transaction.advance(moved)
                    versions = self._versions_of(arrivals, transaction)
                    done = plan(arrivals, versions, known_bad)
                    done.park.extend(strangers)
                    self._write(transaction, done, retried)
            except PoisonousEvent as poison:
                known_bad[_own(poison, arrivals, known_bad)] = poison.reason
                continue
            self._remember(done, retried)
            return done

    def _write(
        self, transaction: ViewTransaction, done: Plan, retried: Sequence[Parked]
    ) -> None:
        count = len(self._aside) - len(retried) + len(done.park)
        if count > self._max_parked:
            raise TooManyParked(
                f"{count} records would be parked, at most {self._max_parked} may be;"
                f" the last one: {done.park[-1].reason}"
            )
        if retried:
            transaction.unpark([p.record for p in retried])
        if done.apply:
            transaction.apply(done.apply)
        if done.park:
            transaction.park(done.park)

    def _remember(self, done: Plan, retried: Sequence[Parked]) -> None:
        if len(self._versions) > _MAX_VERSIONS:
            self._versions.clear()
        self._versions.update(done.versions)
        self._aside.exchange(retried, done.park)
        if self._after_commit is not None and done.apply:
            self._after_commit(done.apply)

    def _versions_of(
        self, arrivals: Sequence[Arrival], transaction: ViewTransaction
    ) -> dict[StreamId, int]:
        streams = {arrival.stream for arrival in arrivals}
        known = self._versions
        unknown = streams - known.keys()
        found = transaction.versions(unknown) if unknown else {}
        return {s: found.get(s, 0) if s in unknown else known[s] for s in streams}

    def _freed_by(self, applied: Sequence[Arrival]) -> Sequence[Parked]:
        if not self._aside:
            return ()
        return self._aside.freed_by({a.stream: a.version for a in applied})

    def _alarm(self, kind: AlarmKind, parked: Parked) -> None:
        record, reason, stream = parked.record, parked.reason, parked.stream
        self._raise_alarm(Alarm(kind=kind, record=record, reason=reason, stream=stream))


def _own(
    poison: PoisonousEvent, arrivals: Sequence[Arrival], known_bad: Mapping[Place, str]
) -> Place:
    bad = place(poison.record)
    if bad in known_bad or all(bad != place(a.record) for a in arrivals):
        raise AssertionError("the view refuses what it was not given") from poison
    return bad


def _one_a_stream(parked: Iterable[Parked]) -> Sequence[Parked]:
    named = {p.stream or place(p.record): p for p in parked}
    return tuple(named.values())
