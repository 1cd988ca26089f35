"""A stateful machine over any command port, beside the reference model.

It needs the extra ``healthpay-core[testing]``.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from healthpay_core.clock import ManualClock
from healthpay_core.domain import Command
from healthpay_core.medcard.events import CardLimits
from healthpay_core.outcome import CommandRequest
from healthpay_core.payment.commands import (
    CapturePayment,
    ExpireAuthorization,
    VoidPayment,
)
from healthpay_core.policy import LimitPolicy
from healthpay_core.ports import CommandPort
from healthpay_core.queries import QueryPort
from healthpay_core.testing.builders import NOW, command_id, deposit, withdrawal
from healthpay_core.testing.command_strategies import STEPS, every_command, steps
from healthpay_core.testing.model import PREDICTED, ReferenceModel, difference
from healthpay_core.testing.model.prediction import view_difference
from healthpay_core.testing.payment_strategies import (
    MERCHANTS,
    PAYERS,
    agreements,
    card_limits,
    opening,
    orders,
    payment_orders,
    tight_policies,
)
from healthpay_core.testing.probes import probes_of
from healthpay_core.testing.strategies import holds_of, transfers_between

_HOURS: Final = st.integers(1, 30) | st.integers(-48, 24 * 40)


class CommandPortMachine(RuleBasedStateMachine):
    """Plays any commands at a port, and predicts each outcome by brute force.

    After every step the two are compared: the exact code of a refusal and its
    figures, the resource, whether it is a replay; then every balance, hold, status
    and version. A few lines make it a test of your port:

    ```python
    class MyMachine(CommandPortMachine):
        def open_port(self, clock: ManualClock, policy: LimitPolicy) -> CommandPort:
            return MyPort(clock, policy)

    TestMyPort = MyMachine.TestCase
    ```

    To test a store, put it behind a handler that keeps nothing in memory
    (``cached_streams=1, cached_receipts=0``), else that answers instead of the
    store; and say `reopen_port`. How long it plays is up to Hypothesis's settings.

    Attributes:
        clock: The time of the port and of the model.
        model: What should have happened.
        takes_steps: Whether the port is also given steps of processes, which no
            edge lets through; set it for a port in your own process.
    """

    takes_steps: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.clock: ManualClock = ManualClock(NOW)
        self.model: ReferenceModel | None = None
        self._port: CommandPort | None = None
        self._queries: QueryPort | None = None
        self._asked: list[CommandRequest] = []
        self._loop = asyncio.new_event_loop()

    def open_port(self, clock: ManualClock, policy: LimitPolicy) -> CommandPort:
        """A port over an empty store, which takes its time from this clock."""
        raise NotImplementedError

    def open_queries(self, port: CommandPort) -> QueryPort | None:
        """What shows the resources; None when only outcomes can be looked at.

        Without it the machine probes: it gives orders that must be refused, and
        whose refusals tell versions, balances and holds.
        """
        del port
        return None

    def reopen_port(self, port: CommandPort) -> CommandPort:
        """The port closed, and another one over the same store.

        Say it, and the machine does it now and then: what is not stored is not
        there any more. Where it is not said no port is ever reopened.
        """
        return port

    def close_port(self, port: CommandPort) -> None:
        """Let go of what `open_port` or `reopen_port` has opened."""

    @initialize(
        policy=tight_policies(),
        limits=card_limits(),
        agreed=st.lists(agreements(), min_size=2, max_size=5),
    )
    def begin(
        self, policy: LimitPolicy, limits: CardLimits, agreed: list[tuple[Command, ...]]
    ) -> None:
        """Payers with money and a card each, merchants, payments."""
        self.model = ReferenceModel(policy)
        self._port = self.open_port(self.clock, policy)
        self._queries = self.open_queries(self._port)
        for command in (*opening(limits), *(c for batch in agreed for c in batch)):
            self._give(command)

    @rule(order=orders(), on_a_loop=st.booleans())
    def order(self, order: Command, *, on_a_loop: bool) -> None:
        """Any order on wallets, cards and payments (E2)."""
        self._give(order, on_a_loop=on_a_loop)

    @rule(order=transfers_between(PAYERS + MERCHANTS))
    def transfer(self, order: Command) -> None:
        """A transfer between any two, or one and itself (T1-T4)."""
        self._give(order)

    @rule(order=every_command())
    def stray(self, order: Command) -> None:
        """Any command of the catalogue that the port takes, possible or not."""
        is_step = isinstance(order, STEPS)
        if type(order) in PREDICTED and (self.takes_steps or not is_step):
            self._give(order)

    @precondition(lambda self: self.takes_steps)
    @rule(order=steps())
    def step(self, order: Command) -> None:
        """A step of a process that the model knows (T5, T6)."""
        if type(order) in PREDICTED:
            self._give(order)

    @rule(
        wallet=st.sampled_from(PAYERS + MERCHANTS),
        amounts=st.lists(st.integers(-400, 400), min_size=2, max_size=6),
    )
    def move(self, wallet: str, amounts: list[int]) -> None:
        """Money out and in again, as one does who washes limits (K3)."""
        for amount in amounts:
            move = withdrawal if amount < 0 else deposit
            self._give(move(wallet, abs(amount)))

    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """Several orders on a payment that is held or captured (P4-P15)."""
        names = self._payments("authorized", "captured", "partially_refunded")
        if names:
            payment = data.draw(st.sampled_from(names), label="payment")
            some = st.lists(payment_orders([payment]), min_size=1, max_size=6)
            for order in data.draw(some, label="orders"):
                self._give(order)

    @rule(
        hours=st.integers(12, 60) | _HOURS,
        first=st.integers(1, 150),
        then=st.integers(50, 900),
        data=st.data(),
    )
    def free(self, hours: int, first: int, then: int, data: st.DataObject) -> None:
        """Later something new counts, an older hold is let go, all is spent (K4)."""
        rows = {} if self.model is None else self.model.rows.payments
        older = self._payments("authorized")
        if older:
            payment = data.draw(st.sampled_from(older), label="payment")
            payer = rows[payment].order.payer_wallet_id
            self.wait(hours)
            self._give(withdrawal(payer, first))
            ends: tuple[Command, ...] = (
                VoidPayment(payment_id=payment),
                ExpireAuthorization(payment_id=payment),
                CapturePayment(payment_id=payment, amount=1),
            )
            self._give(data.draw(st.sampled_from(ends), label="order"))
            self._give(withdrawal(payer, then))

    @rule(batch=agreements())
    def agree(self, batch: tuple[Command, ...]) -> None:
        """A payment is agreed on and authorised (P1, P2)."""
        for order in batch:
            self._give(order)

    @precondition(lambda self: self.takes_steps)
    @rule(orders=st.lists(holds_of(PAYERS[:1]), min_size=2, max_size=5))
    def hold(self, orders: list[Command]) -> None:
        """Holds of one wallet are placed, captured and released (K5, P16)."""
        for order in orders:
            self._give(order)

    @rule(place=st.integers(0, 1000), on_a_loop=st.booleans())
    def ask_again(self, place: int, *, on_a_loop: bool) -> None:
        """An earlier request to the letter (I4, P15)."""
        earlier = self._asked[place % len(self._asked)]
        self._ask(earlier, on_a_loop=on_a_loop)

    @rule(place=st.integers(0, 1000), order=orders())
    def reuse_key(self, place: int, order: Command) -> None:
        """Another request under an earlier key (I3)."""
        earlier = self._asked[place % len(self._asked)]
        # Without one, the command itself says that it is another.
        fingerprint = earlier.fingerprint and b"other"
        self._ask(replace(earlier, command=order, fingerprint=fingerprint))

    @rule(place=st.integers(0, 1000))
    def repeat(self, place: int) -> None:
        """An earlier command under a new key: done once more, or refused."""
        self._give(self._asked[place % len(self._asked)].command)

    @rule(order=orders(), off=st.integers(-1, 1))
    def on_version(self, order: Command, off: int) -> None:
        """An order on a version that is the current one, or is not (V3)."""
        view = {} if self.model is None else self.model.view(order) or {}
        version = view.get("version", 0)
        assert isinstance(version, int)
        self._give(order, expected_version=version + off)

    @rule(hours=_HOURS)
    def wait(self, hours: int) -> None:
        """Time passes, and now and then a clock is set back (K8)."""
        self.clock.advance(hours=hours)

    @precondition(
        lambda self: type(self).reopen_port is not CommandPortMachine.reopen_port
    )
    @rule(place=st.integers(0, 1000))
    def reopen(self, place: int) -> None:
        """What was answered outlives who answered it, and is answered again (I7)."""
        assert self._port is not None
        self._port = self.reopen_port(self._port)
        self._queries = self.open_queries(self._port)
        self._ask(self._asked[place % len(self._asked)])

    @invariant()
    def all_is_as_predicted(self) -> None:
        """Every resource that the model has is what the port says it is (V5, P18)."""
        if self.model is None:
            return
        if self._queries is not None:
            self._look(self.model, self._queries)
        else:
            self._probe(self.model)

    def teardown(self) -> None:
        """Let go of the port."""
        if self._port is not None:
            self.close_port(self._port)
        self._loop.close()

    def _give(
        self,
        command: Command,
        *,
        on_a_loop: bool = False,
        expected_version: int | None = None,
    ) -> None:
        request = CommandRequest(
            command=command,
            command_id=command_id(f"given {len(self._asked)}"),
            fingerprint=b"asked" if len(self._asked) % 2 else b"",
            expected_version=expected_version,
        )
        self._asked.append(request)
        self._ask(request, on_a_loop=on_a_loop)

    def _ask(self, request: CommandRequest, *, on_a_loop: bool = False) -> None:
        assert self.model is not None
        assert self._port is not None
        now = self.clock.now()
        today = self.clock.business_day(now)
        prediction = self.model.play(request, now=now, today=today)
        if on_a_loop:
            outcome = self._loop.run_until_complete(self._port.submit(request))
        else:
            outcome = self._port.execute(request)
        found = difference(prediction, outcome)
        assert found is None, f"{request.command}: {found}"

    def _payments(self, *statuses: str) -> list[str]:
        rows = {} if self.model is None else self.model.rows.payments
        return [name for name, row in rows.items() if row.status in statuses]

    def _look(self, model: ReferenceModel, queries: QueryPort) -> None:
        rows = model.rows
        for kind, table, show in (
            ("wallet", rows.wallets, queries.wallet),
            ("transfer", rows.transfers, queries.transfer),
            ("payment", rows.payments, queries.payment),
            ("card", rows.cards, queries.medcard),
        ):
            for name, row in table.items():
                found = view_difference(row.view(), show(name))
                assert found is None, f"{kind} {name}: {found}"

    def _probe(self, model: ReferenceModel) -> None:
        for probe in probes_of(model.rows):
            self._ask(probe)
