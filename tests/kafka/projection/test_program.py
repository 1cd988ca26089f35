"""The example's program: as an operator sees it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from psycopg import Connection

from examples.projection.settings import Settings, SettingsError, load
from healthpay_kafka import Topics
from tests.kafka.projection.histories import History
from tests.kafka.projection.rows import Rows, rows_of
from tests.kafka.projection.stage import (
    Publisher,
    following,
    logged,
    process,
    rows_in,
)
from tools.broker import Broker

PROGRAM = "examples.projection"


def wait_for(condition: Callable[[], bool]) -> None:
    """Return when it holds.

    Raises:
        AssertionError: It does not within a minute.
    """
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.1)


def test_it_follows_beats_and_stops(
    settings: Settings,
    broker: Broker,
    made_topics: Topics,
    connection: Connection,
    tmp_path: Path,
) -> None:
    """SIGTERM ends it after the batch under way; the heartbeat shows that it lives."""
    settings = attrs.evolve(settings, heartbeat=tmp_path / "heartbeat")
    events = History(21).go_on(50)
    Publisher(broker.bootstrap_servers, made_topics).send(events)

    def is_whole() -> bool:
        return rows_in(connection, settings.view) == rows_of(events)

    with process(settings, PROGRAM, "healthy") as early:
        assert early.wait(60) == 1
    with process(settings, PROGRAM) as program:
        wait_for((tmp_path / "heartbeat").exists)
        wait_for(is_whole)
        with process(settings, PROGRAM, "healthy") as asked:
            assert asked.wait(60) == 0
        program.send_signal(signal.SIGTERM)
        out, err = program.communicate(timeout=60)
    assert program.returncode == 0, err
    assert [line["event"] for line in logged(out)] == ["follows", "stopped"]


def test_what_is_parked_is_logged_and_listed(
    settings: Settings, broker: Broker, made_topics: Topics
) -> None:
    """The place and the reason, never the content (A5)."""
    publisher = Publisher(broker.bootstrap_servers, made_topics)
    publisher.put("nobody", b'{"secret": 1}')
    publisher.send([])
    with process(settings, PROGRAM) as program:
        assert program.stdout is not None
        lines = [program.stdout.readline(), program.stdout.readline()]
        program.terminate()
        program.communicate(timeout=60)
    (_, alarm) = logged("".join(lines))
    assert (alarm["event"], alarm["level"]) == ("poison", "error")
    assert str(alarm["place"]).startswith(f"{made_topics.events_wallet}[")
    with process(settings, PROGRAM, "parked") as listing:
        out, _ = listing.communicate(timeout=60)
    assert out.startswith(str(alarm["place"]))
    assert "secret" not in out + "".join(lines)


def test_a_rebuild_shows_its_progress(
    settings: Settings, broker: Broker, made_topics: Topics, connection: Connection
) -> None:
    """A bar to the high watermark; the live view is made when there is none."""
    events = History(22).go_on(50)
    Publisher(broker.bootstrap_servers, made_topics).send(events)
    with process(settings, PROGRAM, "rebuild") as program:
        _, err = program.communicate(timeout=60)
    assert program.returncode == 0, err
    assert "100%" in err
    assert rows_in(connection, settings.view) == rows_of(events) != Rows()


def test_a_log_that_is_lost_ends_it(settings: Settings) -> None:
    """It halts with a reason when there is no such topic, and does not try for ever."""
    elsewhere = attrs.evolve(settings, topic_prefix="no-such")
    with process(elsewhere, PROGRAM) as program:
        out, _ = program.communicate(timeout=60)
    assert program.returncode == 4
    assert logged(out)[-1]["event"] == "halted"


def test_a_database_that_is_away_is_waited_for(settings: Settings) -> None:
    """It starts again and again, and says so."""
    nowhere = attrs.evolve(settings, postgres="postgresql://127.0.0.1:1/none")
    with process(nowhere, PROGRAM) as program:
        assert program.stdout is not None
        (line,) = logged(program.stdout.readline())
        program.terminate()
        program.communicate(timeout=60)
    assert (line["event"], program.returncode) == ("starts again", 0)


def test_every_fault_of_the_environment_is_said_at_once() -> None:
    """Wrong values and unknown names, without the values: they may be secrets."""
    told = {
        "HEALTHPAY_BOOTSTRAP_SERVERS": "somewhere",
        "HEALTHPAY_POSTGRES": "mysql://me:secret@db",
        "HEALTHPAY_VEIW": "x",
        "HEALTHPAY_VIEW": "Robert'); DROP",
        "PATH": "/bin",
    }
    with pytest.raises(SettingsError) as refused:
        load(told)
    names = [problem.partition(":")[0] for problem in refused.value.problems]
    assert sorted(names) == sorted(n for n in told if n != "PATH")
    assert "did you mean HEALTHPAY_VIEW?" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert load({}) == Settings()


def test_a_restart_of_the_program_heals_nothing_twice(
    settings: Settings, broker: Broker, made_topics: Topics, connection: Connection
) -> None:
    """Started and stopped again and again, it counts every event once (R3)."""
    history, publisher = History(23), Publisher(broker.bootstrap_servers, made_topics)
    events = [*history.go_on(5)]
    publisher.send(events)
    for _ in range(3):
        with following(settings) as follower:
            more = history.go_on(10)
            publisher.send([*reversed(more)])
            events += more
            follower.projection.step(1)
    with following(settings) as follower:
        follower.catch_up()
        assert not follower.projector.parked
    assert rows_in(connection, settings.view) == rows_of(events)
