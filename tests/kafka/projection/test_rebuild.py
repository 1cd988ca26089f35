"""A view built anew beside the live one, and put in its place while all goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import psycopg
import pytest
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from examples.projection.following import event_log
from examples.projection.settings import Settings
from examples.projection.views import PostgresViews
from healthpay_kafka import Topics
from healthpay_kafka.projection import (
    KafkaEventLog,
    Projection,
    Projector,
    RebuildProgress,
    RebuildRefused,
    decode_event,
    rebuild,
)
from tests.kafka.projection.histories import History, disturbed
from tests.kafka.projection.rows import Rows, rows_of
from tests.kafka.projection.stage import Publisher, following, rows_in
from tools.broker import Broker

BATCH = 20


@contextmanager
def live_projection(settings: Settings) -> Iterator[list[str]]:
    """A projection that follows in a thread of its own; lists what it was told."""
    stopping, told = Event(), list[str]()

    def follow() -> None:
        with (
            psycopg.connect(settings.postgres, autocommit=True) as connection,
            event_log(settings) as log,
        ):
            view = PostgresViews(connection, settings.view).live
            projector = Projector(
                view,
                decode_event,
                lambda _: None,
                after_commit=lambda arrivals: told.extend(a.event_id for a in arrivals),
            )
            Projection(log, projector, batch=BATCH).run(stopping)

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield told
    finally:
        stopping.set()
        thread.join(30)


@contextmanager
def reader(settings: Settings) -> Iterator[list[int]]:
    """Somebody who reads the view all the time: the sums of versions that he saw."""
    stopping, seen = Event(), list[int]()
    name = Identifier(settings.view)
    text = SQL("SELECT coalesce(sum(version), 0)::bigint FROM {}.balances").format(name)

    def read() -> None:
        with psycopg.connect(settings.postgres, autocommit=True) as connection:
            while not stopping.is_set():
                row = connection.execute(text).fetchone()
                assert row is not None
                seen.append(row[0])

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        stopping.set()
        thread.join(30)


def rebuilt(settings: Settings, log: KafkaEventLog, **options: bool) -> list[float]:
    """Rebuild; how far each step of the progress bar was."""
    shown: list[float] = []

    def report(progress: RebuildProgress) -> None:
        shown.append(progress.read / progress.total)

    with psycopg.connect(settings.postgres, autocommit=True) as connection:
        views = PostgresViews(connection, settings.view)
        rebuild(
            views,
            log,
            decode_event,
            lambda _: None,
            report=report,
            batch=BATCH,
            **options,
        )
    return shown


def test_rebuilt_beside_the_live_one_under_load(
    settings: Settings, broker: Broker, made_topics: Topics, connection: Connection
) -> None:
    """Rows written by mistake are gone after it; readers never go back (A1, R3)."""
    history, publisher = History(5), Publisher(broker.bootstrap_servers, made_topics)
    events = [*history.go_on(200)]
    publisher.send(disturbed(events, 5))
    with following(settings) as follower:
        follower.catch_up()
    name = Identifier(settings.view)
    spoilt = SQL("UPDATE {}.balances SET balance_minor = 1").format(name)
    connection.execute(spoilt)
    assert rows_in(connection, settings.view) != rows_of(events)
    with live_projection(settings) as told, reader(settings) as seen:
        for _ in range(3):
            with event_log(settings) as log:
                shown = rebuilt(settings, log)
            assert shown == sorted(shown)
            assert shown[-1] == 1.0
            more = history.go_on(60)
            events += more
            publisher.send(disturbed(more, 6))
        with event_log(settings) as log:
            rebuilt(settings, log)
    with following(settings) as follower:
        follower.catch_up()
    assert rows_in(connection, settings.view) == rows_of(events)
    assert seen == sorted(seen)
    assert len(set(told)) == len(told), "a rebuild told somebody again"


def test_an_unfinished_rebuild_leaves_the_live_view_alone(
    settings: Settings, broker: Broker, made_topics: Topics, connection: Connection
) -> None:
    """Broken off at any point, it changed nothing, and the next one starts anew."""
    events = History(8).go_on(60)
    Publisher(broker.bootstrap_servers, made_topics).send(events)
    with following(settings) as follower:
        follower.catch_up()
    before = rows_in(connection, settings.view)

    class BrokenOffError(Exception):
        """As a process that ends."""

    def report(progress: RebuildProgress) -> None:
        if progress.read > progress.total / 2:
            raise BrokenOffError

    views = PostgresViews(connection, settings.view)
    with event_log(settings) as log, pytest.raises(BrokenOffError):
        rebuild(views, log, decode_event, lambda _: None, report=report, batch=BATCH)
    assert rows_in(connection, settings.view) == before
    with event_log(settings) as log:
        rebuilt(settings, log)
    assert rows_in(connection, settings.view) == before == rows_of(events)


def test_a_view_with_parked_records_is_not_put_in_place(
    settings: Settings, broker: Broker, made_topics: Topics, connection: Connection
) -> None:
    """Unless that is said to be fine, which it then keeps with the reason (R3)."""
    events = History(9).go_on(20)
    publisher = Publisher(broker.bootstrap_servers, made_topics)
    publisher.send(events)
    with following(settings) as follower:
        follower.catch_up()
    publisher.put("nobody", b"not JSON")
    publisher.send([])
    with event_log(settings) as log, pytest.raises(RebuildRefused, match="1 records"):
        rebuilt(settings, log)
    with following(settings) as follower:
        assert not follower.projector.parked
        follower.catch_up()
    with event_log(settings) as log:
        rebuilt(settings, log, parked_is_fine=True)
    (parked,) = PostgresViews(connection, settings.view).live.parked()
    assert (parked.record.key, parked.record.value) == (b"nobody", b"not JSON")
    assert parked.stream is None
    assert rows_in(connection, settings.view) == rows_of(events)


def test_a_new_view_behind_the_live_one_is_not_put_in_place(
    settings: Settings, broker: Broker, made_topics: Topics, connection: Connection
) -> None:
    """Readers are never shown an earlier state than the one they have seen (R3)."""
    events = History(10).go_on(20)
    Publisher(broker.bootstrap_servers, made_topics).send(events)
    with following(settings) as follower:
        follower.catch_up()
    views = PostgresViews(connection, settings.view)
    built = views.beside()
    assert views.switch_over() is False
    assert rows_in(connection, settings.view) == rows_of(events)
    built.progress()
    with built.transaction() as transaction:
        transaction.advance(views.live.progress())
    assert views.switch_over() is True
    assert rows_in(connection, settings.view) == Rows()
