"""A fixed story that has every event in it, and its bytes as they were pinned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from healthpay_core import (
    EG_2023_11,
    ActivateMedCard,
    ActivateWallet,
    Actor,
    AuthorizePayment,
    CancelMedCard,
    CaptureHold,
    CapturePayment,
    CardControls,
    CardLimits,
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
    EligibleAmounts,
    Event,
    EventEnvelope,
    EventStore,
    ExpireMedCard,
    FailPayment,
    InitiatePayment,
    InMemoryEventStore,
    IssueMedCard,
    LimitPolicy,
    ManualClock,
    PlaceHold,
    RecordedEvent,
    RefundPayment,
    ReleaseHold,
    SuspendMedCard,
    SuspendWallet,
    TransferFailed,
    TransferFunds,
    TransferInitiated,
    VoidPayment,
    WalletType,
    derive_id,
    transfer_stream,
)
from healthpay_core.payment.steps import BeginOperation, RefuseOperation
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


def _later_commands() -> list[Command]:
    """What the story goes on with: every fact of payments and cards."""
    payer, merchant = derive_id("golden payer"), derive_id("golden merchant")
    cards = [derive_id(f"golden card {n}") for n in range(3)]
    pay = [derive_id(f"golden payment {n}") for n in range(4)]
    wallet_types: tuple[tuple[str, WalletType], ...] = (
        (payer, "personal"),
        (merchant, "merchant"),
    )
    commands: list[Command] = []
    for wallet_id, wallet_type in wallet_types:
        commands += [
            CreateWallet(
                wallet_id=wallet_id,
                owner_id="owner-3",
                wallet_type=wallet_type,
                currency="EGP",
                kyc_level="full",
            ),
            ActivateWallet(wallet_id=wallet_id),
        ]
    commands.append(
        CreditWallet(wallet_id=payer, amount=90_000, currency="EGP", reason="cashback")
    )
    commands += [
        IssueMedCard(
            card_id=card,
            wallet_id=payer,
            card_token=f"tok_{n}",
            last4="4242",
            exp_month=11,
            exp_year=2026,
            form="physical",
            controls=CardControls(
                blocked_categories=("nursing",),
                limits=CardLimits(per_authorization=9_000, all_time=50_000),
            ),
        )
        for n, card in enumerate(cards)
    ]
    commands += [
        ActivateMedCard(card_id=cards[0]),
        ActivateMedCard(card_id=cards[1], method="biometric"),
        SuspendMedCard(card_id=cards[1], reason_code="stolen"),
        CancelMedCard(card_id=cards[1], reason="stolen"),
    ]
    commands += [
        InitiatePayment(
            payment_id=payment_id,
            payer_wallet_id=payer,
            merchant_wallet_id=merchant,
            amount=8_000,
            currency="EGP",
            method="medcard" if n == 0 else "wallet",
            card_id=cards[0] if n == 0 else None,
            merchant_category="pharmacies" if n == 0 else None,
            eligible_amounts=EligibleAmounts(prescription=7_000) if n == 0 else None,
            partial_approval=n == 0,
            reference=f"rx-{n}",
        )
        for n, payment_id in enumerate(pay)
    ]
    commands += [AuthorizePayment(payment_id=payment_id) for payment_id in pay[:3]]
    commands += [
        CapturePayment(payment_id=pay[0], amount=1_000, final=False),
        CapturePayment(payment_id=pay[0], amount=5_000, fee=150),
        RefundPayment(payment_id=pay[0], amount=600, reason_code="returned"),
        VoidPayment(payment_id=pay[1], reason="payer"),
        FailPayment(payment_id=pay[3], reason_code="out of stock"),
        BeginOperation(
            payment_id=pay[2],
            operation_id=derive_id("golden operation"),
            order=CapturePayment(payment_id=pay[2], amount=10, fee=1),
        ),
        RefuseOperation(
            payment_id=pay[2],
            operation_id=derive_id("golden operation"),
            failure_code="WALLET_CLOSED",
        ),
        CapturePayment(payment_id=pay[2]),
        RefundPayment(payment_id=pay[2]),
    ]
    return commands


def _play(store: EventStore, policy: LimitPolicy = EG_2023_11) -> None:
    clock = ManualClock(START)
    handler = CommandHandler(store, clock=clock, policy=policy)
    first = _commands()
    _send(handler, clock, first, 0)
    assert isinstance(store.append(_failed_saga()), Appended)
    later = _later_commands()
    _send(handler, clock, later, len(first))
    clock.advance(days=10)
    expired = ExpireMedCard(card_id=derive_id("golden card 0"))
    _send(handler, clock, [expired], len(first) + len(later))


def _send(
    handler: CommandHandler, clock: ManualClock, commands: list[Command], start: int
) -> None:
    for index, command in enumerate(commands, start):
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


@pytest.fixture(scope="session")
def cloud_lines() -> list[bytes]:
    """Structured CloudEvents as they were pinned: the story's, then old versions."""
    return (GOLDEN / "cloudevents.jsonl").read_bytes().splitlines()


@pytest.fixture(scope="session")
def binary_lines() -> list[bytes]:
    """The same in binary mode, each as ``[[header, text]…], value``."""
    return (GOLDEN / "cloudevents_binary.jsonl").read_bytes().splitlines()
