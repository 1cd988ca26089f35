"""A machine that plays payments, cards and wallets, and looks at the books (P18)."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from healthpay_core import (
    CapturePayment,
    Command,
    CommandRequest,
    Committed,
    ExpireAuthorization,
    InMemoryEventStore,
    LimitPolicy,
    PaymentView,
    RecordedEvent,
    Refusal,
    Rejected,
    Resource,
    State,
    StoreQueries,
    StreamId,
    VoidPayment,
    WalletCredited,
    WalletDebited,
    WalletHoldPlaced,
    WalletHoldReleased,
    fold,
    wallet_stream,
)
from healthpay_core.medcard.events import CardLimits
from healthpay_core.testing import ScriptedStore, Workbench, request
from healthpay_core.testing.payment_strategies import (
    CARDS,
    MERCHANTS,
    PAYERS,
    PAYMENTS,
    agreements,
    card_limits,
    opening,
    orders,
    payment_orders,
    payment_policies,
)
from healthpay_core.wallet.card_usage import CardUsage, week_of
from healthpay_core.wallet.state import OpenWallet
from healthpay_wire.snapshots import decode_state, encode_state

WALLETS = PAYERS + MERCHANTS
OPEN = {"authorized"}
SETTLED = {"captured", "partially_refunded", "refunded"}


class Payments(RuleBasedStateMachine):
    """Two handlers on one store, with snapshots; after each step all adds up."""

    def __init__(self) -> None:
        super().__init__()
        self.store = ScriptedStore()
        self.snapshots = InMemoryEventStore()
        self.benches: list[Workbench] = []
        self.asked: list[tuple[CommandRequest, Committed | Rejected]] = []

    @initialize(
        policy=payment_policies(),
        limits=card_limits(),
        agreed=st.lists(agreements(), min_size=3, max_size=6),
    )
    def open(
        self,
        policy: LimitPolicy,
        limits: CardLimits,
        agreed: list[tuple[Command, ...]],
    ) -> None:
        """Payers with money and cards, merchants, payments, two handlers."""
        self.benches = [
            Workbench(
                self.store, policy=policy, snapshots=self.snapshots, snapshot_every=3
            )
            for _ in range(2)
        ]
        self._bench(0).do(*opening(limits))
        for batch in agreed:
            self._handle(1, *batch)

    @rule(which=st.integers(0, 1), order=orders())
    def order(self, which: int, order: Command) -> None:
        """Any order, alone."""
        self.ask(which, order)

    def ask(self, which: int, order: Command) -> None:
        """E3: refused, an order leaves events and views as they were."""
        bench = self._bench(which)
        before, views = list(bench.feed()), self._views()
        asked = request(order)
        (outcome,) = self._handle(which, asked)
        if isinstance(outcome, Rejected):
            assert list(bench.feed()) == before
            assert self._views() == views
        if isinstance(outcome, Committed) or outcome.error.pinned:
            self.asked.append((asked, outcome))

    @rule(which=st.integers(0, 1), batch=agreements())
    def agree(self, which: int, batch: tuple[Command, ...]) -> None:
        """P1, P2: a payment is agreed on and authorised in one batch."""
        self._handle(which, *batch)

    @rule(
        which=st.integers(0, 1),
        hours=st.sampled_from((1, 13, 24, 48, 24 * 8, 24 * 40, -24)),
        batch=agreements(),
        data=st.data(),
    )
    def free(
        self,
        which: int,
        hours: int,
        batch: tuple[Command, ...],
        data: st.DataObject,
    ) -> None:
        """K4: a later day counts something new, then an older hold is released."""
        older = [v.payment_id for v in self._payments() if v.status in OPEN]
        self.wait(hours)
        self._handle(which, *batch)
        if older:
            payment = data.draw(st.sampled_from(older))
            ends: tuple[Command, ...] = (
                VoidPayment(payment_id=payment),
                ExpireAuthorization(payment_id=payment),
                CapturePayment(payment_id=payment, amount=1),
            )
            order = data.draw(st.sampled_from(ends))
            self.ask(which, order)

    @rule(which=st.integers(0, 1), data=st.data())
    def settle(self, which: int, data: st.DataObject) -> None:
        """P4-P15: several orders on a payment that is there, held or captured."""
        there = [v.payment_id for v in self._payments() if v.status in OPEN | SETTLED]
        if there:
            payment = data.draw(st.sampled_from(there))
            for order in data.draw(st.lists(payment_orders([payment]), max_size=8)):
                self.ask(which, order)

    @rule(which=st.integers(0, 1), batch=st.lists(orders(), max_size=6))
    def play(self, which: int, batch: list[Command]) -> None:
        """T9: a batch, each order on what the earlier ones left."""
        self._handle(which, *batch)

    @rule(which=st.integers(0, 1), data=st.data())
    def ask_again(self, which: int, data: st.DataObject) -> None:
        """I4, P15: an order again is its first answer again, and nothing happens."""
        if not self.asked:
            return
        asked, first = self.asked[data.draw(st.integers(0, len(self.asked) - 1))]
        before = list(self.store.feed(0, 1_000_000))
        (again,) = self._bench(which).handle(asked)
        assert isinstance(again, Committed | Rejected)
        assert again.replayed
        assert _told(again) == _told(first)
        assert list(self.store.feed(0, 1_000_000)) == before

    @rule(hours=st.integers(1, 12) | st.integers(-48, 24 * 40))
    def wait(self, hours: int) -> None:
        """Time passes for both handlers, and now and then a clock is set back."""
        for bench in self.benches:
            bench.clock.advance(hours=hours)

    @rule(data=st.data())
    def split(self, data: st.DataObject) -> None:
        """A1: from the snapshot of any version the same state is reached."""
        names = sorted({r.envelope.stream for r in self.store.feed(0, 1_000_000)})
        stream = data.draw(st.sampled_from(names))
        events = [r.envelope.data for r in self.store.read(stream)]
        at = data.draw(st.integers(1, len(events)))
        state = fold(events[:at])
        assert state is not None
        stored = decode_state(encode_state(state))
        assert stored == state
        assert fold(events[at:], stored) == fold(events)

    @invariant()
    def payments_are_within_bounds(self) -> None:
        """P18: 0 <= refunded <= captured <= authorised <= asked."""
        for view in self._payments():
            assert 0 <= view.refunded_amount <= view.captured_amount
            assert view.captured_amount <= view.authorized_amount <= view.amount
            if view.status in SETTLED:
                assert view.captured_amount > 0
            elif view.status not in OPEN:
                assert view.captured_amount == view.refunded_amount == 0
            full = 0 < view.captured_amount == view.refunded_amount
            assert (view.status == "refunded") is (full and view.status in SETTLED)

    @invariant()
    def holds_are_those_of_open_payments(self) -> None:
        """P18: held = authorised - captured while open, else 0; no hold is lost."""
        owed: Counter[str] = Counter()
        for view in self._payments():
            if view.status in OPEN:
                rest = view.authorized_amount - view.captured_amount
                assert rest > 0
                owed[view.payer_wallet_id] += rest
        for wallet in WALLETS:
            state = self._state(wallet_stream(wallet))
            if isinstance(state, OpenWallet):
                assert state.held == owed[wallet]
                assert state.held == sum(hold.amount for hold in state.holds.values())
                assert 0 <= state.held <= state.balance
            else:
                assert owed[wallet] == 0

    @invariant()
    def money_is_conserved(self) -> None:
        """C6: wallets and counter-accounts sum to zero; each leg has its other."""
        outside, between, fees = 0, Counter[str](), 0
        for event, _ in self._money():
            sign = 1 if isinstance(event, WalletCredited) else -1
            if event.counter_account.startswith("wallet:"):
                between["all"] += sign * event.amount
            else:
                outside += sign * event.amount
            if event.counter_account == "external:fees":
                fees += event.amount
        balances = [
            view.balance
            for view in map(StoreQueries(self.store).wallet, WALLETS)
            if view is not None
        ]
        assert between["all"] == 0
        assert sum(balances) == outside
        assert fees == self._fees()

    @invariant()
    def versions_have_no_gaps(self) -> None:
        """V1: sequences and positions run 1..n, and no event id is there twice."""
        seen: Counter[StreamId] = Counter()
        feed = self.store.feed(0, 1_000_000)
        for place, recorded in enumerate(feed, 1):
            seen[recorded.envelope.stream] += 1
            assert recorded.position == place
            assert recorded.envelope.sequence == seen[recorded.envelope.stream]
        assert len({recorded.envelope.event_id for recorded in feed}) == len(feed)

    @invariant()
    def usage_is_what_was_counted(self) -> None:
        """K3-K5, K8: windows are the sum of what they counted, and never below 0."""
        for wallet in WALLETS:
            state = self._state(wallet_stream(wallet))
            if not isinstance(state, OpenWallet):
                continue
            counted = _counted(self.store.read(wallet_stream(wallet)))
            day = state.usage.date
            of_all = [(on, amount) for on, amount, _ in counted]
            assert state.usage.day == sum(a for on, a in of_all if on == day) >= 0
            month = sum(a for on, a in of_all if on[:7] == day[:7])
            assert state.usage.month == month >= 0
            for card, used in state.card_usage.items():
                mine = [(on, amount) for on, amount, of in counted if of == card]
                assert used == _usage(used.date, mine)
                assert min(used.day, used.week, used.month, used.year) >= 0

    @invariant()
    def snapshots_and_caches_say_what_events_say(self) -> None:
        """A1, V5: handlers, snapshots and a plain fold agree on every stream."""
        plain = StoreQueries(self.store)
        cached = StoreQueries(self.store, self.snapshots)
        assert self._views(plain) == self._views(cached)

    def _bench(self, which: int) -> Workbench:
        # The other handler may have written: so says the epoch.
        self.store.somebody_else += 1
        return self.benches[which]

    def _handle(
        self, which: int, *orders: Command | CommandRequest
    ) -> list[Committed | Rejected]:
        """E4: on a store that works, every order is done or refused, never a fault."""
        outcomes: list[Committed | Rejected] = []
        for outcome in self._bench(which).handle(*orders):
            assert isinstance(outcome, Committed | Rejected)
            assert isinstance(outcome, Committed) or isinstance(outcome.error, Refusal)
            outcomes.append(outcome)
        return outcomes

    def _state(self, stream: StreamId) -> State | None:
        return fold(r.envelope.data for r in self.store.read(stream))

    def _views(self, queries: StoreQueries | None = None) -> list[Resource | None]:
        asked = queries or StoreQueries(self.store)
        return [
            *map(asked.wallet, WALLETS),
            *map(asked.payment, PAYMENTS),
            *map(asked.medcard, CARDS),
        ]

    def _payments(self) -> list[PaymentView]:
        views = map(StoreQueries(self.store).payment, PAYMENTS)
        return [view for view in views if view is not None]

    def _money(self) -> list[tuple[WalletCredited | WalletDebited, str]]:
        return [
            (recorded.envelope.data, recorded.envelope.aggregate_id)
            for recorded in self.store.feed(0, 1_000_000)
            if isinstance(recorded.envelope.data, WalletCredited | WalletDebited)
        ]

    def _fees(self) -> int:
        feed = self.store.feed(0, 1_000_000)
        fees = (getattr(recorded.envelope.data, "fee", None) for recorded in feed)
        return sum(fee or 0 for fee in fees)


def _told(outcome: Committed | Rejected) -> object:
    if isinstance(outcome, Committed):
        return (outcome.resource, outcome.events)
    return outcome.error


def _counted(events: object) -> list[tuple[str, int, str | None]]:
    """What of each outflow stays counted, on which date, for which card (K4)."""
    counted: list[tuple[str, int, str | None]] = []
    holds: dict[str, int] = {}
    assert isinstance(events, list | tuple)
    for recorded in events:
        assert isinstance(recorded, RecordedEvent)
        event = recorded.envelope.data
        if isinstance(event, WalletHoldPlaced):
            holds[event.hold_id] = len(counted)
            counted.append((event.limit_usage.date, event.amount, event.card_id))
        elif isinstance(event, WalletHoldReleased):
            on, amount, card = counted[holds[event.hold_id]]
            counted[holds[event.hold_id]] = (on, amount - event.amount, card)
        elif isinstance(event, WalletDebited) and event.limit_usage is not None:
            counted.append((event.limit_usage.date, event.amount, None))
    return counted


def _usage(today: str, counted: list[tuple[str, int]]) -> CardUsage:
    """The windows of a card around a date, summed from what counted."""
    return CardUsage(
        date=today,
        day=sum(a for on, a in counted if on == today),
        week=sum(a for on, a in counted if week_of(on) == week_of(today)),
        month=sum(a for on, a in counted if on[:7] == today[:7]),
        year=sum(a for on, a in counted if on[:4] == today[:4]),
        all_time=sum(a for _, a in counted),
    )


TestPayments = Payments.TestCase
