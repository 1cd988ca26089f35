"""What the contracts of a command port share: how one is made, and is asked."""

from __future__ import annotations

from collections.abc import Iterator
from time import sleep
from typing import ClassVar

import pytest

from healthpay_core.catalogue import Code
from healthpay_core.outcome import CommandRequest, Committed, Outcome, Rejected
from healthpay_core.ports import CommandPort
from healthpay_core.testing.appends import in_time
from healthpay_core.testing.builders import NOW, funded, request, wallet_id, withdrawal
from healthpay_core.testing.capabilities import Capability, Contract
from healthpay_core.views import WalletView

A, B = wallet_id("a"), wallet_id("b")


class PortRoom(Contract):
    """How a port is made."""

    optional: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.MULTI_STREAM, Capability.REOPEN}
    )

    def make_port(self) -> CommandPort:
        """A port over an empty store; limits as of `NO_LIMITS`."""
        raise NotImplementedError

    def close_port(self, port: CommandPort) -> None:
        """Let go of what `make_port` or `reopen_port` has opened."""

    def reopen_port(self, port: CommandPort) -> CommandPort:
        """The port closed, and another one over the same store."""
        raise NotImplementedError("say `reopen_port`, or declare to be without REOPEN")

    @pytest.fixture
    def port(self) -> Iterator[CommandPort]:
        """The port of one test."""
        port = self.make_port()
        yield port
        self.close_port(port)


def fund(port: CommandPort, wallet: str, amount: int) -> None:
    """An active wallet with a balance."""
    for command in funded(wallet, amount):
        outcome = port.execute(request(command))
        assert isinstance(outcome, Committed), outcome


def probe(port: CommandPort, wallet: str) -> int:
    """The balance, as a refused debit tells it."""
    too_much = withdrawal(wallet, NOW)
    outcome = port.execute(request(too_much))
    assert isinstance(outcome, Rejected), outcome
    available = dict(outcome.error.details())["available_amount"]
    assert isinstance(available, int)
    return available


def balance(outcome: Outcome) -> int:
    """The balance that a committed outcome shows."""
    assert isinstance(outcome, Committed), outcome
    assert isinstance(outcome.resource, WalletView)
    return outcome.resource.balance


def code(outcome: Outcome) -> Code:
    """The code of a rejected outcome."""
    assert isinstance(outcome, Rejected), outcome
    return outcome.error.code


def settled(port: CommandPort, order: CommandRequest) -> Outcome:
    """The outcome of a request, asked for until it is not under way any more."""
    outcome = port.execute(order)
    for _ in in_time():
        if not isinstance(outcome, Rejected):
            break
        if outcome.error.code is not Code.IDEMPOTENCY_KEY_IN_USE:
            break
        sleep(0.01)
        outcome = port.execute(order)
    return outcome
