"""What people do with a view: rebuild it, and look at what is parked."""

from __future__ import annotations

import sys
from contextlib import closing

import psycopg
from tqdm import tqdm

from examples.projection.following import event_log, tell
from examples.projection.settings import Settings
from examples.projection.views import PostgresViews
from healthpay_kafka.projection import (
    LogLost,
    RebuildProgress,
    RebuildRefused,
    decode_event,
    rebuild,
)


def rebuild_view(settings: Settings) -> int:
    """Build the view anew beside the live one, with a progress bar, and switch."""
    with (
        psycopg.connect(settings.postgres, autocommit=True) as connection,
        event_log(settings) as log,
        closing(tqdm(unit="records", desc=settings.view)) as bar,
    ):

        def report(progress: RebuildProgress) -> None:
            bar.total = progress.total
            bar.update(progress.read - bar.n)

        views = PostgresViews(connection, settings.view)
        try:
            rebuild(views, log, decode_event, tell, report=report)
        except (LogLost, RebuildRefused) as refused:
            sys.stderr.write(f"{refused}\n")
            return 1
    return 0


def print_parked(settings: Settings) -> int:
    """One line for each parked record."""
    with psycopg.connect(settings.postgres, autocommit=True) as connection:
        parked = PostgresViews(connection, settings.view).live.parked()
    for one in parked:
        partition, offset = one.record.partition, one.record.offset
        place = f"{partition.topic}[{partition.number}]@{offset}"
        sys.stdout.write(f"{place} {one.stream or '?'} {one.reason}\n")
    return 0
