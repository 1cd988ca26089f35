"""Torn, aborted and repeated transactions are harmless (R1 to R5), story by story."""

from __future__ import annotations

from collections import Counter, defaultdict
from random import Random

import pytest

from healthpay_core import (
    AuthorizePayment,
    CapturePayment,
    CloseWallet,
    Command,
    CommandRequest,
    Committed,
    CreateWallet,
    InitiatePayment,
    RefundPayment,
    Rejected,
    State,
    StreamId,
    SuspendWallet,
    TransferFunds,
    derive_id,
    domain,
)
from healthpay_core.testing import deposit, funded, wallet_id, withdrawal
from healthpay_core.wallet.events import WalletCredited, WalletDebited
from tests.kafka.memory_log import MemoryLog

WALLETS = [wallet_id(name) for name in "abcdef"]
SHOP = wallet_id("shop")


class Story:
    """Poor wallets, so that the order of things matters; one seed decides all."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)
        self.log = MemoryLog(partitions=3, remembers=seed % 2 == 0)
        self.sent: list[CommandRequest] = []
        self.payments: list[str] = []
        self.number = 0
        for wallet in WALLETS:
            self.send(*funded(wallet, 30))
        shop = CreateWallet(
            wallet_id=SHOP,
            owner_id="m",
            wallet_type="merchant",
            currency="EGP",
            kyc_level="full",
        )
        self.send(shop, *funded(SHOP, 5)[1:])

    def send(self, *commands: Command) -> None:
        """Put commands into the log."""
        for command in commands:
            self.number += 1
            command_id = derive_id(f"{self.number} of the story")
            request = CommandRequest(
                command=command, command_id=command_id, fingerprint=b"f"
            )
            self.sent.append(request)
            self.log.ask(request)

    def step(self) -> None:
        """Something happens: a command, a retry, a batch, a fault."""
        draw = self.draw.random()
        number = self.draw.randrange(self.log.partitions)
        most = self.draw.randint(1, 12)
        if draw < 0.02:
            # Refused, but not for good, until it is there.
            late = wallet_id(f"late {self.number // 50}")
            self.send(self.draw.choice([deposit(late, 2), *funded(late, 3)]))
        elif draw < 0.35:
            self.send(self._command())
        elif draw < 0.42:
            self.log.ask(self.draw.choice(self.sent))
        elif draw < 0.80:
            self.log.run(number, most)
        elif draw < 0.86:
            self.log.abort(number, most)
        elif draw < 0.95:
            self.log.tear(number, most, self.draw)
        elif draw < 0.97:
            self.log.checkpoint(number)
        elif draw < 0.98:
            self.log.take_over(number)
        elif draw < 0.99:
            self.log.leave(number)
        else:
            self.log.come_back(number)

    def _command(self) -> Command:
        some, other = self.draw.sample([*WALLETS, SHOP], 2)
        amount = self.draw.randint(1, 25)
        draw = self.draw.random()
        if draw < 0.15:
            return deposit(some, amount)
        if draw < 0.25:
            return withdrawal(some, amount)
        if draw < 0.60:
            return TransferFunds(
                transfer_id=derive_id(f"transfer {self.number}"),
                source_wallet_id=some,
                destination_wallet_id=other,
                amount=amount,
                currency="EGP",
            )
        if draw < 0.70 or not self.payments:
            payment_id = derive_id(f"payment {self.number}")
            self.payments.append(payment_id)
            return InitiatePayment(
                payment_id=payment_id,
                payer_wallet_id=self.draw.choice(WALLETS),
                merchant_wallet_id=SHOP,
                amount=amount,
                currency="EGP",
            )
        payment_id = self.draw.choice(self.payments[-4:])
        if draw < 0.80:
            return AuthorizePayment(payment_id=payment_id)
        if draw < 0.88:
            return CapturePayment(payment_id=payment_id)
        if draw < 0.94:
            return RefundPayment(payment_id=payment_id)
        if draw < 0.97:
            return SuspendWallet(wallet_id=some, reason_code="fraud")
        return CloseWallet(wallet_id=some, sweep_to=other)

    def rest(self) -> None:
        """Every command is asked again by its caller, until all is answered."""
        self.log.settle()
        for request in self.sent:
            self.log.ask(request, reply_to=1)
        self.log.settle()


def audit(log: MemoryLog) -> None:
    """Money conserved, no half process, the chains whole; at rest."""
    states: dict[StreamId, State] = {}
    links: dict[str, bytes] = {}
    legs: Counter[tuple[str, str]] = Counter()
    came, went = 0, 0
    for recorded in log.events():
        stream, event = recorded.envelope.stream, recorded.envelope.data
        assert recorded.prev_hash == links.get(stream, bytes(32))
        links[stream] = recorded.hash
        states[stream] = domain.evolve(states.get(stream), event)
        if isinstance(event, WalletCredited | WalletDebited):
            sign = 1 if isinstance(event, WalletCredited) else -1
            if event.counter_account.startswith("external:"):
                came += sign * event.amount
            else:
                related = event.related
                assert related is not None
                key = related.transfer_id or related.payment_id or ""
                legs[key, "net"] += sign * event.amount
    total = sum(getattr(state, "balance", 0) for state in states.values())
    assert total == came - went
    assert not +legs, "money in both"
    assert not -legs, "money in neither"
    for number in range(log.partitions):
        assert not log.owned[number].holdings.pending.committed
    for name, state in states.items():
        if name.startswith("transfer/"):
            assert type(state).__name__ in ("CompletedTransfer", "FailedTransfer")


def answers_agree(log: MemoryLog) -> None:
    """One effect, one answer: whoever asks again is told the same for good."""
    first: dict[str, object] = {}
    for partition in (0, 1):
        for outcome in log.replies(partition):
            if isinstance(outcome, Committed):
                told: object = (outcome.resource, outcome.events)
            else:
                assert isinstance(outcome, Rejected)
                if not outcome.error.pinned:
                    continue
                told = outcome.error
            assert first.setdefault(outcome.command_id, told) == told


@pytest.mark.parametrize("seed", range(40))
def test_no_fault_makes_or_loses_money(seed: int) -> None:
    """R1-R5, T5, T6, I4: torn, aborted, repeated: one effect, all comes to rest."""
    story = Story(seed)
    for _ in range(250):
        story.step()
    story.rest()
    audit(story.log)
    answers_agree(story.log)
    answered = {outcome.command_id for outcome in story.log.replies(1)}
    assert answered == {request.command_id for request in story.sent}
    assert story.log.dead() == []


@pytest.mark.parametrize("seed", range(40, 60))
def test_a_partition_is_a_function_of_its_log(seed: int) -> None:
    """R2, R4: other batches, other restarts, the same events to the last byte."""
    story = Story(seed)
    for _ in range(200):
        story.step()
    story.rest()
    for number in range(story.log.partitions):
        again = MemoryLog(partitions=3)
        commands = (story.log.topics.commands, number)
        again.records[commands] = story.log.records[commands]
        while again.run(number, 1):
            pass
        for topic in story.log.topics.events:
            mine = _first_of_each(story.log, topic, number)
            assert _first_of_each(again, topic, number) == mine


def _first_of_each(log: MemoryLog, topic: str, number: int) -> dict[str, list[bytes]]:
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    for _, record in log.records[topic, number]:
        assert record.key is not None
        assert record.value is not None
        if record.value not in found[record.key]:
            found[record.key].append(record.value)
    return dict(found)
