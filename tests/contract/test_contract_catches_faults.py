"""The contracts fail where they should: each planted fault is caught by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import sleep

import pytest

from healthpay_core import (
    NO_LIMITS,
    ActivateWallet,
    Append,
    Appended,
    AppendResult,
    BusinessDay,
    Clock,
    CommandHandler,
    CommandPort,
    CommandRequest,
    Committed,
    DuplicateCommand,
    EventStore,
    InMemoryEventStore,
    LocalRuntime,
    Outcome,
    OutcomeRecord,
    RecordedEvent,
    Snapshot,
    SnapshotStore,
    StreamId,
    SystemClock,
    VersionConflict,
    new_id,
)
from healthpay_core.testing.contracts import (
    ClockContract,
    CommandPortContract,
    EventStoreContract,
    SnapshotStoreContract,
)


class _LostUpdate(InMemoryEventStore):
    """Looks at the versions before it takes the lock, and never again."""

    def append(self, append: Append) -> AppendResult:
        refused = self._conflict(append.expected) or self._duplicate(append)
        sleep(0.002)
        with self._lock:
            return self._store(append) if refused is None else refused


class _DroppedOutcome(InMemoryEventStore):
    """Keeps the events and forgets the outcomes."""

    def append(self, append: Append) -> AppendResult:
        return super().append(replace(append, outcomes=()))


class _EarlyOutcome(InMemoryEventStore):
    """Keeps the outcomes of an append that it refuses."""

    def append(self, append: Append) -> AppendResult:
        result = super().append(append)
        for record in append.outcomes:
            self._outcomes[record.meta.command_id] = record
        return result


class _ReusedPosition(InMemoryEventStore):
    """Counts positions per stream instead of over the store."""

    def append(self, append: Append) -> AppendResult:
        result = super().append(append)
        for number, recorded in enumerate(self._log):
            place = recorded.envelope.sequence
            self._log[number] = replace(recorded, position=place)
        return result


class _SwallowedConflict(InMemoryEventStore):
    """Says that it stored what it refused."""

    def append(self, append: Append) -> AppendResult:
        result = super().append(append)
        if isinstance(result, VersionConflict):
            return Appended(last_position=len(self._log))
        return result


class _SwallowedDuplicate(InMemoryEventStore):
    """Stores a command as often as it comes."""

    def append(self, append: Append) -> AppendResult:
        self._commands.clear()
        return super().append(append)


class _PartialAppend(InMemoryEventStore):
    """Appends stream by stream: the first ones stay when a later one is refused."""

    def append(self, append: Append) -> AppendResult:
        result: AppendResult = Appended(last_position=0)
        for stream in dict.fromkeys(event.stream for event in append.events):
            events = [event for event in append.events if event.stream == stream]
            some = replace(
                append, expected={stream: append.expected[stream]}, events=events
            )
            self._commands.clear()
            result = super().append(some)
            sleep(0.0005)
            if not isinstance(result, Appended):
                return result
        return result


class _StaleHandle(InMemoryEventStore):
    """Reads of the feed lag one event behind."""

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        return super().feed(after, limit)[:-1] if after == 0 else super().feed(after)


class _TrimmedText(InMemoryEventStore):
    """Ends texts at the first NUL, as some databases do."""

    def append(self, append: Append) -> AppendResult:
        events = [
            replace(e, meta=replace(e.meta, tenant_id=_trimmed(e.meta.tenant_id)))
            for e in append.events
        ]
        return super().append(replace(append, events=events))


def _trimmed(text: str | None) -> str | None:
    return None if text is None else text.partition("\x00")[0]


class _ChangingEpoch(InMemoryEventStore):
    """Calls its own appends somebody else's."""

    def epoch(self) -> int:
        return len(self._log)


class _LyingVersions(InMemoryEventStore):
    """Finds at most 500 of what it is asked."""

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        return super().outcomes(command_ids[:500])


class _NamelessDuplicate(InMemoryEventStore):
    """Refuses old commands without saying which."""

    def append(self, append: Append) -> AppendResult:
        result = super().append(append)
        if isinstance(result, DuplicateCommand):
            return DuplicateCommand(command_ids=frozenset())
        return result


STORES = [
    (_LostUpdate, "test_one_of_several_racers_wins"),
    (_DroppedOutcome, "test_the_outcome_is_in_the_same_append"),
    (_DroppedOutcome, "test_outcomes_come_back_as_they_were"),
    (_EarlyOutcome, "test_the_outcome_is_in_the_same_append"),
    (_EarlyOutcome, "test_wrong_exact_version_is_a_conflict_that_stores_nothing"),
    (_ReusedPosition, "test_the_feed_is_ordered_and_without_gaps"),
    (_SwallowedConflict, "test_wrong_exact_version_is_a_conflict_that_stores_nothing"),
    (_SwallowedConflict, "test_no_stream_is_for_new_streams_only"),
    (_SwallowedConflict, "test_stream_exists_is_for_old_streams_only"),
    (_SwallowedConflict, "test_one_of_several_racers_wins"),
    (_SwallowedDuplicate, "test_a_command_is_stored_once"),
    (_SwallowedDuplicate, "test_a_command_without_outcome_is_stored_once"),
    (_PartialAppend, "test_one_wrong_version_refuses_every_stream"),
    (_PartialAppend, "test_no_reader_sees_half_of_an_append"),
    (_StaleHandle, "test_the_feed_is_ordered_and_without_gaps"),
    (_TrimmedText, "test_every_text_comes_back_as_it_was"),
    (_ChangingEpoch, "test_own_appends_leave_the_epoch_alone"),
    (_LyingVersions, "test_many_outcomes_and_versions_are_found_at_once"),
    (_NamelessDuplicate, "test_only_the_command_that_was_there_is_named"),
]


@pytest.mark.parametrize(("broken", "test"), STORES)
def test_a_broken_store_fails(broken: type[InMemoryEventStore], test: str) -> None:
    """V1, I7, I8, T4, V7: each fault of a store is caught by the test named here."""

    class Contract(EventStoreContract):
        def make_store(self) -> EventStore:
            return broken()

    with pytest.raises(AssertionError):
        getattr(Contract(), test)(broken())


def test_a_store_that_forgets_at_restart_fails() -> None:
    """V1: a store that comes back empty is caught."""

    class Contract(EventStoreContract):
        def reopen(self, store: EventStore) -> EventStore:
            return InMemoryEventStore()

    with pytest.raises(AssertionError):
        Contract().test_a_reopened_store_has_everything(InMemoryEventStore())


def test_an_epoch_that_never_changes_fails() -> None:
    """V2: a shared store whose epoch hides what others wrote is caught."""
    store = InMemoryEventStore()

    class Contract(EventStoreContract):
        def second(self, store: EventStore) -> EventStore:
            other = InMemoryEventStore()
            other._streams = store._streams  # type: ignore[attr-defined]
            return other

    with pytest.raises(AssertionError):
        Contract().test_appends_of_others_change_the_epoch(store)


class _StaleSnapshots(InMemoryEventStore):
    """Keeps the first snapshot of a stream for ever."""

    def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        for snapshot in snapshots:
            self._snapshots.setdefault(snapshot.stream, snapshot)


class _WrongVersion(InMemoryEventStore):
    """Files a state under the version after it."""

    def load_snapshot(self, stream: StreamId) -> Snapshot | None:
        found = super().load_snapshot(stream)
        return None if found is None else replace(found, version=found.version + 1)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (_StaleSnapshots, "test_the_newest_snapshot_is_loaded"),
        (_WrongVersion, "test_a_state_comes_back_as_it_was"),
        (_WrongVersion, "test_reopened_it_has_the_snapshot_or_none"),
    ],
)
def test_broken_snapshots_fail(broken: type[InMemoryEventStore], test: str) -> None:
    """A1: a stale or misfiled snapshot is caught."""

    class Contract(SnapshotStoreContract):
        def make_snapshots(self) -> SnapshotStore:
            return broken()

    with pytest.raises(AssertionError):
        getattr(Contract(), test)(broken())


class _UtcDays(SystemClock):
    """Ends every day at its start plus 24 hours, whatever the clocks do."""

    def business_day(self, instant: int) -> BusinessDay:
        day = super().business_day(instant)
        return replace(day, ends_at=day.starts_at + 24 * 3600 * 1_000_000)


class _FloatClock(SystemClock):
    """Tells the time as a float of seconds."""

    def now(self) -> int:
        return super().now() / 1_000_000  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (_UtcDays, "test_business_days_follow_each_other_without_a_hole"),
        (_FloatClock, "test_now_is_in_whole_microseconds"),
    ],
)
def test_a_broken_clock_fails(broken: type[SystemClock], test: str) -> None:
    """K8: a calendar with holes at the change of clocks is caught."""

    class Contract(ClockContract):
        def make_clock(self) -> Clock:
            return broken()

    with pytest.raises(AssertionError):
        getattr(Contract(), test)(broken())


class _ForgetfulPort(LocalRuntime):
    """Gives every command a new id, so that nothing is ever a replay."""

    def execute(self, request: CommandRequest) -> Outcome:
        return super().execute(replace(request, command_id=new_id()))


class _CheerfulPort(LocalRuntime):
    """Says "committed" of everything."""

    def execute(self, request: CommandRequest) -> Outcome:
        super().execute(request)
        again = ActivateWallet(wallet_id=request.command.wallet_id)  # type: ignore[union-attr]
        outcome = super().execute(CommandRequest(command=again))
        return outcome if isinstance(outcome, Committed) else super().execute(request)


@pytest.fixture
def handler() -> CommandHandler:
    """A handler over an empty store."""
    return CommandHandler(InMemoryEventStore(), policy=NO_LIMITS)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (_ForgetfulPort, "test_the_same_request_is_answered_again"),
        (_ForgetfulPort, "test_another_request_under_the_same_id_is_refused"),
        (_ForgetfulPort, "test_many_with_one_key_have_one_effect"),
        (_CheerfulPort, "test_a_command_is_committed"),
    ],
)
def test_a_broken_port_fails(
    handler: CommandHandler, broken: type[LocalRuntime], test: str
) -> None:
    """I4, I9: a port that repeats effects or invents answers is caught."""

    class Contract(CommandPortContract):
        def make_port(self) -> CommandPort:
            return broken(handler)

    with pytest.raises(AssertionError):
        getattr(Contract(), test)(broken(handler))
