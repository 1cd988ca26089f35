"""The relay killed, doubled, and left without its broker: nothing is lost."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest
from confluent_kafka import Consumer, KafkaException

from healthpay_core import Command, CommandHandler
from healthpay_core.testing.builders import (
    deposit,
    funded,
    request,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_kafka import (
    FileCheckpoint,
    Relay,
    Topics,
    create_topics,
    reader_config,
)
from healthpay_kafka.ends import read_ends
from healthpay_kafka.reading import watermarks
from healthpay_sql import SqliteEventStore
from tests.kafka import relay_process
from tests.kafka.reading import all_of, audit, read_events
from tests.kafka.waiting import wait_until
from tools.broker import Broker
from tools.broker.broker import GIVEN

WALLETS = tuple(wallet_id(f"kill {n}") for n in range(12))
ROUNDS = int(os.environ.get("KILL_ROUNDS", "8"))

pytestmark = pytest.mark.crash


def _movements(chance: random.Random) -> list[Command]:
    one, other = chance.sample(WALLETS, 2)
    return [deposit(one, 50), transfer(one, other, 7), withdrawal(other, 3)]


@contextmanager
def _writing(path: Path, seed: int) -> Iterator[Callable[[], int]]:
    """A thread that appends without pause; answers how many events there are."""
    stopping = Event()
    chance = random.Random(seed)
    with SqliteEventStore(path, synchronous="NORMAL") as store:
        handler = CommandHandler(store, snapshots=store)
        for wallet in WALLETS:
            handler.handle_many([request(c) for c in funded(wallet, 100_000)])

        def write() -> None:
            while not stopping.is_set():
                commands = [c for _ in range(8) for c in _movements(chance)]
                handler.handle_many([request(command) for command in commands])
                time.sleep(chance.random() * 0.02)

        thread = Thread(target=write)
        thread.start()
        try:
            yield lambda: all_of(store)[-1].position
        finally:
            stopping.set()
            thread.join()


def _published(bootstrap_servers: str, topics: Topics) -> int:
    """The highest position that any partition ends with."""
    while True:
        # A broker that has just come back may not know its partitions yet.
        with suppress(KafkaException, TimeoutError):
            ends = read_ends(bootstrap_servers, topics)
            return max((mark.position for mark in ends.values()), default=0)


def _records(bootstrap_servers: str, topics: Topics) -> int:
    """How many records there are, repeated ones included."""
    with Consumer(reader_config(bootstrap_servers)) as consumer:
        ends = [
            watermarks(consumer, topic, number)[1]
            for topic in topics.events
            for number in range(topics.partitions)
        ]
    return sum(ends)


def _wait_for_more(bootstrap_servers: str, topics: Topics) -> None:
    """Return when something has been published since: a kill now meets work."""
    before = _published(bootstrap_servers, topics)
    wait_until(
        lambda: _published(bootstrap_servers, topics) > before,
        "a relay publishes",
        timeout_s=60,
    )


def _finish(path: Path, broker: Broker, topics: Topics, checkpoint: Path) -> int:
    """Let one last relay catch up; how many records are repeated."""
    with SqliteEventStore(path) as store:
        relay = Relay(
            store,
            broker.bootstrap_servers,
            topics=topics,
            checkpoint=FileCheckpoint(checkpoint),
        )
        last = all_of(store)[-1].position
        with relay:
            wait_until(
                lambda: relay.position == last, "all is published", timeout_s=200
            )
            assert relay.lag_s() == 0
        return audit(store, read_events(broker.bootstrap_servers, topics), topics)


@pytest.mark.timeout(600)
def test_a_relay_killed_at_any_moment_loses_nothing(
    broker: Broker, made_topics: Topics, path: Path, tmp_path: Path
) -> None:
    """V7: after SIGKILL at random moments each event is there, in order, its own."""
    checkpoint, chance = tmp_path / "mark", random.Random(5)
    with _writing(path, seed=1):
        for _ in range(ROUNDS):
            process = relay_process.start(
                path, broker.bootstrap_servers, made_topics, checkpoint
            )
            _wait_for_more(broker.bootstrap_servers, made_topics)
            time.sleep(chance.random() * 0.5)
            relay_process.kill(process)
    _finish(path, broker, made_topics, checkpoint)


@pytest.mark.timeout(600)
def test_two_relays_at_once_keep_the_order(
    broker: Broker, made_topics: Topics, path: Path, tmp_path: Path
) -> None:
    """V7, B6: two at once, killed in turn, repeat events and reorder no first one."""
    marks = [tmp_path / "mark-0", tmp_path / "mark-1"]
    chance = random.Random(7)
    with _writing(path, seed=2) as last:
        processes = [
            relay_process.start(path, broker.bootstrap_servers, made_topics, mark)
            for mark in marks
        ]
        for process in processes:
            relay_process.wait_until_following(process)
        for number in range(ROUNDS):
            _wait_for_more(broker.bootstrap_servers, made_topics)
            time.sleep(chance.random() * 2)
            index = number % 2
            relay_process.kill(processes[index])
            mark = chance.choice(marks)
            processes[index] = relay_process.start(
                path, broker.bootstrap_servers, made_topics, mark
            )
            relay_process.wait_until_following(processes[index])
        before = last()
        wait_until(lambda: last() > before, "something is stored for both")
    with SqliteEventStore(path) as store:
        stored = len(all_of(store))
    wait_until(
        lambda: _records(broker.bootstrap_servers, made_topics) > stored,
        "both have published it",
        timeout_s=120,
    )
    for process in processes:
        relay_process.kill(process)
    repeated = _finish(path, broker, made_topics, marks[0])
    assert repeated > 0, "the two never published the same event: nothing was tried"


@pytest.mark.timeout(600)
def test_a_broker_that_goes_and_comes_loses_nothing(
    path: Path, tmp_path: Path, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V7: SIGSTOP, restart and SIGKILL of the broker while the relay is killed too."""
    monkeypatch.delenv(GIVEN, raising=False)
    checkpoint, chance = tmp_path / "mark", random.Random(11)
    with Broker() as own:
        create_topics(own.bootstrap_servers, topics)
        node = own.nodes[0]
        with _writing(path, seed=3):
            for number in range(max(4, ROUNDS // 2)):
                process = relay_process.start(
                    path, own.bootstrap_servers, topics, checkpoint
                )
                _wait_for_more(own.bootstrap_servers, topics)
                time.sleep(chance.random() * 0.3)
                match number % 3:
                    case 0:
                        node.pause()
                        time.sleep(chance.random())
                    case 1:
                        node.restart()
                    case _:
                        node.kill()
                        node.start()
                if chance.random() < 0.5:
                    process.kill()
                node.resume()
                own.wait_until_ready()
                time.sleep(chance.random())
                relay_process.kill(process)
        _finish(path, own, topics, checkpoint)


def test_nothing_is_marked_before_it_is_delivered(
    path: Path, tmp_path: Path, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V7, H8: while the broker stands still the mark does too, and the lag grows."""
    monkeypatch.delenv(GIVEN, raising=False)
    kept = FileCheckpoint(tmp_path / "mark")
    with Broker() as own, SqliteEventStore(path) as store:
        create_topics(own.bootstrap_servers, topics)
        handler = CommandHandler(store, snapshots=store)
        handler.handle_many([request(c) for c in funded(WALLETS[0], 10)])
        relay = Relay(store, own.bootstrap_servers, topics=topics, checkpoint=kept)
        with relay:
            # Asked of the broker: the relay's own word is what is doubted here.
            wait_until(
                lambda: len(read_events(own.bootstrap_servers, topics)) == 3,
                "the first events are published",
            )
            wait_until(lambda: relay.position == 3, "and the relay knows")
            wait_until(lambda: kept.load() is not None, "and the mark")
            own.nodes[0].pause()
            handler.handle(request(deposit(WALLETS[0], 1)))
            relay.wake()
            time.sleep(1.5)
            assert relay.position == 3
            mark = kept.load()
            assert mark is not None
            assert mark.position == 3
            assert relay.lag_s() > 1
            assert relay.health(max_lag_s=60) is None
            assert "s old" in (relay.health(max_lag_s=1) or "")
            assert not relay.drain(timeout_s=0.1)
            own.nodes[0].resume()
            wait_until(lambda: relay.position == 4, "the rest follows")
            assert relay.lag_s() == 0
        mark = kept.load()
        assert mark is not None
        assert mark.position == 4
        assert audit(store, read_events(own.bootstrap_servers, topics), topics) == 0


def test_it_stops_while_the_broker_stands_still(
    path: Path, tmp_path: Path, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H8: a relay that waits for its broker does not hold up the end of its server."""
    monkeypatch.delenv(GIVEN, raising=False)
    kept = FileCheckpoint(tmp_path / "mark")
    with Broker() as own, SqliteEventStore(path) as store:
        create_topics(own.bootstrap_servers, topics)
        handler = CommandHandler(store, snapshots=store)
        relay = Relay(store, own.bootstrap_servers, topics=topics, checkpoint=kept)
        with relay:
            wait_until(lambda: relay.fault is None, "it follows")
            own.nodes[0].pause()
            handler.handle_many([request(c) for c in funded(WALLETS[0], 10)])
            time.sleep(0.5)
        # It ended, and the broker still stands: who waited for it would do so for ever.
        assert relay.fault is None
        own.nodes[0].resume()
        assert kept.load() is None
