"""A handler with everything around it, for tests of whole commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, cast

from healthpay_core.catalogue import Code
from healthpay_core.clock import ManualClock
from healthpay_core.domain import Command
from healthpay_core.envelope import RecordedEvent
from healthpay_core.handler import CommandHandler
from healthpay_core.memory import InMemoryEventStore
from healthpay_core.outcome import CommandRequest, Committed, Outcome, Rejected
from healthpay_core.policy import NO_LIMITS, LimitPolicy
from healthpay_core.ports import EventStore, Observer, SnapshotStore
from healthpay_core.queries import StoreQueries
from healthpay_core.refusals import Detail, NotDone
from healthpay_core.testing.builders import NOW, request
from healthpay_core.views import MedCardView, PaymentView, TransferView, WalletView

if TYPE_CHECKING:
    # `typing` has defaults of type variables from Python 3.13 on.
    from typing_extensions import TypeVar

    Store_co = TypeVar("Store_co", bound=EventStore, covariant=True, default=EventStore)
else:
    from typing import TypeVar

    Store_co = TypeVar("Store_co", covariant=True)


class Workbench(Generic[Store_co]):
    """A `CommandHandler` over a store, with a clock that stands still.

    `store` has the type of what was given; a plain `Workbench` is over any store.

    Args:
        store: In memory, if not said.
        policy: Nothing is limited, if not said.
        clock: Stands at `NOW`, if not said.
        snapshots, snapshot_every, observers: As the handler takes them.
    """

    def __init__(
        self,
        store: Store_co | None = None,
        *,
        policy: LimitPolicy = NO_LIMITS,
        clock: ManualClock | None = None,
        snapshots: SnapshotStore | None = None,
        snapshot_every: int = 100,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.store: Store_co = (
            cast("Store_co", InMemoryEventStore()) if store is None else store
        )
        self.clock: ManualClock = ManualClock(NOW) if clock is None else clock
        self.pauses_s: list[float] = []
        self.handler: CommandHandler = CommandHandler(
            self.store,
            clock=self.clock,
            policy=policy,
            snapshots=snapshots,
            snapshot_every=snapshot_every,
            observers=observers,
            pause=self.pauses_s.append,
        )
        self.queries: StoreQueries = StoreQueries(self.store, snapshots)

    def handle(self, *commands: Command | CommandRequest) -> list[Outcome]:
        """Decide a batch; commands without a request get one."""
        return self.handler.handle_many(
            [c if isinstance(c, CommandRequest) else request(c) for c in commands]
        )

    def do(self, *commands: Command | CommandRequest) -> Committed:
        """Decide one after the other and expect success; the last outcome."""
        assert commands, "nothing to do"
        outcomes = [self.handle(command)[0] for command in commands]
        for outcome in outcomes:
            assert isinstance(outcome, Committed), outcome
        last = outcomes[-1]
        assert isinstance(last, Committed)
        return last

    def refuse(
        self, command: Command | CommandRequest, code: Code, **details: Detail
    ) -> NotDone:
        """Decide and expect a refusal or fault of this code, with these details."""
        outcome = self.handle(command)[0]
        assert isinstance(outcome, Rejected), outcome
        assert outcome.error.code is code, outcome
        found = dict(outcome.error.details())
        assert {name: found.get(name) for name in details} == details, found
        return outcome.error

    def wallet(self, wallet: str) -> WalletView:
        """The wallet as the store has it; an AssertionError when there is none."""
        view = self.queries.wallet(wallet)
        assert view is not None, f"there is no wallet {wallet}"
        return view

    def transfer(self, transfer: str) -> TransferView:
        """The transfer as the store has it; an AssertionError when there is none."""
        view = self.queries.transfer(transfer)
        assert view is not None, f"there is no transfer {transfer}"
        return view

    def payment(self, payment: str) -> PaymentView:
        """The payment as the store has it; an AssertionError when there is none."""
        view = self.queries.payment(payment)
        assert view is not None, f"there is no payment {payment}"
        return view

    def medcard(self, card: str) -> MedCardView:
        """The card as the store has it; an AssertionError when there is none."""
        view = self.queries.medcard(card)
        assert view is not None, f"there is no card {card}"
        return view

    def feed(self) -> Sequence[RecordedEvent]:
        """Every event of the store."""
        return self.store.feed(0, 1_000_000)
