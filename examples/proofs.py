"""Proofs about a whole store, by arithmetic that shares nothing with the library.

What the domain folds with `evolve` is added up here again in plain dictionaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from examples.books import Books
from examples.card_data import card_data_in
from examples.effects import is_whole
from healthpay_core import (
    EventStore,
    QueryPort,
    RecordedEvent,
    StoreFault,
    StreamCorrupted,
    StreamId,
)
from healthpay_wire.verify import verify_chain

Progress: TypeAlias = Callable[[Sequence[StreamId]], Iterable[StreamId]]

_PAGE: Final = 2_000
_SHOWN: Final = 3


@dataclass(slots=True, kw_only=True)
class Proof:
    """A claim, what it was checked on, and every fault that was found."""

    claim: str
    checked: int = 0
    unit: str = ""
    faults: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether something was checked and no fault was found."""
        return self.checked > 0 and not self.faults

    def __str__(self) -> str:
        head = f"{'proved' if self.holds else 'FAILED'}  {self.claim}"
        lines = [f"{head} ({self.checked:,} {self.unit})"]
        lines += [f"          {fault}" for fault in self.faults[:_SHOWN]]
        if len(self.faults) > _SHOWN:
            lines.append(f"          and {len(self.faults) - _SHOWN:,} more")
        if not self.checked and not self.faults:
            lines.append("          there is nothing to check")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """What callers were told: command id to its number of events.

    `complete` says that the store holds nothing but these commands.
    """

    events: Mapping[str, int]
    complete: bool


def prove(
    store: EventStore,
    queries: QueryPort,
    *,
    acknowledged: Acknowledged | None = None,
    progress: Progress = iter,
) -> list[Proof]:
    """Check the whole store; a damaged one gives faults, never an exception.

    `queries` gives the library's own answers, which are compared with the books.
    """
    effects = Proof(claim="each command has at most one effect", unit="commands")
    answers = Proof(claim="what was acknowledged is there", unit="answers")
    gapless = Proof(claim="versions run from 1 without a gap", unit="streams")
    chains = Proof(claim="every hash chain is whole", unit="streams")
    balances = Proof(claim="every balance is the fold of its stream", unit="wallets")
    money = Proof(claim="money is conserved in every currency", unit="movements")
    holds = Proof(claim="every wallet holds what its open holds are", unit="holds")
    payments = Proof(claim="refunded <= captured <= authorised", unit="payments")
    cards = Proof(claim="no event holds card data", unit="events")
    proofs = [balances, money, holds, payments, cards, chains, gapless, effects]
    try:
        streams, commands = _survey(store, effects)
    except (StoreFault, StreamCorrupted) as error:
        effects.faults.append(f"the feed cannot be read: {error}")
        return proofs
    books = Books()
    for stream in progress(streams):
        try:
            events = list(_read(store, stream))
        except (StoreFault, StreamCorrupted) as error:
            chains.faults.append(f"{stream} cannot be read: {error}")
            continue
        _check_chain(chains, stream, events)
        _check_versions(gapless, stream, events, store)
        _check_card_data(cards, events)
        books.enter(stream, events)
        if stream.startswith("wallet/"):
            _check_balance(balances, stream, books, queries)
        if stream.startswith("payment/"):
            _check_payment(payments, stream, books, queries)
    money.checked = books.movements
    money.faults += books.imbalances()
    holds.checked = books.holds
    holds.faults += books.stray_holds()
    payments.faults += books.torn_payments()
    if acknowledged is not None:
        _check_answers(answers, acknowledged, commands)
        proofs.append(answers)
    return proofs


def _survey(store: EventStore, proof: Proof) -> tuple[list[StreamId], dict[str, int]]:
    """The streams and the commands of the feed; faults of single effects."""
    streams: dict[StreamId, None] = {}
    commands: dict[str, int] = {}
    ids: set[str] = set()
    effect: list[RecordedEvent] = []
    for recorded in _feed(store):
        envelope = recorded.envelope
        streams[envelope.stream] = None
        if envelope.event_id in ids:
            proof.faults.append(f"event {envelope.event_id} is there twice")
        ids.add(envelope.event_id)
        if effect and effect[0].envelope.meta.command_id != envelope.meta.command_id:
            _close_effect(proof, effect, commands)
            effect = []
        effect.append(recorded)
    if effect:
        _close_effect(proof, effect, commands)
    proof.checked = len(commands)
    return list(streams), commands


def _close_effect(
    proof: Proof, effect: list[RecordedEvent], commands: dict[str, int]
) -> None:
    """A command's events stand together and make up one whole effect."""
    command_id = effect[0].envelope.meta.command_id
    if command_id in commands:
        proof.faults.append(f"command {command_id} has a second effect")
    commands[command_id] = commands.get(command_id, 0) + len(effect)
    types = tuple(recorded.envelope.event_type for recorded in effect)
    if not is_whole(types):
        proof.faults.append(f"command {command_id} left {', '.join(types)}")


def _check_chain(
    proof: Proof, stream: StreamId, events: Sequence[RecordedEvent]
) -> None:
    proof.checked += 1
    broken = verify_chain(events)
    if broken is not None:
        proof.faults.append(f"{stream} at {broken.sequence}: {broken.reason}")


def _check_versions(
    proof: Proof,
    stream: StreamId,
    events: Sequence[RecordedEvent],
    store: EventStore,
) -> None:
    proof.checked += 1
    found = [recorded.envelope.sequence for recorded in events]
    if found != list(range(1, len(found) + 1)):
        missing = sorted(set(range(1, max(found, default=0) + 1)) - set(found))
        proof.faults.append(f"{stream} lacks the versions {missing}")
    version = store.versions((stream,))[stream]
    if version != len(found):
        proof.faults.append(f"{stream} has {len(found)} events, not {version}")


def _check_balance(
    proof: Proof, stream: StreamId, books: Books, queries: QueryPort
) -> None:
    """The library's answer, and what the last event says, against the books."""
    proof.checked += 1
    wallet_id = stream.partition("/")[2]
    account = books.accounts[wallet_id]
    proof.faults += [f"{stream}: {fault}" for fault in account.faults]
    try:
        view = queries.wallet(wallet_id)
    except (StoreFault, StreamCorrupted) as error:
        proof.faults.append(f"{stream} cannot be folded: {error}")
        return
    told = (0, 0) if view is None else (view.balance, view.held)
    books.told[account.currency] += told[0]
    if told != (account.balance, account.held):
        proof.faults.append(
            f"{stream} is told to have {told[0]} and to hold {told[1]}, "
            f"its events add up to {account.balance} and {account.held}"
        )


def _check_payment(
    proof: Proof, stream: StreamId, books: Books, queries: QueryPort
) -> None:
    """What the events add up to, and what the library says of it (P18)."""
    proof.checked += 1
    payment_id = stream.partition("/")[2]
    payment = books.payments[payment_id]
    proof.faults += [f"{stream}: {fault}" for fault in payment.faults]
    try:
        view = queries.payment(payment_id)
    except (StoreFault, StreamCorrupted) as error:
        proof.faults.append(f"{stream} cannot be folded: {error}")
        return
    told = (0, 0, 0)
    if view is not None:
        told = (view.authorized_amount, view.captured_amount, view.refunded_amount)
    if told != (payment.authorized, payment.captured, payment.refunded):
        proof.faults.append(f"{stream} is told to have {told}, it is {payment}")


def _check_card_data(proof: Proof, events: Sequence[RecordedEvent]) -> None:
    for recorded in events:
        proof.checked += 1
        for place in card_data_in(recorded):
            envelope = recorded.envelope
            proof.faults.append(f"{envelope.stream} at {envelope.sequence}: {place}")


def _check_answers(
    proof: Proof, acknowledged: Acknowledged, commands: Mapping[str, int]
) -> None:
    proof.checked = len(acknowledged.events)
    for command_id, count in acknowledged.events.items():
        found = commands.get(command_id, 0)
        if found != count:
            proof.faults.append(
                f"command {command_id} was told {count} events, there are {found}"
            )
    if acknowledged.complete:
        for command_id in commands.keys() - acknowledged.events.keys():
            proof.faults.append(f"command {command_id} was never acknowledged")


def _feed(store: EventStore) -> Iterator[RecordedEvent]:
    after = 0
    while page := store.feed(after, _PAGE):
        yield from page
        after = page[-1].position


def _read(store: EventStore, stream: StreamId) -> Iterator[RecordedEvent]:
    after = 0
    while page := store.read(stream, after, _PAGE):
        yield from page
        after = page[-1].envelope.sequence
