"""A load folds as `evolve` does, event by event (A1, C5, V1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from unittest.mock import Mock

from hypothesis import given
from hypothesis import strategies as st

from healthpay_core import (
    Command,
    Event,
    LimitPolicy,
    State,
    StreamCorrupted,
    WalletCredited,
    WalletDebited,
    evolve,
    wallet_stream,
)
from healthpay_core.states import load
from healthpay_core.testing import Workbench
from healthpay_core.testing.strategies import WALLETS, histories, policies

Fact = tuple[int, Event]


def _one_by_one(facts: Sequence[Fact]) -> object:
    """The meaning of a history: the state, or where and why it stops."""
    state: State | None = None
    for version, (sequence, event) in enumerate(facts, 1):
        if sequence != version:
            return ("a version is missing", version)
        try:
            state = evolve(state, event)
        except StreamCorrupted as error:
            return (error.reason, version)
    return state, len(facts)


def _loaded(facts: Sequence[Fact]) -> object:
    store = Mock()
    store.facts = lambda _, after, limit: facts[after : after + limit]
    try:
        return load(store, wallet_stream(WALLETS[0]))
    except StreamCorrupted as error:
        return (error.reason, error.sequence)


def _of_a_wallet(
    commands: list[Command], policy: LimitPolicy, wallet: str
) -> list[Fact]:
    bench = Workbench(policy=policy)
    for command in commands:
        bench.clock.advance(hours=5)
        bench.handle(command)
    return list(bench.store.facts(wallet_stream(wallet)))


@given(histories(), policies(), st.sampled_from(WALLETS))
def test_a_load_is_the_fold_of_each_event(
    commands: list[Command], policy: LimitPolicy, wallet: str
) -> None:
    """A1: runs of movements that are added up give the state of `evolve`."""
    facts = _of_a_wallet(commands, policy, wallet)
    for length in range(len(facts) + 1):
        assert _loaded(facts[:length]) == _one_by_one(facts[:length])


@given(histories(), policies(), st.sampled_from(WALLETS), st.data())
def test_a_load_stops_where_each_event_would(
    commands: list[Command], policy: LimitPolicy, wallet: str, data: st.DataObject
) -> None:
    """C5, V1: a damaged history stops at the same event, for the same reason."""
    facts = _of_a_wallet(commands, policy, wallet)
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(facts) - 1))
        sequence, event = facts[at]
        match data.draw(st.sampled_from(["gap", "swap", "drop", "twice", "alter"])):
            case "gap":
                facts[at] = (sequence + data.draw(st.integers(-1, 1)), event)
            case "swap":
                other = data.draw(st.integers(0, len(facts) - 1))
                facts[at] = (sequence, facts[other][1])
            case "drop" if len(facts) > 1:
                del facts[at]
            case "twice":
                facts.insert(at, facts[at])
            case _:
                facts[at] = (sequence, _altered(event, data))
    assert _loaded(facts) == _one_by_one(facts)


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from((1, 1, 2, 2, 0))), max_size=30),
    st.data(),
)
def test_only_movements_that_continue_are_added_up(
    steps: list[tuple[bool, int]], data: st.DataObject
) -> None:
    """C5: of a run of movements, each with its own fault, the first fault counts."""
    bench = Workbench()
    bench.do(*_opening())
    facts = list(bench.store.facts(wallet_stream(WALLETS[0])))
    balance = 2
    for credit, amount in steps:
        balance += amount if credit else -amount
        event = _movement(credit, amount, balance)
        if data.draw(st.integers(0, 9)) == 0:
            event = _altered(event, data)
        shift = data.draw(st.sampled_from((0,) * 20 + (-1, 1)))
        facts.append((len(facts) + 1 + shift, event))
    assert _loaded(facts) == _one_by_one(facts)


def _movement(credit: bool, amount: int, balance: int) -> Event:
    if credit:
        return WalletCredited(
            amount=amount,
            currency="EGP",
            reason="deposit",
            balance_after=balance,
            held_after=0,
            counter_account="external:deposit",
            reference="r",
            reference_claimed=True if amount == 2 else None,
        )
    return WalletDebited(
        amount=amount,
        currency="EGP",
        reason="withdrawal",
        balance_after=balance,
        held_after=0,
        counter_account="external:withdrawal",
    )


def _altered(event: Event, data: st.DataObject) -> Event:
    """The event with one of its fields changed."""
    name = data.draw(st.sampled_from([f.name for f in fields(event)]))
    value = getattr(event, name)
    other: object = value
    if isinstance(value, bool):
        other = not value
    elif isinstance(value, int):
        other = value + data.draw(st.sampled_from([-1, 1]))
    elif value is None and name in ("hold_id", "reference"):
        other = "h"
    elif name == "currency":
        other = "USD"
    changed: Event = replace(event, **{name: other})  # type: ignore[arg-type]
    return changed


def _opening() -> tuple[Command, ...]:
    from healthpay_core.testing import funded

    return tuple(funded(WALLETS[0], 2))
