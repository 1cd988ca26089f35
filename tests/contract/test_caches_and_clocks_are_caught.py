"""Faults of snapshots, clocks, queries and observers, each caught by its test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

import pytest

from healthpay_core import (
    NO_LIMITS,
    BusinessDay,
    Clock,
    CommandHandler,
    CommandPort,
    CommandRequest,
    Committed,
    InMemoryEventStore,
    LocalRuntime,
    Observer,
    Outcome,
    OutcomeRecord,
    QueryPort,
    RecordedEvent,
    Rejected,
    Snapshot,
    SnapshotStore,
    StoreQueries,
    StreamId,
    SystemClock,
    WalletView,
)
from healthpay_core.testing.contracts import (
    ClockContract,
    ObserverContract,
    QueryPortContract,
    SnapshotStoreContract,
)
from tests.contract.shared_store import Meeting

_DAY_US: Final = 24 * 3600 * 1_000_000


class _StaleSnapshot(InMemoryEventStore):
    """Keeps the first snapshot of a stream for ever."""

    def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        for snapshot in snapshots:
            self._snapshots.setdefault(snapshot.stream, snapshot)


class _Misfiled(InMemoryEventStore):
    """Files a state under the version after it."""

    def load_snapshot(self, stream: StreamId) -> Snapshot | None:
        found = super().load_snapshot(stream)
        return found and replace(found, version=found.version + 1)


class _FirstOfABatch(InMemoryEventStore):
    """Keeps the first snapshot of a batch only."""

    def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        super().save_snapshots(snapshots[:1])


class _Neighbour(InMemoryEventStore):
    """Finds the snapshot of a neighbour when there is none."""

    def load_snapshot(self, stream: StreamId) -> Snapshot | None:
        return super().load_snapshot(stream) or next(
            (replace(s, stream=stream) for s in self._snapshots.values()), None
        )


class _CaseFolded(InMemoryEventStore):
    """Files snapshots under names in small letters."""

    def load_snapshot(self, stream: StreamId) -> Snapshot | None:
        return super().load_snapshot(StreamId(stream.lower()))


class Planted(Protocol):
    """A contract for one fault; `subject` is what its tests are given."""

    def subject(self) -> object:
        """A fresh one."""
        ...


def _snapshots(kind: type[InMemoryEventStore]) -> Planted:
    class Broken(SnapshotStoreContract):
        def subject(self) -> object:
            return kind()

        def make_snapshots(self) -> SnapshotStore:
            return kind()

        def reopen_snapshots(self, snapshots: SnapshotStore) -> SnapshotStore:
            return kind()

    return Broken()


class _HoleAtTheChange(SystemClock):
    """Ends every day 24 hours after its start, whatever the clocks do."""

    def business_day(self, instant: int) -> BusinessDay:
        day = super().business_day(instant)
        return replace(day, ends_at=day.starts_at + _DAY_US)


class _FloatClock(SystemClock):
    """Tells the time as a float of seconds."""

    def now(self) -> int:
        return super().now() / 1_000_000  # type: ignore[return-value]


class _ThirtyDays(SystemClock):
    """Has months of thirty days."""

    def business_day(self, instant: int) -> BusinessDay:
        day = super().business_day(instant)
        return replace(day, month_ends_at=day.starts_at + 30 * _DAY_US)


class _EndsOnSaturday(SystemClock):
    """Ends the week a day early, as calendars of some countries do."""

    def business_day(self, instant: int) -> BusinessDay:
        day = super().business_day(instant)
        sunday = super().business_day(day.week_ends_at - 1)
        return replace(day, week_ends_at=sunday.starts_at)


class _FiscalYear(SystemClock):
    """Ends the year in June."""

    def business_day(self, instant: int) -> BusinessDay:
        day = super().business_day(instant)
        july = super().business_day(day.year_ends_at - 184 * _DAY_US)
        return replace(day, year_ends_at=july.starts_at)


class _StaleDay(SystemClock):
    """Keeps a day for 30 hours."""

    def __init__(self) -> None:
        super().__init__()
        self.last = super().business_day(0)

    def business_day(self, instant: int) -> BusinessDay:
        if not 0 <= instant - self.last.starts_at < 30 * 3600 * 1_000_000:
            self.last = super().business_day(instant)
        return self.last


class _FarAway(SystemClock):
    """Is two days ahead of everybody."""

    def business_day(self, instant: int) -> BusinessDay:
        day = super().business_day(instant)
        return replace(day, date=super().business_day(instant + 2 * _DAY_US).date)


def _clock(kind: type[SystemClock]) -> Planted:
    class Broken(ClockContract):
        def subject(self) -> object:
            return kind()

        def make_clock(self) -> Clock:
            return kind()

    return Broken()


class _PresentOnly(StoreQueries):
    """Shows a wallet as it is, whatever version is asked for."""

    def wallet(
        self, wallet_id: str, *, version: int | None = None, at: int | None = None
    ) -> WalletView | None:
        return super().wallet(wallet_id)


class _OneLater(StoreQueries):
    """Shows of an instant what came right before it."""

    def wallet(
        self, wallet_id: str, *, version: int | None = None, at: int | None = None
    ) -> WalletView | None:
        before = None if at is None else at - 1
        return super().wallet(wallet_id, version=version, at=before)


class _CountsHeldTwice(StoreQueries):
    """Shows balances less what is held."""

    def wallet(
        self, wallet_id: str, *, version: int | None = None, at: int | None = None
    ) -> WalletView | None:
        view = super().wallet(wallet_id, version=version, at=at)
        return view and replace(view, balance=view.balance - 1)


class _InclusivePages(StoreQueries):
    """Begins a page with the event that the last one ended with."""

    def wallet_events(
        self, wallet_id: str, *, after: int = 0, limit: int = 100
    ) -> Sequence[RecordedEvent]:
        return super().wallet_events(wallet_id, after=max(0, after - 1), limit=limit)


class _SuccessesOnly(StoreQueries):
    """Finds what was done, not what was refused."""

    def command(self, command_id: str) -> OutcomeRecord | None:
        record = super().command(command_id)
        refused = record is not None and isinstance(record.outcome, Rejected)
        return None if refused else record


class _RaisesOnNobody(StoreQueries):
    """Takes an unknown wallet for a mistake."""

    def wallet(
        self, wallet_id: str, *, version: int | None = None, at: int | None = None
    ) -> WalletView | None:
        view = super().wallet(wallet_id, version=version, at=at)
        assert view is not None
        return view


def _queries(kind: type[StoreQueries]) -> Planted:
    class Broken(QueryPortContract):
        def make_ports(self) -> tuple[CommandPort, QueryPort]:
            store = InMemoryEventStore()
            handler = CommandHandler(store, policy=NO_LIMITS)
            return LocalRuntime(handler), kind(store)

        def subject(self) -> object:
            return self.make_ports()

    return Broken()


class _Quiet:
    """Takes everything."""

    def batch_handled(
        self, requests: Sequence[CommandRequest], outcomes: Sequence[Outcome]
    ) -> None:
        pass

    def unexpected(self, error_id: str, error: BaseException) -> None:
        pass


class _KnowsTwoOutcomes(_Quiet):
    """Has not heard of unknown ones."""

    def batch_handled(
        self, requests: Sequence[CommandRequest], outcomes: Sequence[Outcome]
    ) -> None:
        assert all(isinstance(o, Committed | Rejected) for o in outcomes)


class _LooksAtTheFirst(_Quiet):
    """Takes it that there is one."""

    def batch_handled(
        self, requests: Sequence[CommandRequest], outcomes: Sequence[Outcome]
    ) -> None:
        assert requests[:1], "no request"


class _AsciiOnly(_Quiet):
    """Writes owners into a log of old."""

    def batch_handled(
        self, requests: Sequence[CommandRequest], outcomes: Sequence[Outcome]
    ) -> None:
        assert all((request.tenant_id or "").isascii() for request in requests)


class _ExceptionsOnly(_Quiet):
    """Has not heard of interrupts."""

    def unexpected(self, error_id: str, error: BaseException) -> None:
        assert isinstance(error, Exception)


class _OneThread(_Quiet):
    """Is busy while it is told something."""

    def __init__(self) -> None:
        self.busy, self.within = False, Meeting()

    def batch_handled(
        self, requests: Sequence[CommandRequest], outcomes: Sequence[Outcome]
    ) -> None:
        was_busy, self.busy = self.busy, True
        self.within.attend()
        self.busy = False
        assert not was_busy


def _observer(kind: type[_Quiet]) -> Planted:
    class Broken(ObserverContract):
        def subject(self) -> object:
            return kind()

        def make_observer(self) -> Observer:
            return kind()

    return Broken()


FAULTS: Final[dict[str, tuple[Planted, str]]] = {
    "stale snapshot": (_snapshots(_StaleSnapshot), "the_newest_snapshot_is_loaded"),
    "misfiled snapshot": (_snapshots(_Misfiled), "a_state_comes_back_as_it_was"),
    "first of a batch kept": (
        _snapshots(_FirstOfABatch),
        "the_last_of_a_batch_counts",
    ),
    "snapshot of a neighbour": (_snapshots(_Neighbour), "each_stream_has_its_own"),
    "snapshots under folded names": (
        _snapshots(_CaseFolded),
        "each_stream_has_its_own",
    ),
    "snapshots lost, and not declared": (
        _snapshots(InMemoryEventStore),
        "a_reopened_store_has_the_snapshot",
    ),
    "clock with a hole where clocks change": (
        _clock(_HoleAtTheChange),
        "business_days_follow_each_other_without_a_hole",
    ),
    "time as a float": (_clock(_FloatClock), "now_is_in_whole_microseconds"),
    "months of thirty days": (
        _clock(_ThirtyDays),
        "a_month_ends_where_the_next_begins",
    ),
    "weeks that end on Saturday": (
        _clock(_EndsOnSaturday),
        "a_week_ends_before_a_monday",
    ),
    "fiscal years": (_clock(_FiscalYear), "a_year_ends_where_the_next_begins"),
    "stale day": (_clock(_StaleDay), "a_day_does_not_depend_on_what_was_asked"),
    "date of elsewhere": (_clock(_FarAway), "the_date_is_near_that_of_utc"),
    "past shown as present": (_queries(_PresentOnly), "the_past_is_as_it_was"),
    "instant exclusive": (_queries(_OneLater), "the_past_is_as_it_was"),
    "other balance shown": (
        _queries(_CountsHeldTwice),
        "every_resource_is_as_it_was_answered",
    ),
    "off-by-one events": (_queries(_InclusivePages), "events_are_read_in_pages"),
    "refusals not found": (_queries(_SuccessesOnly), "a_command_is_found_by_its_id"),
    "nobody's wallet raises": (_queries(_RaisesOnNobody), "what_is_not_there_is_none"),
    "unknown outcomes unknown": (
        _observer(_KnowsTwoOutcomes),
        "it_takes_every_outcome",
    ),
    "empty batch raises": (_observer(_LooksAtTheFirst), "it_takes_an_empty_batch"),
    "text raises": (_observer(_AsciiOnly), "it_takes_every_text"),
    "interrupt raises": (_observer(_ExceptionsOnly), "it_takes_every_bug"),
    "one thread only": (_observer(_OneThread), "it_takes_many_threads_at_once"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_adapter_is_caught(name: str) -> None:
    """A1, K8, D8, V5, E5: each fault fails the test that is named for it."""
    contract, test = FAULTS[name]
    question: Callable[..., None] = getattr(contract, f"test_{test}")
    with pytest.raises(AssertionError):
        question(contract.subject())


class TestQuiet(ObserverContract):
    """The observer that the faults are planted into takes everything."""

    def make_observer(self) -> Observer:
        return _Quiet()
