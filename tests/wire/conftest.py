"""A fixed story that has every event in it, and its bytes as they were pinned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from healthpay_core import (
    EG_2023_11,
    ActivateWallet,
    Actor,
    CaptureHold,
    ChangeWalletKycLevel,
    CloseWallet,
    Command,
    CommandHandler,
    CommandMeta,
    CommandRequest,
    Committed,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    Event,
    EventEnvelope,
    EventStore,
    InMemoryEventStore,
    LimitPolicy,
    ManualClock,
    PlaceHold,
    RecordedEvent,
    ReleaseHold,
    SuspendWallet,
    TransferFailed,
    TransferFunds,
    TransferInitiated,
    derive_id,
    transfer_stream,
)
from healthpay_core.ports import Append, Appended
from healthpay_wire.envelopes import digest

GOLDEN = Path(__file__).parent / "golden"
START = 1_795_564_800_000_000
A, B = derive_id("golden wallet A"), derive_id("golden wallet B")


def _commands() -> list[Command]:
    expires_at = START + 7 * 86_400_000_000
    return [
        CreateWallet(
            wallet_id=A,
            owner_id="owner-1",
            wallet_type="personal",
            currency="EGP",
            kyc_level="basic",
        ),
        ActivateWallet(wallet_id=A, kyc_check_ref="check-1"),
        CreateWallet(
            wallet_id=B,
            owner_id="owner-2",
            wallet_type="merchant",
            currency="EGP",
            kyc_level="full",
        ),
        ActivateWallet(wallet_id=B),
        CreditWallet(
            wallet_id=A,
            amount=500_000,
            currency="EGP",
            reason="deposit",
            reference="salary 2026-11 “نوفمبر”",
        ),
        DebitWallet(
            wallet_id=A,
            amount=12_550,
            currency="EGP",
            reason="payment",
            reference="pharmacy-7",
            counter_account="external:pos",
        ),
        ChangeWalletKycLevel(wallet_id=A, kyc_level="enhanced", evidence_ref="doc-9"),
        PlaceHold(
            wallet_id=A,
            hold_id=derive_id("golden hold 1"),
            amount=30_000,
            currency="EGP",
            purpose="payment",
            expires_at=expires_at,
        ),
        PlaceHold(
            wallet_id=A,
            hold_id=derive_id("golden hold 2"),
            amount=1,
            currency="EGP",
            purpose="transfer",
            expires_at=expires_at,
        ),
        SuspendWallet(wallet_id=A, reason_code="fraud", note="case 12"),
        CaptureHold(
            wallet_id=A,
            hold_id=derive_id("golden hold 1"),
            amount=20_000,
            currency="EGP",
            reason="payment",
            counter_account="wallet:" + B,
        ),
        ReleaseHold(
            wallet_id=A,
            hold_id=derive_id("golden hold 1"),
            reason="captured_remainder",
        ),
        ReleaseHold(wallet_id=A, hold_id=derive_id("golden hold 2"), reason="voided"),
        ActivateWallet(wallet_id=A, reason_code="fraud_cleared"),
        TransferFunds(
            transfer_id=derive_id("golden transfer"),
            source_wallet_id=A,
            destination_wallet_id=B,
            amount=99,
            currency="EGP",
            reference="rent",
            reverses_transfer_id=derive_id("an earlier one"),
        ),
        CloseWallet(wallet_id=A, reason_code="moved", sweep_to=B),
    ]


def _play(store: EventStore, policy: LimitPolicy = EG_2023_11) -> None:
    clock = ManualClock(START)
    handler = CommandHandler(store, clock=clock, policy=policy)
    for index, command in enumerate(_commands()):
        request = CommandRequest(
            command=command,
            command_id=derive_id(f"golden command {index}"),
            actor=Actor(type="teller", id="t-1"),
            correlation_id="story-1",
            tenant_id="clinic-3",
            traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        outcome = handler.handle(request)
        assert isinstance(outcome, Committed), (command, outcome)
        clock.advance(seconds=1)
    assert isinstance(store.append(_failed_saga()), Appended)


def _failed_saga() -> Append:
    """What only the saga form of a transfer writes."""
    transfer_id = derive_id("golden saga")
    stream = transfer_stream(transfer_id)
    meta = CommandMeta(
        command_id=derive_id("golden saga command"),
        actor=Actor(type="system", id="system"),
        correlation_id="story-2",
        causation_id=derive_id("golden cause"),
        occurred_at=START,
        recorded_at=START + 1,
    )
    facts: tuple[Event, ...] = (
        TransferInitiated(
            source_wallet_id=A,
            destination_wallet_id=B,
            amount=5,
            currency="EGP",
            mode="saga",
            expires_at=START + 60_000_000,
        ),
        TransferFailed(
            stage="credit",
            failure_code="WALLET_NOT_ACTIVE",
            hold_released=True,
            party="destination",
        ),
    )
    events = [
        EventEnvelope(
            event_id=derive_id(f"golden saga {sequence}"),
            stream=stream,
            sequence=sequence,
            data=data,
            meta=meta,
        )
        for sequence, data in enumerate(facts, 1)
    ]
    return Append(expected={stream: 0}, events=events)


@pytest.fixture(scope="session")
def play() -> Callable[[EventStore], None]:
    """Plays the story into a store."""
    return _play


@pytest.fixture(scope="session")
def story() -> Sequence[RecordedEvent]:
    """The story's events, made today."""
    store = InMemoryEventStore(digest=digest)
    _play(store)
    return store.feed(0, 1000)


@pytest.fixture(scope="session")
def golden_lines() -> list[bytes]:
    """The story's envelopes as they were pinned."""
    return (GOLDEN / "envelopes.jsonl").read_bytes().splitlines()


@pytest.fixture(scope="session")
def old_lines() -> list[bytes]:
    """Envelopes of versions that are no longer written, as they were pinned."""
    return (GOLDEN / "old_versions.jsonl").read_bytes().splitlines()
