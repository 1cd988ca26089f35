"""The long looks: everything against the model, and coming to rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from healthpay_core import domain
from healthpay_core.envelope import RecordedEvent
from healthpay_core.ids import (
    StreamId,
    medcard_stream,
    payment_stream,
    transfer_stream,
    wallet_stream,
)
from healthpay_core.queries import StoreQueries
from healthpay_core.states import ABSENT, load
from healthpay_core.testing.model import CardRow, PaymentRow, TransferRow, WalletRow
from healthpay_core.testing.model.prediction import view_difference
from healthpay_core.testing.simulation.agreement import (
    check_card_windows,
    check_windows,
)
from healthpay_core.testing.simulation.ledger import Violation
from healthpay_core.wallet.state import OpenWallet

if TYPE_CHECKING:
    from healthpay_core.testing.simulation.world import World

_PAGE: Final = 1_000
_FAR_US: Final = 40 * 86_400_000_000
_MINUTE_US: Final = 60_000_000
_ROUNDS: Final = 5


def check_everything(world: World, *, anew: bool = False) -> None:
    """Fold every stream and compare it with the model; look up every answer.

    A stream at the version of the last look is as it was then: what is stored only
    grows, and the ledger has seen all of it. Where the model expects no other
    version either, neither has changed, and they are not compared again.

    Args:
        world: Is looked at.
        anew: Whether to fold and compare all, from the first event on, as if
            there had been no look before.

    Raises:
        Violation: Something is not as it was acknowledged or predicted.
    """
    if anew:
        world.folded.clear()
    rows = world.model.rows
    for wallet in rows.wallets.values():
        state = _stream(world, wallet_stream(wallet.wallet_id), wallet)
        _wallet(world, wallet, state)
    for transfer in rows.transfers.values():
        _stream(world, transfer_stream(transfer.transfer_id), transfer)
    for payment in rows.payments.values():
        _stream(world, payment_stream(payment.order.payment_id), payment)
    for card in rows.cards.values():
        _stream(world, medcard_stream(card.order.card_id), card)
    answered = world.judge.answered
    stored = world.truth.outcomes(list(answered))
    for command_id, outcome in answered.items():
        record = stored.get(command_id)
        found = None if record is None else record.outcome
        if found is not outcome and found != outcome:
            raise Violation("no acknowledged command lost", command_id)


def come_to_rest(world: World) -> None:
    """Retry what is unknown, resume sagas, sweep; then nothing may be left.

    Raises:
        Violation: Something is still under way, held, or not as it should be.
    """
    for request in list(world.judge.open.values()):
        outcome = world.processes[0].handler.handle(request)
        world.judge.outcomes((request,), [outcome], ())
    # What is under way now shall not begin to run out only after the jump.
    for number in range(len(world.processes)):
        world.resume_all(number)
    world.clock.instant += _FAR_US
    for number in range(_ROUNDS):
        # Before the sweep, so that nothing runs out between it and the last look.
        world.clock.instant += _MINUTE_US
        which = number % len(world.processes)
        world.resume_all(which)
        world.processes[which].sweeper.sweep()
    _nothing_is_left(world)
    check_everything(world, anew=True)
    whole = _whole_feed(world)
    if whole != world.ledger.seen:
        raise Violation("no acknowledged command lost", "the feed is another")
    world.projection.deliver(whole)
    expected = {key: f.balance for key, f in world.ledger.wallets.items() if f.balance}
    found = {key: value for key, value in world.projection.balances.items() if value}
    if found != expected:
        raise Violation("projections agree", f"{found}, expected {expected}")


def _nothing_is_left(world: World) -> None:
    rows = world.model.rows
    for transfer in rows.transfers.values():
        if transfer.status == "initiated":
            raise Violation("transfers come to an end", transfer.transfer_id)
    for payment in rows.payments.values():
        if payment.operation is not None or payment.status == "authorized":
            text = f"{payment.order.payment_id} is {payment.status}"
            raise Violation("payments come to an end", text)
    for wallet in rows.wallets.values():
        if wallet.held:
            raise Violation("no hold is leaked", f"{wallet.held} in {wallet.wallet_id}")
    for card in rows.cards.values():
        today = world.clock.business_day(world.clock.now())
        over = today.date[:7] > card.last_month
        if over and card.status not in ("expired", "cancelled"):
            raise Violation("cards come to an end", card.order.card_id)
    if world.ledger.in_flight:
        raise Violation("money conserved", f"in flight: {world.ledger.in_flight}")


def _stream(
    world: World, stream: StreamId, row: WalletRow | TransferRow | PaymentRow | CardRow
) -> domain.State:
    start = world.folded.get(stream, ABSENT)
    if start[0] is not None and (
        start[1] == world.ledger.sequences[stream] == row.version
    ):
        return start[0]
    state, version = world.folded[stream] = load(world.truth, stream, start=start)
    if state is None:
        raise Violation("no acknowledged command lost", f"{stream} is empty")
    found = view_difference(row.view(), domain.view(stream, state, version))
    if found is not None:
        raise Violation("the state is as predicted", f"{stream}: {found}")
    return state


def _wallet(world: World, row: WalletRow, state: domain.State) -> None:
    """What no view shows: holds, windows, references, and the quick way there."""
    seen = StoreQueries(world.truth, world.snapshots).wallet(row.wallet_id)
    difference = view_difference(row.view(), seen)
    if difference is not None:
        raise Violation("snapshots change nothing", f"{row.wallet_id}: {difference}")
    if not isinstance(state, OpenWallet):
        return
    holds = {key: hold.amount for key, hold in row.holds.items()}
    if {key: hold.amount for key, hold in state.holds.items()} != holds:
        raise Violation("the state is as predicted", f"the holds of {row.wallet_id}")
    if row.outflows:
        check_windows(row, state.usage)
    references = {f"{reason}:{text}" for reason, text in row.references}
    if state.references != references:
        raise Violation(
            "the state is as predicted", f"the references of {row.wallet_id}"
        )
    check_card_windows(row, state)


def _whole_feed(world: World) -> list[RecordedEvent]:
    events: list[RecordedEvent] = []
    while page := world.truth.feed(len(events), _PAGE):
        events += page
    return events
