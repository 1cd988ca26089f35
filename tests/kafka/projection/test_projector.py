"""Whatever the log repeats or mixes up, the rows are those of its events."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.projection.sqlite import SqliteView
from healthpay_core import RecordedEvent
from healthpay_kafka.projection import (
    Alarm,
    Arrival,
    LogRecord,
    PoisonousEvent,
    Projector,
    TooManyParked,
    ViewMoved,
    decode_event,
)
from tests.kafka.projection.histories import History, batches, disturbed, records_of
from tests.kafka.projection.rows import Rows, rows_of

BALANCES = "SELECT wallet_id, version, balance_minor, held_minor, status FROM balances"
HISTORY = (
    "SELECT wallet_id, version, event_id, amount_minor, balance_minor FROM history"
)
TOTALS = "SELECT * FROM daily_totals"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test's view is."""
    return tmp_path / "view.db"


@pytest.fixture
def view(path: Path) -> Iterator[SqliteView]:
    """An empty view."""
    with closing(SqliteView(path)) as opened:
        yield opened


def held(path: Path) -> Rows:
    """What the view holds now."""
    with closing(sqlite3.connect(path)) as connection:
        tables = (BALANCES, HISTORY, TOTALS)
        return Rows(*(sorted(connection.execute(text)) for text in tables))


def projector(view: SqliteView, alarms: list[Alarm] | None = None) -> Projector:
    """A projector that starts where the view is."""
    heard = [] if alarms is None else alarms
    made = Projector(view, decode_event, heard.append)
    made.restore()
    return made


def events(commands: int = 40, seed: int = 1) -> Sequence[RecordedEvent]:
    """What wallets brought."""
    return History(seed).go_on(commands)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_repeated_and_mixed_up_records_count_once(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Duplicates and events out of order leave the rows of the history (R3, B6)."""
    path = tmp_path_factory.mktemp("view") / "view.db"
    history = History(seed).go_on(30)
    with closing(SqliteView(path)) as view:
        made = projector(view)
        for batch in batches(records_of(disturbed(history, seed)), seed):
            made.project(batch)
        assert not made.parked
    assert held(path) == rows_of(history)


def test_a_log_that_is_read_again_changes_nothing(view: SqliteView, path: Path) -> None:
    """Records before the view's offsets, and events that it has, are skipped (R3)."""
    history = events()
    records = records_of(history)
    first = projector(view)
    first.project(records)
    assert first.project(records) == 0
    assert projector(view).project(records) == 0
    assert projector(view).project(_moved(records, by=len(records))) == 0
    assert held(path) == rows_of(history)


def test_a_missing_event_holds_its_stream_and_no_other(
    view: SqliteView, path: Path
) -> None:
    """A gap is alarmed once, the stream is parked, all others go on (R3)."""
    history = events()
    wallet = history[0].envelope.stream
    lost = next(e for e in history if e.envelope.stream == wallet)
    log = records_of(history)
    alarms: list[Alarm] = []
    made = projector(view, alarms)
    for record in log:
        if record is not log[history.index(lost)]:
            made.project([record])
    assert [alarm.kind for alarm in alarms] == ["gap"]
    assert {parked.stream for parked in made.parked} == {wallet}
    others = [e for e in history if e.envelope.stream != wallet]
    assert held(path) == rows_of(others)


def test_the_missing_event_sets_its_stream_free(view: SqliteView, path: Path) -> None:
    """When it comes after all, what waited for it is applied in order (R3)."""
    history = events()
    late = [*history[1:], history[0]]
    alarms: list[Alarm] = []
    made = projector(view, alarms)
    for record in records_of(late):
        made.project([record])
    assert [alarm.kind for alarm in alarms] == ["gap", "healed"]
    assert not made.parked
    assert held(path) == rows_of(history)


def test_a_stream_that_comes_backwards_ends_up_whole(
    view: SqliteView, path: Path
) -> None:
    """Parked events are applied by their versions, not in the order of the log (R3)."""
    history = events()
    made = projector(view)
    for record in records_of([*reversed(history)]):
        made.project([record])
    assert not made.parked
    assert held(path) == rows_of(history)


def test_poison_is_parked_with_its_reason(view: SqliteView, path: Path) -> None:
    """What cannot be read is kept as it came, is alarmed, and stops nobody (R3)."""
    history = events()
    records = records_of(history)
    bad = records[-1]._replace(
        offset=records[-1].offset + 1,
        key=b"\x00\xff",
        value=b"\xff{",
        headers=(("content-type", b"application/cloudevents+json"), ("empty", None)),
    )
    alarms: list[Alarm] = []
    made = projector(view, alarms)
    made.project([*records, bad])
    assert [(alarm.kind, alarm.record) for alarm in alarms] == [("poison", bad)]
    assert "CloudEvents" in alarms[0].reason
    again = projector(view)
    assert [parked.record for parked in again.parked] == [bad]
    assert held(path) == rows_of(history)


def test_an_event_that_the_view_refuses_is_parked_and_its_stream_waits(
    view: SqliteView, path: Path
) -> None:
    """The rest of its batch is stored; the events behind it wait for it (R3)."""
    history = events()
    stream = history[0].envelope.stream
    third = [e for e in history if e.envelope.stream == stream][2]
    index = history.index(third)
    records = records_of(history)
    value = records[index].value or b""
    records[index] = records[index]._replace(
        value=value.replace(b'"amount":', b'"amount":"x","sum":')
    )
    alarms: list[Alarm] = []
    made = projector(view, alarms)
    made.project(records)
    assert [alarm.kind for alarm in alarms] == ["poison", "gap"]
    assert {parked.stream for parked in made.parked} == {stream}
    kept = [e for e in history if e.envelope.stream != stream or e in history[:index]]
    assert held(path) == rows_of(kept)


def test_what_was_parked_is_tried_again_at_the_next_start(
    view: SqliteView, path: Path
) -> None:
    """A version of the program that can read it applies it, and what waited (A4)."""
    history = events()
    records = records_of(history)

    def old_program(record: LogRecord) -> Arrival:
        arrival = decode_event(record)
        if arrival.name == "wallet.credited":
            raise PoisonousEvent(record, "not known yet")
        return arrival

    alarms: list[Alarm] = []
    old = Projector(view, old_program, alarms.append)
    old.restore()
    old.project(records)
    assert old.parked
    alarms.clear()
    new = projector(view, alarms)
    assert new.retry_parked() > 0
    assert not new.parked
    assert {alarm.kind for alarm in alarms} == {"healed"}
    assert held(path) == rows_of(history)


def test_what_stays_parked_is_alarmed_at_each_start(view: SqliteView) -> None:
    """An alarm that was lost with its process is raised again."""
    records = records_of(events())
    made = projector(view)
    made.project(records[1:])
    alarms: list[Alarm] = []
    again = projector(view, alarms)
    assert again.retry_parked() == 0
    assert [a.kind for a in alarms] == ["parked"] * len(made.parked)


def test_too_many_parked_records_stop_it(view: SqliteView, path: Path) -> None:
    """It halts, with nothing of the batch stored, rather than park a whole topic."""
    history = events()
    records = records_of(history)
    bad = [record._replace(value=b"") for record in records]
    made = Projector(view, decode_event, lambda _: None, max_parked=3)
    made.restore()
    made.project(bad[:3])
    with pytest.raises(TooManyParked):
        made.project(bad[3:])
    assert len(view.parked()) == 3
    assert held(path) == Rows()


def test_of_two_projections_of_one_view_one_is_refused(
    view: SqliteView, path: Path
) -> None:
    """A second writer is found out before it stores anything, and so is the first."""
    history = events()
    records = records_of(history)
    with closing(SqliteView(path)) as same:
        first, second = projector(view), projector(same)
        first.project(records[:10])
        with pytest.raises(ViewMoved):
            second.project(records[:10])
        second.restore()
        second.project(records[10:])
        with pytest.raises(ViewMoved):
            first.project(records[10:])
    assert held(path) == rows_of(history)


def test_after_the_commit_each_event_is_told_once(view: SqliteView) -> None:
    """Watchers hear what was applied, never what was skipped or parked."""
    history = events()
    told: list[str] = []
    made = Projector(
        view,
        decode_event,
        lambda _: None,
        after_commit=lambda arrivals: told.extend(a.event_id for a in arrivals),
    )
    made.restore()
    for batch in batches(records_of(disturbed(history, 7)), 7):
        made.project(batch)
    assert sorted(told) == sorted(e.envelope.event_id for e in history)


def test_the_history_is_append_only(view: SqliteView, path: Path) -> None:
    """Rows of the history can be neither changed nor deleted, by anybody."""
    projector(view).project(records_of(events()))
    with closing(sqlite3.connect(path)) as connection:
        for text in ("DELETE FROM history", "UPDATE history SET amount_minor = 1"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(text)


def _moved(records: Sequence[LogRecord], by: int) -> list[LogRecord]:
    return [record._replace(offset=record.offset + by) for record in records]
