"""Stores on disk, and the shortest way to put money into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from healthpay_core import (
    NO_LIMITS,
    ActivateWallet,
    Clock,
    Command,
    CommandHandler,
    CommandRequest,
    Committed,
    CreateWallet,
    CreditWallet,
    new_id,
)
from healthpay_sql import SqliteEventStore

Funded = Callable[[CommandHandler, int], str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test's store is."""
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteEventStore]:
    """A new store, closed after the test."""
    with SqliteEventStore(path) as opened:
        yield opened


@pytest.fixture
def handler_on() -> Callable[..., CommandHandler]:
    """Makes a handler without limits over a store."""

    def make(store: SqliteEventStore, clock: Clock | None = None) -> CommandHandler:
        return CommandHandler(
            store, clock=clock, policy=NO_LIMITS, snapshots=store, snapshot_every=5
        )

    return make


@pytest.fixture
def funded() -> Funded:
    """Makes an active wallet with a balance."""

    def make(handler: CommandHandler, amount: int) -> str:
        wallet_id = new_id()
        commands: tuple[Command, ...] = (
            CreateWallet(
                wallet_id=wallet_id,
                owner_id="owner",
                wallet_type="personal",
                currency="EGP",
                kyc_level="full",
            ),
            ActivateWallet(wallet_id=wallet_id),
            CreditWallet(
                wallet_id=wallet_id, amount=amount, currency="EGP", reason="deposit"
            ),
        )
        for command in commands:
            outcome = handler.handle(CommandRequest(command=command))
            assert isinstance(outcome, Committed), outcome
        return wallet_id

    return make
