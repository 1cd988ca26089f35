"""Ports that answer what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from healthpay_core import (
    CommandRequest,
    InMemoryEventStore,
    MedCardView,
    NotDone,
    Outcome,
    OutcomeRecord,
    PaymentView,
    RecordedEvent,
    Rejected,
    StoreQueries,
    TransferView,
    Unknown,
    WalletView,
)
from healthpay_http import Backend


@dataclass
class StubCommands:
    """Answers every command by a function."""

    answer: Callable[[CommandRequest], Outcome]
    submitted: list[CommandRequest] = field(default_factory=list)

    async def submit(self, request: CommandRequest) -> Outcome:
        self.submitted.append(request)
        await asyncio.sleep(0)
        return self.answer(request)

    def execute(self, request: CommandRequest) -> Outcome:
        raise AssertionError("an asynchronous edge submits")


@dataclass
class GatedCommands:
    """Decides nothing before the gate opens."""

    inner: StubCommands
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def submit(self, request: CommandRequest) -> Outcome:
        await self.gate.wait()
        return await self.inner.submit(request)

    def execute(self, request: CommandRequest) -> Outcome:
        raise AssertionError("an asynchronous edge submits")


@dataclass
class FailingQueries:
    """Raises on every question."""

    error: Exception

    def wallet(
        self, wallet_id: str, *, version: int | None = None, at: int | None = None
    ) -> WalletView | None:
        self._fail()

    def transfer(self, transfer_id: str) -> TransferView | None:
        self._fail()

    def payment(self, payment_id: str) -> PaymentView | None:
        self._fail()

    def medcard(self, card_id: str) -> MedCardView | None:
        self._fail()

    def wallet_events(
        self, wallet_id: str, *, after: int = 0, limit: int = 100
    ) -> Sequence[RecordedEvent]:
        self._fail()

    def command(self, command_id: str) -> OutcomeRecord | None:
        self._fail()

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        self._fail()

    def _fail(self) -> NoReturn:
        raise self.error


def refusing(error: NotDone) -> Backend:
    """A backend whose every command ends in one refusal or fault."""

    def answer(request: CommandRequest) -> Outcome:
        return Rejected(
            command_id=request.command_id,
            correlation_id=request.correlation_id or request.command_id,
            error=error,
        )

    return over(StubCommands(answer))


def unknowing() -> Backend:
    """A backend whose store cannot say what it stored."""
    return over(StubCommands(unknown))


def unknown(request: CommandRequest) -> Outcome:
    """The answer of a store that cannot say."""
    return Unknown(
        command_id=request.command_id,
        correlation_id=request.correlation_id or request.command_id,
    )


def over(commands: StubCommands | GatedCommands) -> Backend:
    """A backend with these commands over an empty store."""
    return Backend(commands=commands, queries=StoreQueries(InMemoryEventStore()))


def unreadable(error: Exception) -> Backend:
    """A backend that cannot read."""
    return Backend(commands=StubCommands(unknown), queries=FailingQueries(error))
