"""Every event says who ordered it, when, and in what conversation (W9, B5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import pytest

from healthpay_core import (
    Actor,
    CloseWallet,
    CommandHandler,
    CommandMeta,
    CommandRequest,
    Err,
    InMemoryEventStore,
    Outcome,
    Rejected,
    Unknown,
    wallet_stream,
)
from healthpay_core.ports import Append, VersionConflict
from healthpay_core.refusals import (
    ConcurrencyConflict,
    DestinationWalletNotFound,
    WalletHasOpenHolds,
)
from healthpay_core.testing import (
    NOW,
    Workbench,
    after,
    command_id,
    create,
    funded,
    given,
    hold,
    opened,
    request,
    wallet_id,
)

A, B = wallet_id("a"), wallet_id("b")


def test_an_event_carries_what_its_request_said() -> None:
    """W9: actor, tenant, trace and conversation are those of the request."""
    asked = CommandRequest(
        command=create(A),
        command_id=command_id("c"),
        actor=Actor(type="user", id="u"),
        correlation_id="conversation",
        causation_id="cause",
        tenant_id="tenant",
        traceparent="trace",
    )
    bench = Workbench()
    bench.do(asked)
    assert bench.feed()[0].envelope.meta == CommandMeta(
        command_id=command_id("c"),
        actor=Actor(type="user", id="u"),
        correlation_id="conversation",
        causation_id="cause",
        occurred_at=NOW,
        recorded_at=NOW,
        tenant_id="tenant",
        traceparent="trace",
    )


def test_a_command_that_says_no_more_is_its_own_conversation() -> None:
    """B5: without a conversation or a cause, the command is both."""
    bench = Workbench()
    committed = bench.do(request(create(A), "c"))
    meta = bench.feed()[0].envelope.meta
    assert (meta.correlation_id, meta.causation_id) == (command_id("c"),) * 2
    assert committed.correlation_id == command_id("c")


def test_a_sweep_to_nobody_and_of_what_is_held_says_so() -> None:
    """W6, W7: who is not there, and how much is held of which currency."""
    close = CloseWallet(wallet_id=A, sweep_to=B)
    facts = (*funded(A, 9), hold(A, "h", 4))
    assert given(*after(*facts)).when(close).decision == Err(
        DestinationWalletNotFound(wallet_id=B)
    )
    assert given(*after(*facts, *opened(B))).when(close).decision == Err(
        WalletHasOpenHolds(held_amount=4, currency="EGP")
    )


class _Raising(InMemoryEventStore):
    error = ZeroDivisionError("a bug")

    def append(self, append: Append) -> NoReturn:
        raise self.error


class _Listening:
    def __init__(self) -> None:
        self.heard: list[tuple[str, BaseException]] = []

    def batch_handled(
        self, requests: Sequence[CommandRequest], outcomes: Sequence[Outcome]
    ) -> None:
        """Not of interest here."""

    def unexpected(self, error_id: str, error: BaseException) -> None:
        """Remember it."""
        self.heard.append((error_id, error))


def test_observers_are_told_which_error_an_append_raised() -> None:
    """E5: the error has an id under which it is found, each time another."""
    observer = _Listening()
    bench = Workbench(_Raising(), observers=(observer,))
    outcomes = bench.handle(create(A)) + bench.handle(create(A))
    assert all(isinstance(outcome, Unknown) for outcome in outcomes)
    assert [error for _, error in observer.heard] == [_Raising.error] * 2
    ids = {error_id for error_id, _ in observer.heard}
    assert len(ids) == 2
    assert all(len(error_id) == 36 for error_id in ids)


class _Contended(InMemoryEventStore):
    def append(self, append: Append) -> VersionConflict:
        return VersionConflict(actual={wallet_stream(A): 1})


def test_attempts_are_farther_apart_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """V2: at most 2 ms more each time up to 10, so that writers do not march."""
    asked: list[tuple[float, float]] = []

    def most(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    monkeypatch.setattr("healthpay_core.handler.random.uniform", most)
    pauses: list[float] = []
    handler = CommandHandler(_Contended(), max_attempts=7, pause=pauses.append)
    outcome = handler.handle(request(create(A)))
    assert isinstance(outcome, Rejected)
    assert outcome.error == ConcurrencyConflict(attempts=7)
    assert asked == [(0, 0.002 * min(number, 5)) for number in range(1, 8)]
    assert pauses == [high for _, high in asked]
