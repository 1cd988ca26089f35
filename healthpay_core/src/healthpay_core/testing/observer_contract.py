"""The contract of observers: they take whatever happens, from any thread."""

from __future__ import annotations

from functools import partial

import pytest

from healthpay_core.outcome import CommandRequest, Outcome, rejected, unknown
from healthpay_core.ports import Observer
from healthpay_core.refusals import ConcurrencyConflict, InternalError, StoreUnavailable
from healthpay_core.testing import samples
from healthpay_core.testing.appends import race
from healthpay_core.testing.builders import (
    command_id,
    create,
    request,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.capabilities import Contract


class ObserverContract(Contract):
    """What every observer must do: never raise, however odd what it is told.

    The handler swallows what an observer raises, so a raising one loses what it
    should have counted or logged. Inherit, name the class `Test...`, and write
    `make_observer`:

    ```python
    class TestMyObserver(ObserverContract):
        def make_observer(self) -> Observer:
            return MyObserver()
    ```
    """

    def make_observer(self) -> Observer:
        """The observer."""
        raise NotImplementedError

    @pytest.fixture
    def observer(self) -> Observer:
        """The observer of one test."""
        return self.make_observer()

    def test_it_takes_every_outcome(self, observer: Observer) -> None:
        """E5: done, refused, failed, unknown, replayed: each is taken."""
        batch = _batch()
        observer.batch_handled([r for r, _ in batch], [o for _, o in batch])

    def test_it_takes_an_empty_batch(self, observer: Observer) -> None:
        """E5: a batch may hold nothing."""
        observer.batch_handled((), ())

    def test_it_takes_every_text(self, observer: Observer) -> None:
        """A5, E5: texts of callers do not break it, whatever is in them."""
        for text in samples.ODD_TEXTS:
            order = create(wallet_id("odd"), owner_id=text)
            asked = CommandRequest(command=order, tenant_id=text, traceparent=text)
            observer.batch_handled((asked,), (unknown(asked),))

    def test_it_takes_every_bug(self, observer: Observer) -> None:
        """E5: what was not expected is taken, an interrupt among it."""
        for error in (ValueError("x"), KeyError(), KeyboardInterrupt(), OSError(28)):
            observer.unexpected(command_id("error"), error)

    def test_it_takes_many_threads_at_once(self, observer: Observer) -> None:
        """E5: each batch is told in the thread that drove it."""
        batch = _batch()
        told = partial(
            observer.batch_handled, [r for r, _ in batch], [o for _, o in batch]
        )
        assert race(told, told, told, told) == [None] * 4


def _batch() -> list[tuple[CommandRequest, Outcome]]:
    order = request(withdrawal(wallet_id("a"), 1), "observed")
    faults = (
        ConcurrencyConflict(attempts=3),
        StoreUnavailable(),
        InternalError(error_id=command_id("error")),
    )
    outcomes: list[Outcome] = [
        *samples.outcomes().values(),
        *(rejected(order, fault) for fault in faults),
        unknown(order),
    ]
    return [(order, outcome) for outcome in outcomes]
