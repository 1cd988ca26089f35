"""A projection killed at any step counts every event once (proof 12 of the engine)."""

from __future__ import annotations

import random
import signal
import time

import pytest
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from examples.projection.settings import Settings
from healthpay_kafka import Topics
from tests.kafka.projection.histories import History, disturbed
from tests.kafka.projection.killed import STEPS
from tests.kafka.projection.rows import rows_of
from tests.kafka.projection.stage import Publisher, following, process, rows_in
from tools.broker import Broker

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

ROUNDS_OF_EACH_STEP = 4
RANDOM_ROUNDS = 12
DYING = "tests.kafka.projection.killed"


def test_killed_at_every_step(
    settings: Settings, broker: Broker, made_topics: Topics, connection: Connection
) -> None:
    """SIGKILL before, between and after offsets, rows and commit (R3, B6)."""
    history, source = History(seed=12), random.Random(12)
    publisher = Publisher(broker.bootstrap_servers, made_topics)
    events = [*history.go_on(30)]
    publisher.send(events)
    for number in range(1, ROUNDS_OF_EACH_STEP + 1):
        for step in STEPS:
            more = history.go_on(15)
            events += more
            publisher.send(disturbed(more, source.randrange(2**32)))
            with process(settings, DYING, step, str(number)) as dying:
                assert dying.wait(120) == -signal.SIGKILL, dying.stderr
    with following(settings) as follower:
        follower.catch_up()
        assert not follower.projector.parked
    assert rows_in(connection, settings.view) == rows_of(events)


def test_killed_at_random(
    settings: Settings, broker: Broker, made_topics: Topics, connection: Connection
) -> None:
    """SIGKILL at whatever it is doing, while events go on coming (R3, B6)."""
    history, source = History(seed=13), random.Random(13)
    publisher = Publisher(broker.bootstrap_servers, made_topics)
    events = [*history.go_on(10)]
    publisher.send(events)
    with following(settings) as follower:
        follower.catch_up()
    midway = 0
    for _ in range(RANDOM_ROUNDS):
        more = history.go_on(400)
        events += more
        done, all_ = _applied(connection, settings.view), len(rows_of(events).history)
        # Half of it is left then, and it does some more of that until it is killed.
        until = done + 1 + source.randrange((all_ - done) // 2)
        with process(settings, DYING, "never", "0") as victim:
            publisher.send(disturbed(more, source.randrange(2**32)))
            while _applied(connection, settings.view) < until:
                assert victim.poll() is None, "it ended by itself"
            time.sleep(source.random() * 0.02)
            victim.kill()
            victim.wait()
        midway += rows_in(connection, settings.view) != rows_of(events)
    assert midway >= RANDOM_ROUNDS // 3, "it was seldom killed at work"
    with following(settings) as follower:
        follower.catch_up()
        assert not follower.projector.parked
    assert rows_in(connection, settings.view) == rows_of(events)


def _applied(connection: Connection, view: str) -> int:
    """How many rows the view's history has."""
    text = SQL("SELECT count(*) FROM {}.history").format(Identifier(view))
    row = connection.execute(text).fetchone()
    assert row is not None
    return int(row[0])
