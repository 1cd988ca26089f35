"""The imperative page: load, decide, one atomic append, answer."""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, assert_never

from healthpay_core import domain
from healthpay_core.clock import Clock, SystemClock
from healthpay_core.corruption import StreamCorrupted
from healthpay_core.ids import StreamId, new_id
from healthpay_core.outcome import (
    CommandRequest,
    Outcome,
    OutcomeRecord,
    rejected,
    unknown,
)
from healthpay_core.policy import EG_2023_11, LimitPolicy
from healthpay_core.ports import (
    Appended,
    AppendResult,
    AppendUnavailable,
    AppendUnknown,
    DuplicateCommand,
    EventStore,
    NotStorable,
    Observer,
    SnapshotStore,
    StoreFault,
    VersionConflict,
)
from healthpay_core.refusals import (
    ConcurrencyConflict,
    CorruptStream,
    Fault,
    InternalError,
    StoreUnavailable,
)
from healthpay_core.replays import recover, replay
from healthpay_core.states import StateCache
from healthpay_core.turn import Turn, streams_of

_MOST_IN_DOUBT: Final = 100_000


@dataclass(slots=True)
class _Trial:
    """What the attempts at one batch have shown so far."""

    given_up: set[int] = field(default_factory=set)
    duplicates: set[str] = field(default_factory=set)
    recovered: dict[str, OutcomeRecord] = field(default_factory=dict)


class CommandHandler:
    """Decides commands against a store; a batch is one atomic append.

    Safe to call from several threads; they take turns. For throughput put a
    `LocalRuntime` before it, which makes batches of concurrent callers.

    Args:
        store: Where events and outcomes are appended.
        clock: Where time comes from.
        policy: The limits in force.
        snapshots: Where states are cached durably, if anywhere.
        snapshot_every: A snapshot each so many events of a stream, >= 1.
        cached_streams: States kept in memory, >= 1.
        cached_receipts: Outcomes kept in memory for quick replays, >= 0.
        max_attempts: Decisions of one batch before `ConcurrencyConflict` (V2).
        observers: Told after the fact; what they raise is swallowed.
        pause: Waits between attempts, for tests; seconds.
    """

    def __init__(
        self,
        store: EventStore,
        *,
        clock: Clock | None = None,
        policy: LimitPolicy = EG_2023_11,
        snapshots: SnapshotStore | None = None,
        snapshot_every: int = 100,
        cached_streams: int = 200_000,
        cached_receipts: int = 50_000,
        max_attempts: int = 3,
        observers: Sequence[Observer] = (),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.states: StateCache = StateCache(
            store, snapshots, snapshot_every=snapshot_every, capacity=cached_streams
        )
        self.clock: Clock = SystemClock() if clock is None else clock
        self.policy = policy
        self._store = store
        # Ordered, because the first key of a dict that loses its first keys is
        # found by stepping over all that are gone.
        self._receipts: OrderedDict[str, OutcomeRecord] = OrderedDict()
        self._cached_receipts = cached_receipts
        self._in_doubt: set[str] = set()
        self._settled: set[str] = set()
        self._max_attempts = max_attempts
        self._observers = tuple(observers)
        self._pause = pause
        self._lock = Lock()

    def handle(self, request: CommandRequest) -> Outcome:
        """Decide one command; returns when its outcome is durable."""
        return self.handle_many((request,))[0]

    def handle_many(self, requests: Sequence[CommandRequest]) -> list[Outcome]:
        """Decide a batch in order, each on what the earlier ones left (T9).

        One append commits them all; a refusal of one leaves the others alone.
        """
        with self._lock:
            outcomes = self._handle(requests)
        for observer in self._observers:
            # What happens after the commit never turns it into an error.
            with suppress(Exception):
                observer.batch_handled(requests, outcomes)
        return outcomes

    def _handle(self, requests: Sequence[CommandRequest]) -> list[Outcome]:
        attempt = 0
        trial = _Trial()
        while True:
            attempt += 1
            try:
                turn = self._decide_all(requests, trial)
            except StoreFault:
                return [self._unavailable(r) for r in requests]
            except Exception as error:
                # Nothing has been appended.
                return self._each_alone(requests, error)
            if not turn.records:
                return turn.finished()
            try:
                result = self._append(turn)
            except NotStorable as error:
                self.states.forget(turn.pending)
                return self._each_alone(requests, error)
            match result:
                case Appended():
                    # What was in doubt is there by now or never; which, is not known.
                    if len(self._settled) < _MOST_IN_DOUBT:
                        self._settled |= self._in_doubt
                    self._in_doubt.clear()
                    self._keep(turn)
                    return turn.finished()
                case VersionConflict():
                    self.states.forget(result.actual)
                    if attempt >= self._max_attempts:
                        trial.given_up |= turn.touching(result.actual)
                case DuplicateCommand():
                    self.states.forget(turn.pending)
                    self._duplicates(trial, requests, result.command_ids)
                case AppendUnavailable():
                    self.states.forget(turn.pending)
                    return turn.failed(lambda r, _: self._unavailable(r))
                case AppendUnknown():
                    self.states.forget(turn.pending)
                    return turn.failed(self._look_again)
                case _:
                    assert_never(result)
            if attempt > self._max_attempts + 2 * len(requests):
                # Only a store that names nobody's streams or commands gets here.
                trial.given_up |= set(range(len(requests)))
            jitter_s = random.uniform(0, 0.002 * min(attempt, 5))  # noqa: S311
            self._pause(jitter_s)

    def _each_alone(
        self, requests: Sequence[CommandRequest], error: Exception
    ) -> list[Outcome]:
        """One of them cannot be done or stored, which shall cost the others nothing."""
        if len(requests) == 1:
            bug = self._fault(error)
            return [rejected(requests[0], bug)]
        return [outcome for one in requests for outcome in self._handle((one,))]

    def _append(self, turn: Turn) -> AppendResult:
        try:
            return self._store.append(turn.as_append())
        except NotStorable:
            raise
        except Exception as error:
            # A store that raises has not said whether it stored.
            self._unexpected(new_id(), error)
            return AppendUnknown(reason=type(error).__name__)
        except BaseException:
            # Interrupted: whether it stored is for the next command to find out.
            self.states.forget(turn.pending)
            raise

    def _duplicates(
        self,
        trial: _Trial,
        requests: Sequence[CommandRequest],
        command_ids: frozenset[str],
    ) -> None:
        """Find the outcomes of commands that the store has seen before.

        Most have one by now; what is reported a second time has lost it (I8).
        """
        lost = command_ids & trial.duplicates
        trial.duplicates |= command_ids
        for index, request in enumerate(requests):
            if request.command_id not in lost:
                continue
            record: OutcomeRecord | None = None
            with suppress(StoreFault, StreamCorrupted):
                record = recover(self._store, request)
            if record is None:
                trial.given_up.add(index)
            else:
                trial.recovered[request.command_id] = record

    def _look_again(self, request: CommandRequest, outcome: Outcome) -> Outcome:
        with suppress(Exception):
            record = self._store.outcomes((request.command_id,)).get(request.command_id)
            if record is not None:
                stored_now = record.outcome == outcome
                return outcome if stored_now else replay(request, record)
        if len(self._in_doubt) < _MOST_IN_DOUBT:
            self._in_doubt.add(request.command_id)
        return unknown(request)

    def _unavailable(self, request: CommandRequest) -> Outcome:
        """Nothing was stored now; but what was in doubt before still is."""
        command_id = request.command_id
        if command_id in self._in_doubt or command_id in self._settled:
            return unknown(request)
        return rejected(request, StoreUnavailable())

    def _decide_all(self, requests: Sequence[CommandRequest], trial: _Trial) -> Turn:
        now = self.clock.now()
        turn = Turn(
            requests, now, self.clock.business_day(now), self.policy, self.states
        )
        records = self._known(requests)
        records.update(trial.recovered)
        needs: list[tuple[StreamId, ...]] = []
        undecided: set[StreamId] = set()
        for request in requests:
            streams = streams_of(request)
            needs.append(streams)
            if request.command_id not in records:
                undecided.update(streams)
        self.states.prepare(undecided)
        for index, request in enumerate(requests):
            record = records.get(request.command_id)
            if record is not None:
                turn.answer(index, replay(request, record))
            elif index in trial.given_up:
                conflict = ConcurrencyConflict(attempts=self._max_attempts)
                turn.answer(index, rejected(request, conflict))
            else:
                record = self._decide_one(turn, index, request, needs[index])
                if record is not None:
                    records[request.command_id] = record
        return turn

    def _known(self, requests: Sequence[CommandRequest]) -> dict[str, OutcomeRecord]:
        records: dict[str, OutcomeRecord] = {}
        missing: list[str] = []
        for request in requests:
            record = self._receipts.get(request.command_id)
            if record is None:
                missing.append(request.command_id)
            else:
                records[request.command_id] = record
        if missing:
            records.update(self._store.outcomes(missing))
            # The store has said what became of them.
            self._settled.difference_update(missing)
        return records

    def _decide_one(
        self,
        turn: Turn,
        index: int,
        request: CommandRequest,
        streams: tuple[StreamId, ...],
    ) -> OutcomeRecord | None:
        try:
            # None that could be named: asked again, they say what is wrong.
            streams = streams or domain.streams(request.command)
            return turn.settle(index, request, streams)
        except StoreFault:
            # Streams that became known while deciding could not be read.
            raise
        except Exception as error:
            fault = self._fault(error)
            return turn.refuse(index, request, rejected(request, fault))

    def _fault(self, error: Exception) -> Fault:
        if isinstance(error, StreamCorrupted) and error.stream:
            return CorruptStream(stream=error.stream, sequence=error.sequence)
        return self._internal(error)

    def _internal(self, error: Exception) -> InternalError:
        bug = InternalError(error_id=new_id())
        self._unexpected(bug.error_id, error)
        return bug

    def _unexpected(self, error_id: str, error: BaseException) -> None:
        for observer in self._observers:
            with suppress(Exception):
                observer.unexpected(error_id, error)

    def _keep(self, turn: Turn) -> None:
        self.states.keep(turn.pending)
        receipts = self._receipts
        for record in turn.records:
            receipts[record.outcome.command_id] = record
        while len(receipts) > self._cached_receipts:
            receipts.popitem(last=False)
