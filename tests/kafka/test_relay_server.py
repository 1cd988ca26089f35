"""The relay in the example server, and alone beside it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from healthpay_core import Ok
from healthpay_core.ids import new_id
from healthpay_kafka import Topics, create_topics
from healthpay_sql import SqliteEventStore
from tests.kafka.reading import all_of, audit, read_events
from tests.kafka.waiting import wait_until
from tests.simulation.driving import ROOT, Answer, Connection, ServerProcess
from tools.broker import Broker
from tools.broker.broker import GIVEN

pytestmark = pytest.mark.crash


def url(broker: Broker, topics: Topics) -> str:
    """What `HEALTHPAY_RELAY` is told."""
    return (
        f"kafka://{broker.bootstrap_servers}/{topics.prefix}"
        f"?partitions={topics.partitions}&replication=1&min_insync=1"
    )


def _ask(server: ServerProcess, path: str) -> Answer:
    async def ask() -> Answer:
        connection = await Connection.open(server.url)
        try:
            return await connection.get(path)
        finally:
            connection.close()

    return asyncio.run(ask())


def _deposit(server: ServerProcess, times: int) -> None:
    """A new wallet, activated, and so many deposits."""
    wallet_id = new_id()
    created: dict[str, object] = {
        "walletId": wallet_id,
        "ownerId": "owner-1",
        "walletType": "personal",
        "currency": "EGP",
        "kycLevel": "full",
    }
    deposit: dict[str, object] = {"amount": 5, "currency": "EGP", "reason": "deposit"}
    path = f"/v1/wallets/{wallet_id}"
    bodies: list[tuple[str, dict[str, object]]] = [
        ("/v1/wallets", created),
        (f"{path}/activate", {}),
        *[(f"{path}/credit", deposit)] * times,
    ]

    async def send() -> None:
        connection = await Connection.open(server.url)
        for where, body in bodies:
            answer = await connection.post(where, new_id(), orjson.dumps(body))
            assert answer.is_committed, answer
        connection.close()

    asyncio.run(send())


def _samples(server: ServerProcess) -> dict[str, float]:
    text = _ask(server, "/metrics").body.decode()
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _is_published(server: ServerProcess, events: int) -> bool:
    """Whether it says so: so many, observed each, and nothing left."""
    found = _samples(server)
    observed = found["healthpay_event_publish_duration_seconds_count"]
    published = found["healthpay_events_published_total"]
    assert max(observed, published) <= events, "published twice"
    is_all = observed == published == events
    return is_all and found["healthpay_relay_lag_seconds"] == 0


def _checks(server: ServerProcess) -> tuple[int, dict[str, str]]:
    answer = _ask(server, "/readyz")
    checks = orjson.loads(answer.body)["checks"]
    return answer.status, {name: told["status"] for name, told in checks.items()}


def test_a_server_publishes_what_it_stores_and_says_so(
    broker: Broker, made_topics: Topics, tmp_path: Path
) -> None:
    """H8, V7: the two metrics, the lag and the health pages tell the truth."""
    file = tmp_path / "healthpay.db"
    with ServerProcess(file, HEALTHPAY_RELAY=url(broker, made_topics)) as server:
        up = {"store": "up", "broker": "up", "relay": "up"}
        wait_until(lambda: _checks(server) == (200, up), "it is ready")
        assert _samples(server)["healthpay_events_published_total"] == 0
        began = time.monotonic()
        _deposit(server, 20)
        wait_until(lambda: _is_published(server, 22), "all is published")
        found = _samples(server)
        assert found["healthpay_event_publish_duration_seconds_count"] == 22
        # Seconds: none of them took longer than all of this.
        most_s = 22 * (time.monotonic() - began)
        assert 0 < found["healthpay_event_publish_duration_seconds_sum"] < most_s
        _deposit(server, 20)
        assert server.stop() == 0
    with SqliteEventStore(file) as store:
        assert len(all_of(store)) == 44
        # Nothing waits for the next start: the end of a server publishes the rest.
        found_all = read_events(broker.bootstrap_servers, made_topics)
        assert audit(store, found_all, made_topics) == 0


def test_a_broker_that_stands_still_is_seen_and_stops_no_command(
    topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H8, V7: readiness names broker and relay; what is stored is published later."""
    monkeypatch.delenv(GIVEN, raising=False)
    file = tmp_path / "healthpay.db"
    with Broker() as own:
        assert isinstance(create_topics(own.bootstrap_servers, topics), Ok)
        settings = {
            "HEALTHPAY_RELAY": url(own, topics),
            "HEALTHPAY_RELAY_MAX_LAG_S": "1",
        }
        with ServerProcess(file, **settings) as server:
            up = {"store": "up", "broker": "up", "relay": "up"}
            wait_until(lambda: _checks(server) == (200, up), "it is ready")
            own.nodes[0].pause()
            _deposit(server, 5)
            down = {"store": "up", "broker": "down", "relay": "down"}
            wait_until(lambda: _checks(server) == (503, down), "it says so")
            assert _samples(server)["healthpay_relay_lag_seconds"] > 1
            own.nodes[0].resume()
            wait_until(lambda: _checks(server) == (200, up), "it goes on")
            wait_until(lambda: _is_published(server, 7), "the rest follows")
            assert server.stop() == 0


def test_unsafe_topics_stop_the_start(
    broker: Broker, topics: Topics, tmp_path: Path
) -> None:
    """The server says each fault of the topics, and serves nothing."""
    with pytest.raises(AssertionError, match=r"HEALTHPAY_RELAY: .*wallet: topic is"):
        ServerProcess(tmp_path / "a.db", HEALTHPAY_RELAY=url(broker, topics))


def test_a_broker_that_is_away_does_not_stop_the_start(
    topics: Topics, tmp_path: Path
) -> None:
    """H8: the store is the record: commands are taken, readiness says what is down."""
    settings = {"HEALTHPAY_RELAY": "kafka://127.0.0.1:9", "HEALTHPAY_DRAIN_S": "0"}
    with ServerProcess(tmp_path / "a.db", **settings) as server:
        _deposit(server, 1)
        status, checks = _checks(server)
        assert status == 503
        assert checks == {"store": "up", "broker": "down", "relay": "down"}
        assert server.stop() == 0


@contextmanager
def _alone(file: Path, to: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.relay"],
        cwd=ROOT,
        env={
            **os.environ,
            "HEALTHPAY_STORE": f"sqlite:///{file}",
            "HEALTHPAY_RELAY": to,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def test_a_relay_alone_publishes_what_a_server_stores(
    broker: Broker, made_topics: Topics, tmp_path: Path
) -> None:
    """V7: a process of its own follows the file; it ends when it is asked to."""
    file = tmp_path / "healthpay.db"
    with ServerProcess(file) as server, _alone(file, url(broker, made_topics)) as alone:
        assert alone.stderr is not None
        assert alone.stderr.readline().startswith("publishing sqlite:///")
        _deposit(server, 30)

        def is_published() -> bool:
            return len(read_events(broker.bootstrap_servers, made_topics)) == 32

        wait_until(is_published, "all is published")
        alone.send_signal(signal.SIGTERM)
        assert alone.wait(60) == 0
    with SqliteEventStore(file) as store:
        found = read_events(broker.bootstrap_servers, made_topics)
        assert audit(store, found, made_topics) == 0


def test_a_relay_alone_says_what_is_wrong(
    broker: Broker, topics: Topics, tmp_path: Path
) -> None:
    """Wrong settings, no store and unsafe topics each have their exit code."""
    file = tmp_path / "healthpay.db"
    for store, to, code, said in (
        (file, "kafka://", 2, "HEALTHPAY_RELAY: must name"),
        (file, "none", 2, "HEALTHPAY_RELAY: say where"),
        (tmp_path / "no" / "a.db", url(broker, topics), 3, "HEALTHPAY_STORE: "),
        (file, url(broker, topics), 4, "HEALTHPAY_RELAY: "),
    ):
        with _alone(store, to) as alone:
            assert alone.wait(60) == code
            assert alone.stderr is not None
            assert said in alone.stderr.read()
