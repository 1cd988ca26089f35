"""Clients of a gateway: poor wallets, so that the order of things matters."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from random import Random

from healthpay_core import (
    ActivateWallet,
    AuthorizePayment,
    CapturePayment,
    CloseWallet,
    Command,
    CommandRequest,
    Decided,
    RefundPayment,
    Rejected,
    SuspendWallet,
    Unknown,
    VoidPayment,
)
from healthpay_core.catalogue import Code
from healthpay_core.testing import (
    card_id,
    deposit,
    funded,
    issued,
    payment,
    request,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_kafka.gateway import KafkaGateway

_PATIENCE_S = 120.0


class Traffic:
    """Sends commands from several threads until it is stopped.

    Args:
        gateway: Where to.
        seed: Decides what is sent, though not in which order it arrives.
        clients: Threads.
    """

    def __init__(self, gateway: KafkaGateway, seed: int, *, clients: int = 6) -> None:
        self.sent: list[CommandRequest] = []
        self.outcomes: list[Decided] = []
        self.answered_at: list[float] = []
        self.unknown = 0
        self._gateway = gateway
        self._seed = seed
        self._wallets = [wallet_id(f"{seed}/{name}") for name in "abcdef"]
        self._shop = wallet_id(f"{seed}/shop")
        self._cards = {w: card_id(f"{seed}/{w}") for w in self._wallets[:2]}
        self._payments: list[str] = []
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._client, args=(n,), daemon=True)
            for n in range(clients)
        ]

    def open(self) -> None:
        """Make the wallets and their cards."""
        commands = [c for wallet in self._wallets for c in funded(wallet, 30)]
        commands += funded(self._shop, 5, wallet_type="merchant")
        commands += [c for w, card in self._cards.items() for c in issued(card, w)]
        for number, command in enumerate(commands):
            self.insist(request(command, f"{self._seed}/open/{number}"))

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop to send; what has no answer is asked again by `rest`."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def rest(self) -> None:
        """Every command is asked again by its caller, until all are answered."""
        self.stop()
        callers = [
            threading.Thread(target=self._ask_again, args=(self.sent[n::8],))
            for n in range(8)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        answered = {outcome.command_id for outcome in self.outcomes}
        assert answered == {asked.command_id for asked in self.sent}

    def rest_at(self, gateway: KafkaGateway) -> None:
        """The same, of another gateway."""
        self._gateway = gateway
        self.rest()

    def insist(self, asked: CommandRequest) -> Decided:
        """Ask until there is an answer."""
        self.sent.append(asked)
        return self._again(asked)

    def pauses(self, began: list[tuple[str, float]]) -> list[str]:
        """For each phase but the last, the longest time without any answer."""
        texts = []
        for (name, start), (_, end) in pairwise(began):
            at = [start, *sorted(t for t in self.answered_at if start < t < end), end]
            longest = max(b - a for a, b in pairwise(at))
            texts.append(f"{name} {longest:.1f} s")
        return texts

    def _ask_again(self, sent: list[CommandRequest]) -> None:
        for asked in sent:
            self._again(asked)

    def _again(self, asked: CommandRequest) -> Decided:
        until = time.monotonic() + _PATIENCE_S
        tries = 0
        while time.monotonic() < until:
            tries += 1
            outcome = self._send(asked)
            if outcome is not None:
                return outcome
        raise AssertionError(f"no answer in {tries} tries: {asked}")

    def _send(self, asked: CommandRequest) -> Decided | None:
        outcome = self._gateway.execute(asked)
        if isinstance(outcome, Unknown):
            self.unknown += 1
            return None
        if isinstance(outcome, Rejected) and outcome.error.code in (
            Code.IDEMPOTENCY_KEY_IN_USE,
            Code.STORE_UNAVAILABLE,
        ):
            time.sleep(0.02)
            return None
        self.answered_at.append(time.monotonic())
        self.outcomes.append(outcome)
        return outcome

    def _client(self, number: int) -> None:
        draw = Random(self._seed * 1000 + number)
        count = 0
        while not self._stopping.is_set():
            count += 1
            if draw.random() < 0.08 and self.sent:
                self._send(draw.choice(self.sent))
                continue
            name = f"{self._seed}/{number}/{count}"
            asked = request(self._command(draw, name), name, fingerprint=b"f")
            self.sent.append(asked)
            self._send(asked)

    def _command(self, draw: Random, name: str) -> Command:
        some, other = draw.sample([*self._wallets, self._shop], 2)
        amount = draw.randint(1, 25)
        choice = draw.random()
        if choice < 0.14:
            return deposit(some, amount)
        if choice < 0.24:
            return withdrawal(some, amount)
        if choice < 0.58:
            return transfer(some, other, amount, name=name)
        if choice < 0.68 or not self._payments:
            payer = draw.choice(self._wallets)
            agreed = payment(
                payer,
                self._shop,
                amount,
                name=name,
                automatic=draw.random() < 0.3,
                card=self._cards.get(payer),
            )
            self._payments.append(agreed.payment_id)
            return agreed
        return self._later(draw, some, other, name)

    def _later(self, draw: Random, some: str, other: str, name: str) -> Command:
        paid = draw.choice(self._payments[-6:])
        choice = draw.random()
        if choice < 0.35:
            return AuthorizePayment(payment_id=paid)
        if choice < 0.60:
            return CapturePayment(payment_id=paid)
        if choice < 0.75:
            return RefundPayment(payment_id=paid)
        if choice < 0.80:
            return VoidPayment(payment_id=paid)
        if choice < 0.83:
            return SuspendWallet(wallet_id=some, reason_code="fraud")
        if choice < 0.94:
            return ActivateWallet(wallet_id=some, reason_code="cleared")
        if choice < 0.97 and some != self._shop:
            return CloseWallet(wallet_id=self._fresh(draw, name), sweep_to=other)
        return transfer(other, some, 1, name=name)

    def _fresh(self, draw: Random, name: str) -> str:
        """A wallet that may go: the six would soon all be closed."""
        wallet = wallet_id(f"{name}/fresh")
        for number, command in enumerate(funded(wallet, draw.randint(0, 9) + 1)):
            asked = request(command, f"{name}/fresh/{number}")
            self.sent.append(asked)
            self._send(asked)
        return wallet
