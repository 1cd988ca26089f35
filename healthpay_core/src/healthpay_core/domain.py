"""The domain as one: which streams a command needs, and who decides it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from operator import getitem
from typing import Final, TypeAlias, cast

from healthpay_core.context import Context
from healthpay_core.events import Event
from healthpay_core.ids import (
    StreamId,
    derive_id,
    medcard_stream,
    payment_stream,
    transfer_stream,
    wallet_stream,
)
from healthpay_core.making import maker
from healthpay_core.medcard.commands import (
    ActivateMedCard,
    CancelMedCard,
    ConfirmMedCard,
    ExpireMedCard,
    IssueMedCard,
    MedCardCommand,
    RecordIssue,
    SuspendMedCard,
)
from healthpay_core.medcard.decide import decide_medcard, validate_medcard
from healthpay_core.medcard.state import MedCardState, evolve_medcard
from healthpay_core.payment.atomic import Parties, decide_payment
from healthpay_core.payment.commands import (
    AuthorizePayment,
    CapturePayment,
    ExpireAuthorization,
    FailPayment,
    InitiatePayment,
    PaymentCommand,
    RefundPayment,
    VoidPayment,
)
from healthpay_core.payment.events import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentInitiated,
    PaymentOperationBegun,
    PaymentOperationRefused,
    PaymentRefunded,
    PaymentVoided,
)
from healthpay_core.payment.operations import (
    decide_payment_step,
    validate_payment_step,
)
from healthpay_core.payment.rules import validate_payment
from healthpay_core.payment.state import PaymentState, evolve_payment
from healthpay_core.payment.steps import (
    BeginOperation,
    EndOperation,
    PaymentStep,
    RecordInitiation,
    RefuseOperation,
)
from healthpay_core.refusals import (
    DestinationWalletNotFound,
    Refusal,
    WalletHasOpenHolds,
)
from healthpay_core.result import Err, Ok
from healthpay_core.transfer.atomic import (
    TransferLegs,
    decide_transfer,
    validate_transfer,
)
from healthpay_core.transfer.commands import (
    BeginTransfer,
    CompleteTransfer,
    FailTransfer,
    TransferFunds,
    TransferStep,
)
from healthpay_core.transfer.decide import decide_step, validate_step
from healthpay_core.transfer.events import (
    TransferCompleted,
    TransferFailed,
    TransferInitiated,
)
from healthpay_core.transfer.state import TransferState, evolve_transfer
from healthpay_core.views import (
    Resource,
    medcard_view,
    payment_view,
    transfer_view,
    wallet_view,
)
from healthpay_core.wallet.commands import (
    CaptureHold,
    CloseWallet,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    EndSweep,
    PlaceHold,
    ReceiveTransfer,
    ReleaseHold,
    SettleCredit,
    SettleDebit,
    WalletCommand,
)
from healthpay_core.wallet.decide import decide_wallet, validate_wallet
from healthpay_core.wallet.events import (
    WalletActivated,
    WalletClosed,
    WalletCreated,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
    WalletHoldReleased,
    WalletKycLevelChanged,
    WalletSuspended,
)
from healthpay_core.wallet.state import OpenWallet, WalletState, evolve_wallet
from healthpay_core.words import word_refusal

Command: TypeAlias = (
    WalletCommand
    | TransferFunds
    | PaymentCommand
    | MedCardCommand
    | TransferStep
    | PaymentStep
)
State: TypeAlias = WalletState | TransferState | PaymentState | MedCardState
Facts: TypeAlias = tuple[tuple[StreamId, Event], ...]
"""What a command led to, in order, each fact with its stream."""
States: TypeAlias = Mapping[StreamId, State | None]
Lookup: TypeAlias = Callable[[StreamId], State | None]

# A stream holds the events of one aggregate, which its name says and types
# cannot: cast once here, because a cast is a call on the hottest path.
_Evolve: TypeAlias = Callable[[State | None, Event], State]
_evolve_wallet = cast("_Evolve", evolve_wallet)
_evolve_transfer = cast("_Evolve", evolve_transfer)
_evolve_payment = cast("_Evolve", evolve_payment)
_evolve_medcard = cast("_Evolve", evolve_medcard)
# The same of what is found under a stream's name, and of what is shown of it.
_wallet = cast("Callable[[States, StreamId], WalletState | None]", getitem)
_View: TypeAlias = Callable[[str, State, int], Resource]
_wallet_view = cast("_View", wallet_view)
_transfer_view = cast("_View", transfer_view)
_payment_view = cast("_View", payment_view)
_medcard_view = cast("_View", medcard_view)
_make_parties = maker(Parties)

# Tuples of classes, the frequent ones first: several times faster than unions.
_WALLET_EVENTS: Final = (
    WalletDebited,
    WalletCredited,
    WalletHoldPlaced,
    WalletHoldReleased,
    WalletCreated,
    WalletActivated,
    WalletSuspended,
    WalletClosed,
    WalletKycLevelChanged,
)
_TRANSFER_EVENTS: Final = (TransferInitiated, TransferCompleted, TransferFailed)
_PAYMENT_EVENTS: Final = (
    PaymentInitiated,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentVoided,
    PaymentFailed,
    PaymentRefunded,
    PaymentOperationBegun,
    PaymentOperationRefused,
)
# Asked for before the longer tuples, because most commands are one of the two.
_MOVEMENTS: Final = (DebitWallet, CreditWallet)
_PAYMENT_COMMANDS: Final = (
    AuthorizePayment,
    CapturePayment,
    InitiatePayment,
    RefundPayment,
    VoidPayment,
    ExpireAuthorization,
    FailPayment,
)
_INDIRECT: Final = frozenset(_PAYMENT_COMMANDS) - {InitiatePayment}
_PAYMENT_STEPS: Final = (
    RecordInitiation,
    BeginOperation,
    EndOperation,
    RefuseOperation,
)
_MONEY_STEPS: Final = frozenset(
    {
        PlaceHold,
        ReleaseHold,
        CaptureHold,
        ReceiveTransfer,
        SettleCredit,
        SettleDebit,
        EndSweep,
    }
)
_TRANSFER_STEPS: Final = (BeginTransfer, CompleteTransfer, FailTransfer)
_CARD_COMMANDS: Final = (
    IssueMedCard,
    ActivateMedCard,
    SuspendMedCard,
    CancelMedCard,
    ExpireMedCard,
    ConfirmMedCard,
    RecordIssue,
)


def _nowhere(_: StreamId) -> State | None:
    return None


def primary_stream(command: Command) -> StreamId:
    """The stream of the resource that a command is about."""
    if isinstance(command, TransferFunds):
        return transfer_stream(command.transfer_id)
    if isinstance(command, _PAYMENT_COMMANDS):
        return payment_stream(command.payment_id)
    if isinstance(command, _CARD_COMMANDS):
        return medcard_stream(command.card_id)
    if isinstance(command, _TRANSFER_STEPS):
        return transfer_stream(command.transfer_id)
    if isinstance(command, _PAYMENT_STEPS):
        return payment_stream(command.payment_id)
    return wallet_stream(command.wallet_id)


def streams(command: Command, at: Lookup = _nowhere) -> tuple[StreamId, ...]:
    """All streams that a decision reads and may append to; the primary is first.

    A payment's wallets and card are known from its own state, which `at` gives;
    without it only the payment's stream is named.
    """
    if isinstance(command, _MOVEMENTS):
        return (wallet_stream(command.wallet_id),)
    if isinstance(command, TransferFunds):
        return (
            transfer_stream(command.transfer_id),
            wallet_stream(command.source_wallet_id),
            wallet_stream(command.destination_wallet_id),
        )
    if isinstance(command, _PAYMENT_COMMANDS):
        return _payment_streams(command, at)
    if isinstance(command, _CARD_COMMANDS):
        card = medcard_stream(command.card_id)
        if isinstance(command, IssueMedCard):
            return (card, wallet_stream(command.wallet_id))
        return (card,)
    if isinstance(command, _TRANSFER_STEPS):
        return (transfer_stream(command.transfer_id),)
    if isinstance(command, _PAYMENT_STEPS):
        return (payment_stream(command.payment_id),)
    if isinstance(command, CloseWallet) and command.sweep_to is not None:
        return (
            wallet_stream(command.wallet_id),
            wallet_stream(command.sweep_to),
            *map(transfer_stream, _sweep_transfers(command.wallet_id, at)),
        )
    return (wallet_stream(command.wallet_id),)


def is_indirect(command: Command) -> bool:
    """Whether `streams` must look into some of them to name the others."""
    if isinstance(command, CloseWallet):
        return command.sweep_to is not None
    return type(command) in _INDIRECT


def is_money_step(command: Command) -> bool:
    """Whether a saga orders it: then every refusal is for good.

    Otherwise a step that was refused because a wallet was not there, and whose
    refusal was acted on, would move money when it is run again later (T6, T7).
    """
    return type(command) in _MONEY_STEPS


def creates(command: Command) -> bool:
    """Whether the command makes its primary resource."""
    return isinstance(
        command,
        (
            CreateWallet,
            TransferFunds,
            InitiatePayment,
            IssueMedCard,
            BeginTransfer,
            RecordInitiation,
            RecordIssue,
        ),
    )


def sweep_transfer_id(wallet_id: str, taken: int = 0) -> str:
    """The transfer that empties a wallet as it closes: there is one at most (W7).

    Args:
        wallet_id: The wallet.
        taken: How many of its ids are other transfers': whoever knows a wallet could
            take the first one.
    """
    return derive_id(f"{wallet_id}/sweep/{taken}" if taken else f"{wallet_id}/sweep")


def _sweep_transfers(wallet_id: str, at: Lookup) -> list[str]:
    """The ids that are taken, and the first one that is free."""
    tried: list[str] = []
    while not tried or at(transfer_stream(tried[-1])) is not None:
        tried.append(sweep_transfer_id(wallet_id, len(tried)))
    return tried


def validate(command: Command) -> Refusal | None:
    """The checks that need no state (E2: static)."""
    wrong = word_refusal(command)
    if wrong is not None:
        return wrong
    if isinstance(command, _MOVEMENTS):
        return validate_wallet(command)
    if isinstance(command, TransferFunds):
        return validate_transfer(command)
    if isinstance(command, _PAYMENT_COMMANDS):
        return validate_payment(command)
    if isinstance(command, _CARD_COMMANDS):
        return validate_medcard(command)
    if isinstance(command, _TRANSFER_STEPS):
        return validate_step(command)
    if isinstance(command, _PAYMENT_STEPS):
        return validate_payment_step(command)
    return validate_wallet(command)


def decide(
    command: Command, states: States, context: Context, command_id: str
) -> Ok[Facts] | Err[Refusal]:
    """Decide any command; pure. `states` holds what `streams` names."""
    if isinstance(command, _MOVEMENTS):
        return _wallet_order(command, states, context)
    if isinstance(command, TransferFunds):
        return _transfer(command, states, context, command_id)
    if isinstance(command, _PAYMENT_COMMANDS):
        return decide_payment(command, _parties(command, states), context, command_id)
    if isinstance(command, _CARD_COMMANDS):
        return _medcard(command, states, context)
    if isinstance(command, _TRANSFER_STEPS):
        return _transfer_step(command, states, context)
    if isinstance(command, _PAYMENT_STEPS):
        return _payment_step(command, states, context)
    if isinstance(command, CloseWallet) and command.sweep_to is not None:
        state = _wallet(states, wallet_stream(command.wallet_id))
        if isinstance(state, OpenWallet) and state.balance:
            return _sweep(command, command.sweep_to, states, context, command_id)
        # Nothing is left to move, so that nobody will have got it.
        command = replace(command, sweep_to=None)
    return _wallet_order(command, states, context)


def evolve(state: State | None, event: Event) -> State:
    """Apply a fact of any aggregate to its state.

    Raises:
        StreamCorrupted: The fact cannot follow the state (C5).
    """
    if isinstance(event, _WALLET_EVENTS):
        return _evolve_wallet(state, event)
    if isinstance(event, _TRANSFER_EVENTS):
        return _evolve_transfer(state, event)
    if isinstance(event, _PAYMENT_EVENTS):
        return _evolve_payment(state, event)
    return _evolve_medcard(state, event)


def fold(events: Iterable[Event], state: State | None = None) -> State | None:
    """The state that a sequence of facts leads to."""
    for event in events:
        state = evolve(state, event)
    return state


def view(stream: StreamId, state: State, version: int) -> Resource:
    """What callers see of a state."""
    kind, _, aggregate_id = stream.partition("/")
    if kind == "wallet":
        return _wallet_view(aggregate_id, state, version)
    if kind == "transfer":
        return _transfer_view(aggregate_id, state, version)
    if kind == "payment":
        return _payment_view(aggregate_id, state, version)
    return _medcard_view(aggregate_id, state, version)


def _wallet_order(
    command: WalletCommand, states: States, context: Context
) -> Ok[Facts] | Err[Refusal]:
    stream = wallet_stream(command.wallet_id)
    decision = decide_wallet(command, _wallet(states, stream), context)
    if isinstance(decision, Err):
        return decision
    return Ok(tuple([(stream, event) for event in decision.value]))


def _payment_streams(command: PaymentCommand, at: Lookup) -> tuple[StreamId, ...]:
    stream = payment_stream(command.payment_id)
    order: InitiatePayment | PaymentInitiated
    if isinstance(command, InitiatePayment):
        order = command
    else:
        state = cast("PaymentState | None", at(stream))
        if state is None:
            return (stream,)
        order = state.order
    parties = (
        stream,
        wallet_stream(order.payer_wallet_id),
        wallet_stream(order.merchant_wallet_id),
    )
    return (
        parties if order.card_id is None else (*parties, medcard_stream(order.card_id))
    )


def _parties(command: PaymentCommand, states: States) -> Parties:
    # A payment that is not there names no others.
    found = [states[stream] for stream in _payment_streams(command, states.get)]
    payment, payer, merchant, card = (*found, None, None, None)[:4]
    return _make_parties(
        payment=cast("PaymentState | None", payment),
        payer=cast("WalletState | None", payer),
        merchant=cast("WalletState | None", merchant),
        card=cast("MedCardState | None", card),
    )


def _medcard(
    command: MedCardCommand, states: States, context: Context
) -> Ok[Facts] | Err[Refusal]:
    stream = medcard_stream(command.card_id)
    wallet = None
    if isinstance(command, IssueMedCard):
        wallet = _wallet(states, wallet_stream(command.wallet_id))
    card = cast("MedCardState | None", states[stream])
    decision = decide_medcard(command, card, wallet, context)
    if isinstance(decision, Err):
        return decision
    return Ok(tuple([(stream, event) for event in decision.value]))


def _payment_step(
    command: PaymentStep, states: States, context: Context
) -> Ok[Facts] | Err[Refusal]:
    stream = payment_stream(command.payment_id)
    state = cast("PaymentState | None", states[stream])
    decision = decide_payment_step(command, state, context)
    if isinstance(decision, Err):
        return decision
    return Ok(tuple([(stream, event) for event in decision.value]))


def _transfer_step(
    command: TransferStep, states: States, context: Context
) -> Ok[Facts] | Err[Refusal]:
    stream = transfer_stream(command.transfer_id)
    state = cast("TransferState | None", states[stream])
    decision = decide_step(command, state, context)
    if isinstance(decision, Err):
        return decision
    return Ok(tuple([(stream, event) for event in decision.value]))


def _transfer(
    command: TransferFunds, states: States, context: Context, command_id: str
) -> Ok[Facts] | Err[Refusal]:
    decision = _decide_legs(command, states, context, command_id)
    return (
        decision if isinstance(decision, Err) else Ok(_facts(command, decision.value))
    )


def _decide_legs(
    command: TransferFunds, states: States, context: Context, command_id: str
) -> Ok[TransferLegs] | Err[Refusal]:
    stream = transfer_stream(command.transfer_id)
    return decide_transfer(
        command,
        transfer=cast("TransferState | None", states[stream]),
        source=_wallet(states, wallet_stream(command.source_wallet_id)),
        destination=_wallet(states, wallet_stream(command.destination_wallet_id)),
        context=context,
        command_id=command_id,
    )


def _facts(command: TransferFunds, legs: TransferLegs) -> Facts:
    transfer = transfer_stream(command.transfer_id)
    return (
        (transfer, legs.initiated),
        (wallet_stream(command.source_wallet_id), legs.debited),
        (wallet_stream(command.destination_wallet_id), legs.credited),
        (transfer, legs.completed),
    )


def _sweep(
    command: CloseWallet,
    sweep_to: str,
    states: States,
    context: Context,
    command_id: str,
) -> Ok[Facts] | Err[Refusal]:
    """Move the rest and close, in one append (W7)."""
    stream = wallet_stream(command.wallet_id)
    state = _wallet(states, stream)
    if not isinstance(state, OpenWallet):
        raise TypeError("a sweep starts from an open wallet")
    if _wallet(states, wallet_stream(sweep_to)) is None:
        # Existence comes before the life cycle (E2).
        return Err(DestinationWalletNotFound(wallet_id=sweep_to))
    if state.held:
        return Err(
            WalletHasOpenHolds(held_amount=state.held, currency=state.profile.currency)
        )
    transfer = TransferFunds(
        transfer_id=_sweep_transfers(command.wallet_id, states.get)[-1],
        source_wallet_id=command.wallet_id,
        destination_wallet_id=sweep_to,
        amount=state.balance,
        currency=state.profile.currency,
    )
    moved = _decide_legs(transfer, states, context, command_id)
    if isinstance(moved, Err):
        return moved
    emptied = evolve_wallet(state, moved.value.debited)
    closed = decide_wallet(command, emptied, context)
    if isinstance(closed, Err):
        return closed
    facts = _facts(transfer, moved.value)
    return Ok((*facts, *((stream, event) for event in closed.value)))
