"""What the tests on a real broker share: records sent, views read, steps made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from confluent_kafka import Producer
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from examples.projection.following import event_log
from examples.projection.settings import Settings
from examples.projection.views import PostgresViews
from healthpay_core import RecordedEvent
from healthpay_kafka import Topics, partition_of, producer_config
from healthpay_kafka.projection import (
    Alarm,
    KafkaEventLog,
    Projection,
    Projector,
    decode_event,
)
from healthpay_kafka.records import Headers, event_headers
from healthpay_wire.cloudevents import CONTENT_TYPE, STRUCTURED, encode_structured
from tests.kafka.projection.rows import Rows

PLAIN = [(CONTENT_TYPE, STRUCTURED.encode())]
ROOT = Path(__file__).parents[3]
TABLES = (
    "SELECT wallet_id, version, balance_minor, held_minor, status FROM {}.balances",
    """SELECT wallet_id, version, event_id::text, amount_minor, balance_minor
    FROM {}.history""",
    """SELECT day::text, currency, credited_minor::bigint, debited_minor::bigint,
    movements FROM {}.daily_totals""",
)


class Publisher:
    """Sends events to the topic of wallets, each to its key's partition."""

    def __init__(self, bootstrap_servers: str, topics: Topics) -> None:
        self._producer = Producer(producer_config(bootstrap_servers))
        self._topics = topics

    def send(self, events: Iterable[RecordedEvent]) -> None:
        """Return when all of them are in the log."""
        for event in events:
            headers = event_headers(event, "the tests")
            value = encode_structured(event)
            self.put(event.envelope.aggregate_id, value, headers)
        assert self._producer.flush(30) == 0

    def put(self, key: str, value: bytes, headers: Headers = PLAIN) -> None:
        """One record, whatever it is."""
        self._producer.produce(
            self._topics.events_wallet,
            key=key,
            value=value,
            partition=partition_of(key, self._topics.partitions),
            headers=[*headers],
        )


@dataclass(slots=True, kw_only=True)
class Follower:
    """A projection in this process, stepped by the test."""

    projection: Projection
    projector: Projector
    log: KafkaEventLog
    alarms: list[Alarm]

    def catch_up(self) -> None:
        """Step until all is read that is there now."""
        ends, until = self.log.ends(), time.monotonic() + 60
        while any(self.log.positions().get(p, 0) < end for p, end in ends.items()):
            assert time.monotonic() < until, (self.log.positions(), ends)
            self.projection.step(0.1)


@contextmanager
def following(settings: Settings, batch: int = 50) -> Iterator[Follower]:
    """A started projection; closed without ceremony at the end."""
    alarms: list[Alarm] = []
    with (
        psycopg.connect(settings.postgres, autocommit=True) as connection,
        event_log(settings) as log,
    ):
        view = PostgresViews(connection, settings.view).live
        projector = Projector(view, decode_event, alarms.append)
        projection = Projection(log, projector, batch=batch)
        projection.start()
        yield Follower(
            projection=projection, projector=projector, log=log, alarms=alarms
        )


def rows_in(connection: Connection, view: str) -> Rows:
    """What the view's tables hold, in one snapshot."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        texts = [SQL(text).format(Identifier(view)) for text in TABLES]
        return Rows(*(sorted(connection.execute(text)) for text in texts))


@contextmanager
def process(
    settings: Settings, module: str, *arguments: str
) -> Iterator[subprocess.Popen[str]]:
    """A process of this repository with the projection's settings; killed at last."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HEALTHPAY_")}
    told = {
        "HEALTHPAY_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "HEALTHPAY_POSTGRES": settings.postgres,
        "HEALTHPAY_TOPIC_PREFIX": settings.topic_prefix,
        "HEALTHPAY_VIEW": settings.view,
        "HEALTHPAY_LOG_LEVEL": settings.log_level,
    }
    if settings.heartbeat is not None:
        told["HEALTHPAY_HEARTBEAT"] = str(settings.heartbeat)
    started = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**kept, **told},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with started:
        try:
            yield started
        finally:
            started.kill()


def logged(lines: str) -> Sequence[dict[str, object]]:
    """The lines of a log as JSON."""
    return [json.loads(line) for line in lines.splitlines()]
