"""Strategies for whole histories, valid and adversarial; the extra ``testing``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, get_args

from hypothesis import strategies as st

from healthpay_core.domain import (
    Command,
    State,
    decide,
    evolve,
    primary_stream,
    streams,
    validate,
)
from healthpay_core.ids import StreamId
from healthpay_core.medcard.events import CardLimits
from healthpay_core.outcome import CommandRequest
from healthpay_core.payment.commands import CapturePayment, RefundPayment
from healthpay_core.policy import NO_LIMITS, LimitPolicy
from healthpay_core.result import Ok
from healthpay_core.testing.builders import command_id, context
from healthpay_core.testing.command_strategies import every_command, public_commands
from healthpay_core.testing.payment_strategies import agreements, opening, orders

Trick: TypeAlias = Literal["new", "again", "other body", "other key", "old version"]
"""What is done with a command of an adversarial history.

``new`` gives it for the first time; ``again`` repeats an earlier request to the
letter (I4); ``other body`` puts it under an earlier key (I3); ``other key`` gives
an earlier command once more, as a double click without a key does; ``old version``
expects a version that has passed or is yet to come (V3).
"""

_TRICKS: Final[tuple[Trick, ...]] = ("new", "new", "new", *get_args(Trick))


def valid_histories(
    max_size: int = 30, *, policy: LimitPolicy = NO_LIMITS
) -> st.SearchStrategy[tuple[Command, ...]]:
    """Commands each of which is accepted when it comes, at `NOW`.

    Payers with money and cards come first, and merchants; then at most `max_size`
    other commands of the public.
    """
    one = (orders() | public_commands()).map(lambda command: (command,))
    courses = agreements().map(_course)
    drawn = st.lists(one | one | courses, max_size=max_size)
    return drawn.map(
        lambda parts: _accepted(
            [*opening(CardLimits()), *[c for part in parts for c in part][:max_size]],
            policy,
        )
    )


def adversarial_histories(
    max_size: int = 30,
) -> st.SearchStrategy[tuple[CommandRequest, ...]]:
    """Requests as an attacker, a bad client or a broken broker sends them.

    Any command of the catalogue, steps of processes out of nowhere among them, with
    each `Trick`: repeated, under keys of others, twice, with versions that are not.
    """
    moves = st.builds(
        _Move,
        trick=st.sampled_from(_TRICKS),
        command=orders() | every_command(),
        place=st.integers(0, 1000),
    )
    return st.lists(moves, max_size=max_size).map(_woven)


@dataclass(frozen=True, slots=True)
class _Move:
    trick: Trick
    command: Command
    place: int


def _course(agreed: tuple[Command, ...]) -> tuple[Command, ...]:
    """A payment from its agreement to its end."""
    payment = primary_stream(agreed[0]).partition("/")[2]
    return (
        *agreed,
        CapturePayment(payment_id=payment),
        RefundPayment(payment_id=payment, amount=1),
    )


def _accepted(commands: Sequence[Command], policy: LimitPolicy) -> tuple[Command, ...]:
    states: dict[StreamId, State] = {}
    accepted: list[Command] = []
    for number, command in enumerate(commands):
        if validate(command) is not None:
            continue
        seen = {s: states.get(s) for s in streams(command, states.get)}
        known = context(policy=policy)
        decision = decide(command, seen, known, command_id(f"valid {number}"))
        if isinstance(decision, Ok):
            accepted.append(command)
            for stream, event in decision.value:
                states[stream] = evolve(states.get(stream), event)
    return tuple(accepted)


def _woven(moves: Sequence[_Move]) -> tuple[CommandRequest, ...]:
    requests = [
        CommandRequest(
            command=command, command_id=command_id(f"open {n}"), fingerprint=b"asked"
        )
        for n, command in enumerate(opening(CardLimits()))
    ]
    for number, move in enumerate(moves):
        earlier = requests[move.place % len(requests)]
        fresh = replace(
            earlier,
            command=move.command,
            command_id=command_id(f"move {number}"),
            expected_version=None,
        )
        requests.append(_turned(move, fresh, earlier))
    return tuple(requests)


def _turned(
    move: _Move, fresh: CommandRequest, earlier: CommandRequest
) -> CommandRequest:
    match move.trick:
        case "new":
            return fresh
        case "again":
            return earlier
        case "other body":
            key = earlier.command_id
            return replace(fresh, command_id=key, fingerprint=b"other")
        case "other key":
            return replace(earlier, command_id=fresh.command_id)
        case "old version":
            return replace(fresh, expected_version=move.place % 5)
