"""The strategies of the kit reach the whole catalogue, and keep their word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVar, get_args

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from healthpay_core import Command, CommandRequest, Committed, Rejected
from healthpay_core.catalogue import Code
from healthpay_core.outcome import Outcome
from healthpay_core.testing import Workbench, request
from healthpay_core.testing.command_strategies import (
    COMMANDS,
    STEPS,
    commands_of,
    every_command,
    public_commands,
    steps,
)
from healthpay_core.testing.histories import adversarial_histories, valid_histories

T = TypeVar("T")

# What is found is looked at by nobody: it need not be made small.
QUICK = settings(
    max_examples=1_000,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def _found(strategy: st.SearchStrategy[T], wanted: Callable[[T], bool]) -> T:
    return find(strategy, wanted, settings=QUICK)


@pytest.mark.parametrize("kind", COMMANDS)
def test_there_is_a_strategy_for_every_command(kind: type[Command]) -> None:
    """E1: each type of the catalogue is drawn, alone and among all."""
    assert isinstance(_found(commands_of(kind), lambda _: True), kind)
    among = steps() if kind in STEPS else public_commands()
    for strategy in (among, every_command()):
        assert isinstance(_found(strategy, lambda c: isinstance(c, kind)), kind)


def test_the_public_gives_no_steps() -> None:
    """T5: what only processes order is not among the commands of the public."""
    assert set(COMMANDS) == set(get_args(Command))
    names = {kind.__name__ for kind in STEPS}
    assert names >= {"PlaceHold", "CaptureHold", "BeginTransfer", "BeginOperation"}
    assert not names & {"DebitWallet", "TransferFunds", "CapturePayment"}


@given(public_commands())
def test_no_step_is_public(command: Command) -> None:
    """T5: the strategy of the public keeps to it."""
    assert not isinstance(command, STEPS)


@given(st.sampled_from([int, str, object]))
def test_what_is_no_command_is_a_mistake(kind: type) -> None:
    """E1: a type without members, or with unknown ones, has no strategy."""
    with pytest.raises(TypeError):
        commands_of(kind)


@given(valid_histories())
def test_valid_histories_are_accepted(history: tuple[Command, ...]) -> None:
    """A1: each command of a valid history is committed when it comes."""
    bench = Workbench()
    for command in history:
        (outcome,) = bench.handle(command)
        assert isinstance(outcome, Committed), command


def test_valid_histories_get_far() -> None:
    """P11: a refund, which needs four commands before it, is among the histories."""
    refunded = _found(
        valid_histories(), lambda h: any("Refund" in type(c).__name__ for c in h)
    )
    assert len(refunded) > 15


@given(adversarial_histories())
def test_adversarial_histories_break_nothing(
    history: tuple[CommandRequest, ...],
) -> None:
    """E3, I3, I4: whatever is sent is answered, and a repeated key has one effect."""
    bench = Workbench()
    effects: Counter[str] = Counter()
    for asked in history:
        (outcome,) = bench.handle(asked)
        assert isinstance(outcome, Committed | Rejected)
        if isinstance(outcome, Committed) and not outcome.replayed:
            effects[asked.command_id] += 1
    assert all(count == 1 for count in effects.values())


@pytest.mark.parametrize(
    "code",
    [
        Code.IDEMPOTENCY_KEY_REUSED,
        Code.VERSION_MISMATCH,
        Code.SELF_TRANSFER_NOT_ALLOWED,
        Code.AMOUNT_OVERFLOW,
        Code.PAYMENT_NOT_AUTHORIZED,
    ],
)
def test_adversarial_histories_try_everything(code: Code) -> None:
    """E1: each of these refusals is met by some history."""
    found = _found(adversarial_histories(), lambda h: code in _codes(h))
    assert found


def test_adversarial_histories_repeat() -> None:
    """I4: a request is repeated to the letter, and answered again."""
    _found(
        adversarial_histories(),
        lambda h: any(getattr(o, "replayed", False) for o in _played(h)),
    )


def _played(history: tuple[CommandRequest, ...]) -> list[Outcome]:
    bench = Workbench()
    return [bench.handle(asked)[0] for asked in history]


def _codes(history: tuple[CommandRequest, ...]) -> set[Code]:
    outcomes = _played(history)
    return {o.error.code for o in outcomes if isinstance(o, Rejected)}


def test_a_fresh_request_has_a_key_of_its_own() -> None:
    """I2: requests that are made without a key never meet."""
    command = _found(public_commands(), lambda _: True)
    assert request(command).command_id != request(command).command_id
