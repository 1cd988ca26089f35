"""A machine that plays any commands, and looks at the books after each (C3, C6)."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from healthpay_core import (
    Command,
    CommandRequest,
    InMemoryEventStore,
    LimitPolicy,
    WalletCredited,
    WalletDebited,
)
from healthpay_core.testing import ScriptedStore, Workbench, funded
from healthpay_core.testing.stores import (
    conflict,
    lose_the_answer,
    lose_the_append,
    unavailable,
)
from healthpay_core.testing.strategies import WALLETS, commands, policies, requests

STEPS = (conflict, unavailable, lose_the_answer, lose_the_append)


class Books(RuleBasedStateMachine):
    """Two handlers on one store that misbehaves at times; the books are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.store = ScriptedStore()
        self.snapshots = InMemoryEventStore()
        self.benches: list[Workbench] = []
        self.sums: Counter[str] = Counter()
        self.seen = 0

    @initialize(policy=policies())
    def open(self, policy: LimitPolicy) -> None:
        """Two handlers, three wallets with money."""
        self.benches = [
            Workbench(
                self.store, policy=policy, snapshots=self.snapshots, snapshot_every=4
            )
            for _ in range(2)
        ]
        for wallet in WALLETS:
            self._bench(0).handle(*funded(wallet, 30))

    @rule(which=st.integers(0, 1), batch=st.lists(commands(), max_size=5))
    def play(self, which: int, batch: list[Command]) -> None:
        """Any commands, by either handler."""
        self._bench(which).handle(*batch)

    @rule(which=st.integers(0, 1), batch=st.lists(requests(), max_size=5))
    def ask(self, which: int, batch: list[CommandRequest]) -> None:
        """Any requests, some of them repeated, by either handler."""
        self._bench(which).handle(*batch)

    @rule(hours=st.integers(1, 40 * 24))
    def wait(self, hours: int) -> None:
        """Time passes for both."""
        for bench in self.benches:
            bench.clock.advance(hours=hours)

    @rule(steps=st.lists(st.sampled_from(STEPS), max_size=4))
    def disturb(self, steps: list[object]) -> None:
        """The next appends go wrong."""
        self.store.script.clear()
        self.store.script.extend(steps)  # type: ignore[arg-type]

    @invariant()
    def money_is_conserved(self) -> None:
        """C6: what is in the wallets came from the counter-accounts."""
        for recorded in self.store.feed(self.seen, 100_000):
            event = recorded.envelope.data
            self.seen = recorded.position
            if isinstance(event, WalletCredited | WalletDebited):
                sign = 1 if isinstance(event, WalletCredited) else -1
                external = event.counter_account.startswith("external:")
                self.sums["outside" if external else "between"] += sign * event.amount
        assert self.sums["between"] == 0
        views = [b.queries.wallet(w) for b in self.benches[:1] for w in WALLETS]
        assert sum(view.balance for view in views if view) == self.sums["outside"]

    @invariant()
    def no_wallet_owes(self) -> None:
        """C3: 0 <= held <= balance."""
        for bench in self.benches[:1]:
            for wallet in WALLETS:
                view = bench.queries.wallet(wallet)
                assert view is None or 0 <= view.held <= view.balance

    def _bench(self, which: int) -> Workbench:
        # The other handler may have written: so says the epoch.
        self.store.somebody_else += 1
        return self.benches[which]


TestBooks = Books.TestCase
