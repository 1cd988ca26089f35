"""`python -m tests.kafka.projection.killed STEP N`: a projection that kills itself.

It follows as the example does, and sends itself SIGKILL in its Nth transaction, at
one of the steps `before`, `offsets`, `rows`, `commit`, `after`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event

import psycopg

from examples.projection.following import event_log
from examples.projection.settings import load
from examples.projection.views import PostgresViews
from healthpay_kafka.projection import (
    Arrival,
    Parked,
    Partition,
    Projection,
    Projector,
    View,
    ViewTransaction,
    decode_event,
)

STEPS = ("before", "offsets", "rows", "commit", "after")


class DyingView:
    """A view whose process ends at a step of a transaction."""

    def __init__(self, view: View, step: str, number: int) -> None:
        self._view = view
        self._step = step
        self._left = number

    def progress(self) -> Mapping[Partition, int]:
        return self._view.progress()

    def parked(self) -> Sequence[Parked]:
        return self._view.parked()

    @contextmanager
    def transaction(self) -> Iterator[ViewTransaction]:
        self._left -= 1
        self.reach("before")
        with self._view.transaction() as transaction:
            yield _DyingTransaction(self, transaction)
            self.reach("commit")
        self.reach("after")

    def reach(self, step: str) -> None:
        """End here, if it is here."""
        if self._left == 0 and step == self._step:
            os.kill(os.getpid(), signal.SIGKILL)


class _DyingTransaction:
    def __init__(self, view: DyingView, transaction: ViewTransaction) -> None:
        self._view = view
        self._transaction = transaction
        self.versions = transaction.versions
        self.park = transaction.park
        self.unpark = transaction.unpark

    def advance(self, offsets: Mapping[Partition, int]) -> None:
        self._transaction.advance(offsets)
        self._view.reach("offsets")

    def apply(self, arrivals: Sequence[Arrival]) -> None:
        self._transaction.apply(arrivals)
        self._view.reach("rows")


def main(step: str, number: int) -> None:
    """Follow, and die."""
    settings = load(os.environ)
    with (
        psycopg.connect(settings.postgres, autocommit=True) as connection,
        event_log(settings) as log,
    ):
        view = DyingView(PostgresViews(connection, settings.view).live, step, number)
        projector = Projector(view, decode_event, lambda _: None)
        Projection(log, projector, batch=7).run(Event())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
