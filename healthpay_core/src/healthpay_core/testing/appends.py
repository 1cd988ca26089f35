"""Appends that need no decision, for the contracts of stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Barrier, Thread
from time import monotonic
from typing import Final, TypeVar

from healthpay_core.envelope import Actor, CommandMeta, EventEnvelope
from healthpay_core.events import Event
from healthpay_core.ids import StreamId, event_id, wallet_stream
from healthpay_core.outcome import Decided, EventRef, OutcomeRecord, Rejected
from healthpay_core.policy import PolicyRef
from healthpay_core.ports import Append, ExpectedVersion
from healthpay_core.refusals import InsufficientFunds, NotDone
from healthpay_core.testing.builders import NOW, command_id, wallet_id
from healthpay_core.wallet.events import WalletCreated, WalletCredited

T = TypeVar("T")
_DAY_US: Final = 86_400_000_000


def stream(name: str) -> StreamId:
    """The stream of a wallet of this name."""
    return wallet_stream(wallet_id(name))


def meta(command: str, *, actor_id: str = "tester", now: int = NOW) -> CommandMeta:
    """What the events of a command of this name carry."""
    return CommandMeta(
        command_id=command_id(command),
        actor=Actor(type="user", id=actor_id),
        correlation_id=command_id(f"correlation of {command}"),
        causation_id=command_id(command),
        occurred_at=now,
        recorded_at=now,
    )


def created(owner_id: str = "owner-1") -> WalletCreated:
    """A plain first fact of a wallet."""
    return WalletCreated(
        owner_id=owner_id,
        wallet_type="personal",
        currency="EGP",
        kyc_level="full",
        limit_policy=PolicyRef(id="none", version=1),
    )


def credited(amount: int = 1) -> WalletCredited:
    """A plain later fact of a wallet."""
    return WalletCredited(
        amount=amount,
        currency="EGP",
        reason="deposit",
        balance_after=amount,
        held_after=0,
        counter_account="external:deposit",
    )


def rejection(command: str, error: NotDone | None = None) -> OutcomeRecord:
    """The outcome of a command of this name, which touched nothing."""
    refused = error or InsufficientFunds(
        requested_amount=2, available_amount=1, currency="EGP"
    )
    outcome = Rejected(
        command_id=command_id(command),
        correlation_id=command_id(f"correlation of {command}"),
        error=refused,
    )
    return record(command, outcome)


def record(
    command: str, outcome: Decided, fingerprint: bytes = b"\x00print\xff"
) -> OutcomeRecord:
    """An outcome as it is stored."""
    return OutcomeRecord(fingerprint=fingerprint, outcome=outcome, meta=meta(command))


def envelopes(
    command: str, places: Sequence[tuple[StreamId, int]], *data: Event
) -> list[EventEnvelope]:
    """One envelope per place, a stream and the version it is at; in that order."""
    facts = data or tuple(created() if at == 0 else credited() for _, at in places)
    return [
        EventEnvelope(
            event_id=event_id(name.partition("/")[2], command_id(command), index),
            stream=name,
            sequence=at + 1,
            data=fact,
            meta=meta(command),
        )
        for index, ((name, at), fact) in enumerate(zip(places, facts, strict=True))
    ]


def append_of(
    command: str,
    *places: tuple[StreamId, int],
    expected: Mapping[StreamId, ExpectedVersion] | None = None,
    outcome: bool = True,
) -> Append:
    """An append of one event per place, expected to be where the place says."""
    exact: dict[StreamId, ExpectedVersion] = {}
    for name, at in places:
        exact.setdefault(name, at)
    return Append(
        expected=exact if expected is None else expected,
        events=envelopes(command, places),
        outcomes=(rejection(command),) if outcome else (),
    )


def on_day(append: Append, day: int) -> Append:
    """The same append, by a clock that is so many days ahead of `NOW`."""
    now = NOW + day * _DAY_US

    def then(meta: CommandMeta) -> CommandMeta:
        return replace(meta, occurred_at=now, recorded_at=now)

    return replace(
        append,
        events=[replace(event, meta=then(event.meta)) for event in append.events],
        outcomes=[replace(one, meta=then(one.meta)) for one in append.outcomes],
    )


def refs(events: Sequence[EventEnvelope]) -> tuple[EventRef, ...]:
    """The names of these events."""
    return tuple(map(EventRef.of, events))


PATIENCE_S: Final = 50.0
"""How long a runner of a race waits for what must come."""


def in_time() -> Iterator[None]:
    """Turns for a loop that waits for something; they end after `PATIENCE_S`."""
    until = monotonic() + PATIENCE_S
    while monotonic() < until:
        yield


def race(*runners: Callable[[], T]) -> list[T]:
    """Run all at once, each in a thread; the results in order.

    Raises:
        AssertionError: One of them raised, or did not come to an end.
    """
    barrier = Barrier(len(runners))
    results: dict[int, T] = {}
    errors: list[BaseException] = []

    def run(number: int) -> None:
        barrier.wait(30)
        try:
            results[number] = runners[number]()
        except BaseException as error:
            errors.append(error)

    threads = [Thread(target=run, args=(n,), daemon=True) for n in range(len(runners))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise AssertionError(f"a runner raised: {errors[0]!r}") from errors[0]
    assert len(results) == len(runners), "a runner still runs"
    return [results[number] for number in range(len(runners))]
