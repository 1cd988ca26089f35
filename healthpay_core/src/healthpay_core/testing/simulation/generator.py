"""What happens next: one integer decides all of it."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from random import Random
from typing import Final

from healthpay_core.domain import Command
from healthpay_core.making import maker
from healthpay_core.outcome import CommandRequest
from healthpay_core.payment.commands import RefundPayment
from healthpay_core.testing.simulation.names import Names
from healthpay_core.testing.simulation.orders import Orders
from healthpay_core.testing.simulation.pools import Pools
from healthpay_core.testing.simulation.setting import currencies_of, slips_of
from healthpay_core.testing.simulation.steps import (
    FAULTS,
    RIVALS,
    Deliver,
    Fault,
    Jump,
    LoseSnapshots,
    Restart,
    Resume,
    RunSaga,
    Send,
    Step,
    Sweep,
)
from healthpay_core.testing.simulation.world import HANDLERS, World
from healthpay_core.wallet.commands import CloseWallet, SuspendWallet

_HOUR_US: Final = 3_600_000_000
_make_request = maker(CommandRequest)
_make_send = maker(Send)


class Generator:
    """Draws the steps of a story, one after the other.

    Args:
        seed: Decides everything.
        world: Is looked at, so that what is drawn makes sense.
    """

    def __init__(self, seed: int, world: World) -> None:
        self.names: Names = Names(seed)
        self._draw = Random(seed)  # noqa: S311
        self._world = world
        self._pools = Pools(
            self._draw, self.names, world.model, world.clock, currencies_of(seed)
        )
        self._orders = Orders(self._pools, slips=slips_of(seed))
        self._opening = deque(self._orders.opening())
        self._queue: deque[Step] = deque()
        self._recent: deque[CommandRequest] = deque(maxlen=24)
        self._stopped: deque[CommandRequest] = deque(maxlen=6)

    def next(self) -> Step:
        """The next step."""
        if self._opening:
            return _make_send(0, (self._request(self._opening.popleft()),))
        if self._queue:
            return self._queue.popleft()
        draw = self._draw.random()
        if draw < 0.72:
            return _make_send(self._handler(), (self._request(self._orders.any()),))
        if draw < 0.78:
            return self._faulty()
        if draw < 0.84:
            return Send(self._handler(), (self._again(),))
        if draw < 0.92:
            return self._saga()
        if draw < 0.955:
            return self._jump()
        return self._rare()

    def _rare(self) -> Step:
        draw = self._draw.random()
        if draw < 0.10:
            return self._scene()
        if draw < 0.32:
            return self._batch()
        if draw < 0.52:
            return Resume(self._handler(), self._fault() if draw < 0.44 else None)
        if draw < 0.68:
            return Deliver(self._draw.getrandbits(32))
        if draw < 0.80:
            return Sweep(self._handler(), self._fault() if draw < 0.74 else None)
        if draw < 0.90:
            return Restart(self._handler())
        return LoseSnapshots(stale=draw < 0.95)

    def _batch(self) -> Send:
        requests = [
            self._again() if self._draw.random() < 0.15 else self._any()
            for _ in range(2 + int(self._draw.random() * 4))
        ]
        if self._draw.random() >= 0.4:
            return Send(self._handler(), tuple(requests))
        # Whose answer is whose must be plain when nobody says.
        requests = list({request.command_id: request for request in requests}.values())
        fault = replace(self._fault(), nth=1)
        alone = fault.name in RIVALS
        return Send(self._handler(), tuple(requests), None if alone else fault)

    def _faulty(self) -> Send:
        fault = self._fault()
        request = self._again() if self._draw.random() < 0.25 else self._any()
        if fault.meanwhile is not None and self._draw.random() < 0.6:
            fault = replace(fault, meanwhile=self._rival(request, fault.meanwhile))
        return Send(self._handler(), (request,), replace(fault, nth=1))

    def _rival(self, request: CommandRequest, other: CommandRequest) -> CommandRequest:
        """The very same command of somebody else, where it is not a saga's step."""
        if not self.names.is_key(request.command_id):
            return other
        return replace(request, command_id=self.names.key(), expected_version=None)

    def _scene(self) -> Step:
        """Both wallets of a refund try to leave while it is under way."""
        payment = self._orders.payments.refundable()
        if payment is None:
            return self._saga()
        order = payment.order
        leaving = [
            CloseWallet(wallet_id=wallet_id, sweep_to=self._pools.wallet())
            for wallet_id in (order.payer_wallet_id, order.merchant_wallet_id)
        ]
        refund = RefundPayment(payment_id=order.payment_id)
        stops = 1 + int(self._draw.random() * 3)
        steps: list[Step] = [
            Send(self._handler(), (self._request(leaving[0]),)),
            RunSaga(self._handler(), self._request(refund, plain=True), stops),
            Send(self._handler(), (self._request(leaving[1]),)),
        ]
        if self._draw.random() < 0.5:
            steps[0], steps[1] = steps[1], steps[0]
        self._queue.extend(steps)
        return self._queue.popleft()

    def _saga(self) -> RunSaga:
        if self._stopped and self._draw.random() < 0.2:
            request = self._stopped[int(self._draw.random() * len(self._stopped))]
        else:
            request = self._request(self._orders.saga(), plain=True)
            self._recent.pop()
        draw = self._draw.random()
        stops = 1 + int(self._draw.random() * 5) if draw < 0.5 else None
        fault = self._fault() if 0.5 <= draw < 0.7 else None
        if stops is not None or fault is not None:
            self._stopped.append(request)
            self._orders.stopped(request.command)
            self._suspend_midway(request.command)
            if self._draw.random() < 0.2:
                self._queue.append(Resume(self._handler(), self._fault()))
        return RunSaga(self._handler(), request, stops, fault)

    def _suspend_midway(self, command: Command) -> None:
        """What was set aside so as to close is settled all the same (W5)."""
        if isinstance(command, CloseWallet) and self._draw.random() < 0.4:
            order = SuspendWallet(wallet_id=command.wallet_id, reason_code="fraud")
            self._queue.append(Send(self._handler(), (self._request(order),)))
            self._queue.append(Resume(self._handler()))

    def _again(self) -> CommandRequest:
        """A retry of an earlier request, or another under its key."""
        waiting = self._world.judge.open
        if waiting and self._draw.random() < 0.4:
            keys = list(waiting)
            return waiting[keys[int(self._draw.random() * len(keys))]]
        if not self._recent:
            return self._any()
        request = self._recent[int(self._draw.random() * len(self._recent))]
        if self._draw.random() < 0.75:
            return request
        return replace(request, command=self._orders.any(), fingerprint=b"another")

    def _any(self) -> CommandRequest:
        return self._request(self._orders.any())

    def _request(self, command: Command, *, plain: bool = False) -> CommandRequest:
        expected = None
        if not plain and self._draw.random() < 0.06:
            view = self._world.model.view(command)
            version = 0 if view is None else view["version"]
            assert isinstance(version, int)
            expected = version - (self._draw.random() < 0.4)
        request = _make_request(
            command=command,
            command_id=self.names.key(),
            fingerprint=b"asked",
            expected_version=expected,
        )
        self._recent.append(request)
        return request

    def _handler(self) -> int:
        return int(self._draw.random() * HANDLERS)

    def _fault(self) -> Fault:
        name = FAULTS[int(self._draw.random() * len(FAULTS))]
        meanwhile = self._any() if name == "another first" else None
        return Fault(name, 1 + int(self._draw.random() * 3), meanwhile)

    def _jump(self) -> Jump:
        by_us = self._by_us()
        if self._draw.random() < 0.15:
            self._queue.append(Sweep(self._handler()))
        return Jump(by_us)

    def _by_us(self) -> int:
        clock, draw = self._world.clock, self._draw.random()
        now = clock.now()
        today = clock.business_day(now)
        some = self._draw.random()
        if draw < 0.30:
            return 1 + int(some * 120_000_000)
        if draw < 0.45:
            return int(some * 12 * _HOUR_US)
        if draw < 0.60:
            # The last instant of the day, the first of the next, a while after.
            return today.ends_at - now + (-1, 0, _HOUR_US)[int(some * 3)]
        if draw < 0.68:
            return today.month_ends_at - now + (-1, 0, 1)[int(some * 3)]
        if draw < 0.86:
            return self._to_an_expiry(now)
        if draw < 0.93:
            return -int(some * 30 * _HOUR_US)
        return int(some * 10 * 24 * _HOUR_US)

    def _to_an_expiry(self, now: int) -> int:
        ends = [
            payment.expires_at
            for payment in self._world.model.rows.payments.values()
            if payment.status == "authorized"
            and payment.expires_at is not None
            and payment.expires_at > now
        ]
        if not ends:
            return 1_000_000
        return min(ends) - now - (self._draw.random() < 0.4)
