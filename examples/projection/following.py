"""Keeps the view up to date, through every fault that passes."""

from __future__ import annotations

from threading import Event
from typing import Final

import psycopg
import structlog
from confluent_kafka import KafkaException

from examples.projection.settings import Settings
from examples.projection.views import PostgresViews
from healthpay_kafka import Topics
from healthpay_kafka.projection import (
    Alarm,
    KafkaEventLog,
    LogLost,
    Projection,
    Projector,
    TooManyParked,
    decode_event,
)

_BACK_OFF_S: Final = 2.0
_log = structlog.get_logger("healthpay.projection")


def follow(settings: Settings, stopping: Event) -> bool:
    """Follow the topic until told to stop; False when a person must look.

    When the database or the broker is away, it starts again from the offsets in
    the database, which are as old as the rows.
    """
    while not stopping.is_set():
        try:
            _follow_once(settings, stopping)
        except (LogLost, TooManyParked) as halt:
            _log.error("halted", reason=str(halt))
            return False
        except (psycopg.Error, KafkaException) as fault:
            _log.warning("starts again", reason=str(fault))
            stopping.wait(_BACK_OFF_S)
    _log.info("stopped")
    return True


def _follow_once(settings: Settings, stopping: Event) -> None:
    with (
        psycopg.connect(settings.postgres, autocommit=True) as connection,
        event_log(settings) as log,
    ):
        view = PostgresViews(connection, settings.view).live
        projection = Projection(log, Projector(view, decode_event, tell))
        _log.info("follows", topic=log.topics[0], view=settings.view)
        projection.run(stopping, after_step=lambda: _beat(settings))


def event_log(settings: Settings) -> KafkaEventLog:
    """The events of wallets."""
    topics = Topics(prefix=settings.topic_prefix)
    return KafkaEventLog(settings.bootstrap_servers, [topics.events_wallet])


def tell(alarm: Alarm) -> None:
    """Log an alarm; of the record, its place only."""
    partition, offset = alarm.record.partition, alarm.record.offset
    place = f"{partition.topic}[{partition.number}]@{offset}"
    level = _log.info if alarm.kind == "healed" else _log.error
    level(alarm.kind, place=place, stream=alarm.stream, reason=alarm.reason)


def _beat(settings: Settings) -> None:
    if settings.heartbeat is not None:
        settings.heartbeat.touch()
