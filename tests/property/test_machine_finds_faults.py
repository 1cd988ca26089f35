"""The machine over a command port finds bugs that are planted into the rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from healthpay_core import (
    Command,
    CommandHandler,
    CommandPort,
    CommandRequest,
    InMemoryEventStore,
    LimitPolicy,
    LocalRuntime,
    ManualClock,
    Outcome,
    OutcomeRecord,
    QueryPort,
    StoreQueries,
    WalletCredited,
    domain,
    replays,
)
from healthpay_core.context import Context
from healthpay_core.medcard import limits
from healthpay_core.medcard.events import CardLimits
from healthpay_core.payment import atomic, rules
from healthpay_core.payment import state as payment_state
from healthpay_core.refusals import Refusal, SelfTransferNotAllowed
from healthpay_core.result import Err, Ok
from healthpay_core.testing.machine import CommandPortMachine
from healthpay_core.turn import Turn
from healthpay_core.wallet import guards
from healthpay_core.wallet import state as wallet_state
from healthpay_core.wallet.events import LimitUsage, WalletHoldReleased
from healthpay_core.wallet.state import OpenState

Patch = pytest.MonkeyPatch

LOOKING: Final = settings(
    max_examples=600,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


class _Machine(CommandPortMachine):
    takes_steps = True

    def open_port(self, clock: ManualClock, policy: LimitPolicy) -> CommandPort:
        self.store = InMemoryEventStore()
        return LocalRuntime(CommandHandler(self.store, clock=clock, policy=policy))

    def open_queries(self, port: CommandPort) -> QueryPort:
        return StoreQueries(self.store)


class _Blind(CommandPortMachine):
    takes_steps = True

    def open_port(self, clock: ManualClock, policy: LimitPolicy) -> CommandPort:
        store = InMemoryEventStore()
        return LocalRuntime(CommandHandler(store, clock=clock, policy=policy))


def _over_refund(patch: Patch) -> None:
    """Returns what was captured, as often as it is asked for."""

    def amount(command: Command, payment: rules.Refundable) -> int:
        return getattr(command, "amount", None) or payment.captured

    patch.setattr(rules, "refund_amount", amount)
    patch.setattr(payment_state, "_refunded", lambda state, _: state)


def _self_transfer(patch: Patch) -> None:
    """Lets money go from a wallet to itself."""
    honest = domain.validate

    def lenient(command: Command) -> Refusal | None:
        refusal = honest(command)
        return None if isinstance(refusal, SelfTransferNotAllowed) else refusal

    patch.setattr(domain, "validate", lenient)


def _net_windows(patch: Patch) -> None:
    """Counts what comes in against what went out."""
    honest = wallet_state._credited

    def credited(state: OpenState, event: WalletCredited) -> OpenState:
        after = honest(state, event)
        usage = after.usage
        less = replace(usage, day=max(0, usage.day - event.amount))
        return replace(after, usage=less)

    patch.setattr(wallet_state, "_credited", credited)


def _released_twice(patch: Patch) -> None:
    """Forgets that a hold was released."""
    honest = wallet_state._hold_released

    def released(state: OpenState, event: WalletHoldReleased) -> OpenState:
        return replace(honest(state, event), holds=state.holds)

    patch.setattr(wallet_state, "_hold_released", released)


def _funds_before_limits(patch: Patch) -> None:
    """Asks for funds before it asks for limits."""
    honest = guards.outflow

    def outflow(
        wallet: OpenState, amount: int, context: Context
    ) -> Ok[LimitUsage] | Err[Refusal]:
        refusal = guards.funds_refusal(wallet, amount)
        return honest(wallet, amount, context) if refusal is None else Err(refusal)

    patch.setattr(guards, "outflow", outflow)


def _wrong_window(patch: Patch) -> None:
    """Gives capacity back to the day of the release."""
    honest = wallet_state._given_back
    patch.setattr(
        wallet_state, "_given_back", lambda usage, n, _: honest(usage, n, usage.date)
    )


def _never_over(patch: Patch) -> None:
    """Captures after the end of an authorisation."""
    patch.setattr(rules, "is_over", lambda payment, now: False)


def _any_category(patch: Patch) -> None:
    """Takes a card for whatever it is used for."""
    patch.setattr(atomic, "category_refusal", lambda controls, category: None)


def _no_card_limits(patch: Patch) -> None:
    """Forgets the limits of a card."""
    honest = limits.card_limits_after
    patch.setattr(
        "healthpay_core.payment.atomic.card_limits_after",
        lambda payer, card_id, _, *rest: honest(payer, card_id, CardLimits(), *rest),
    )


def _held_is_spendable(patch: Patch) -> None:
    """Pays out what is held."""

    def funds(wallet: OpenState, amount: int, party: object = None) -> Refusal | None:
        free = replace(wallet, holds={})
        return honest(free, amount)

    honest = guards.funds_refusal
    patch.setattr(guards, "funds_refusal", funds)


def _keys_of_anybody(patch: Patch) -> None:
    """Answers another request under an old key as if it were the old one."""
    honest = replays.replay

    def replay(request: CommandRequest, record: OutcomeRecord) -> Outcome:
        return honest(replace(request, fingerprint=record.fingerprint), record)

    patch.setattr("healthpay_core.handler.replay", replay)


def _keys_of_the_silent(patch: Patch) -> None:
    """Takes a request without a fingerprint for whatever was asked before."""
    honest = replays.replay

    def replay(request: CommandRequest, record: OutcomeRecord) -> Outcome:
        if not request.fingerprint:
            request = replace(request, fingerprint=record.fingerprint)
        return honest(request, record)

    patch.setattr("healthpay_core.handler.replay", replay)


def _versions_ignored(patch: Patch) -> None:
    """Decides whatever version was expected."""
    patch.setattr(Turn, "_stale", lambda *_: None)


FAULTS: Final[dict[str, Callable[[Patch], None]]] = {
    "over-refund": _over_refund,
    "self-transfer": _self_transfer,
    "limit windows counted net": _net_windows,
    "hold released twice": _released_twice,
    "funds before limits": _funds_before_limits,
    "capacity back in the wrong window": _wrong_window,
    "capture after the end": _never_over,
    "any category": _any_category,
    "no limits of cards": _no_card_limits,
    "held money is spendable": _held_is_spendable,
    "keys of anybody": _keys_of_anybody,
    "keys of the silent": _keys_of_the_silent,
    "versions ignored": _versions_ignored,
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_machine_finds_it(name: str, monkeypatch: Patch) -> None:
    """P11, T2, K3, K4, E2, P7, D7, D8, C3, I3, V3: a wrong rule is a difference."""
    FAULTS[name](monkeypatch)
    with pytest.raises(Exception, match=r"predicted|does not add up|after the"):
        run_state_machine_as_test(_Machine, settings=LOOKING)


@pytest.mark.parametrize("name", ["over-refund", "limit windows counted net"])
def test_the_machine_finds_it_without_looking(name: str, monkeypatch: Patch) -> None:
    """P11, K3: what refusals tell is enough, where there are no queries."""
    FAULTS[name](monkeypatch)
    with pytest.raises(Exception, match=r"predicted|does not add up"):
        run_state_machine_as_test(_Blind, settings=LOOKING)
