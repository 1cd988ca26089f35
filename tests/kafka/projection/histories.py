"""Histories of wallets, and the records of the log that they become."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from healthpay_core import (
    NO_LIMITS,
    ActivateWallet,
    AuthorizePayment,
    CapturePayment,
    Command,
    CommandHandler,
    CommandRequest,
    InMemoryEventStore,
    ManualClock,
    RecordedEvent,
    SuspendWallet,
    new_id,
)
from healthpay_core.testing import NOW, deposit, funded, payment, transfer, withdrawal
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.projection import LogRecord, Partition
from healthpay_wire.cloudevents import encode_structured
from healthpay_wire.envelopes import digest

TOPIC = "healthpay.events.wallet"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class History:
    """A service that makes events of wallets, the same for the same seed.

    The first wallet is a merchant's; some of the others pay it by authorisation
    and capture. Every few commands an hour goes by.

    Args:
        seed: Decides amounts and wallets; ids are new each time.
        wallets: How many, at least 2; each gets three events at once.
    """

    def __init__(self, seed: int, wallets: int = 5) -> None:
        self._random = random.Random(seed)
        self._store = InMemoryEventStore(digest=digest)
        self._clock = ManualClock(NOW)
        self._handler = CommandHandler(self._store, policy=NO_LIMITS, clock=self._clock)
        self._position = 0
        self.wallets = [new_id() for _ in range(wallets)]
        for wallet in self.wallets[1:]:
            self._do(funded(wallet, 50_000))
        self._do(funded(self.wallets[0], 50_000, wallet_type="merchant"))

    def go_on(self, commands: int) -> Sequence[RecordedEvent]:
        """So many more intents; what all wallets brought since the last call."""
        for _ in range(commands):
            self._do(self._intent())
            if self._random.random() < 0.2:
                self._clock.advance(hours=1)
        events: list[RecordedEvent] = []
        while page := self._store.feed(after=self._position):
            self._position = page[-1].position
            events += [e for e in page if e.envelope.stream.startswith("wallet/")]
        return events

    def _intent(self) -> tuple[Command, ...]:
        wallet, other = self._random.sample(self.wallets, 2)
        amount = self._random.randint(1, 5_000)
        match self._random.randrange(8):
            case 0 | 1 | 2:
                return (deposit(wallet, amount),)
            case 3 | 4:
                return (withdrawal(wallet, amount),)
            case 5:
                return (transfer(wallet, other, amount),)
            case 6:
                order = payment(other, self.wallets[0], amount, name=new_id())
                authorize = AuthorizePayment(payment_id=order.payment_id)
                capture = CapturePayment(payment_id=order.payment_id)
                return (order, authorize, capture)[: self._random.randint(2, 3)]
            case _:
                if self._random.random() < 0.3:
                    return (SuspendWallet(wallet_id=wallet, reason_code="other"),)
                return (ActivateWallet(wallet_id=wallet),)

    def _do(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self._handler.handle(CommandRequest(command=command, traceparent=TRACE))


def records_of(
    events: Iterable[RecordedEvent], partitions: int = 3, topic: str = TOPIC
) -> list[LogRecord]:
    """The events as a log without faults holds them."""
    ends: Counter[int] = Counter()
    return [_record(event, partitions, topic, ends) for event in events]


def _record(
    event: RecordedEvent, partitions: int, topic: str, ends: Counter[int]
) -> LogRecord:
    key = event.envelope.aggregate_id
    number = partition_of(key, partitions)
    ends[number] += 1
    value = encode_structured(event)
    place = Partition(topic, number)
    return LogRecord(place, ends[number] - 1, key.encode(), value)


def disturbed(events: Sequence[RecordedEvent], seed: int) -> list[RecordedEvent]:
    """The same events as a bad relay sends them: some again, some too early."""
    source = random.Random(seed)
    sent: list[RecordedEvent] = []
    for event in events:
        sent.append(event)
        if source.random() < 0.2:
            start = source.randrange(len(sent))
            sent += sent[start : start + source.randint(1, 6)]
        if source.random() < 0.1 and len(sent) > 1:
            sent[-1], sent[-2] = sent[-2], sent[-1]
    return sent


def batches(records: Sequence[LogRecord], seed: int) -> Iterator[Sequence[LogRecord]]:
    """The records in batches of any size."""
    source, at = random.Random(seed), 0
    while at < len(records):
        size = source.randint(1, 20)
        yield records[at : at + size]
        at += size
