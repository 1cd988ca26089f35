"""What clients sent and were told, and whether a store agrees with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from random import Random

import orjson

from healthpay_core import EventStore, RecordedEvent, StoreQueries, new_id
from healthpay_wire.verify import verify_chain
from tests.simulation.driving import Answer

FUNDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One command of a client, and what it does to balances if it commits."""

    key: str
    path: str
    body: bytes
    effects: Mapping[str, int]


def intent(
    path: str, effects: Mapping[str, int] | None = None, **members: object
) -> Intent:
    """A command with a key of its own."""
    body = orjson.dumps(members)
    return Intent(key=new_id(), path=path, body=body, effects=effects or {})


@dataclass
class Ledger:
    """The clients' own books.

    Attributes:
        answers: The final answer to each key.
        in_doubt: Sent and not answered: may have taken effect, or not.
    """

    answers: dict[str, tuple[Intent, Answer]] = field(default_factory=dict)
    in_doubt: dict[str, Intent] = field(default_factory=dict)
    wallets: list[str] = field(default_factory=list)

    def opening(self, wallets: int) -> Iterator[Intent]:
        """What makes wallets with funds in them."""
        for _ in range(wallets):
            wallet = new_id()
            self.wallets.append(wallet)
            yield intent(
                "/v1/wallets",
                walletId=wallet,
                ownerId="o",
                walletType="personal",
                currency="EGP",
                kycLevel="full",
            )
            yield intent(f"/v1/wallets/{wallet}/activate")
            yield self._credit(wallet, FUNDS)

    def commands(self, random: Random) -> Iterator[Intent]:
        """Credits, debits and transfers without end; some are refused."""
        for _ in count():
            one, other = random.sample(self.wallets, 2)
            amount = random.choice((1, 250, 12_550, FUNDS // 2))
            kind = random.random()
            if kind < 0.3:
                yield self._credit(one, amount)
            elif kind < 0.6:
                yield intent(
                    f"/v1/wallets/{one}/debit",
                    {one: -amount},
                    amount=amount,
                    currency="EGP",
                    reason="withdrawal",
                )
            else:
                yield intent(
                    "/v1/transfers",
                    {one: -amount, other: amount},
                    sourceWalletId=one,
                    destinationWalletId=other,
                    amount=amount,
                    currency="EGP",
                )

    def _credit(self, wallet: str, amount: int) -> Intent:
        return intent(
            f"/v1/wallets/{wallet}/credit",
            {wallet: amount},
            amount=amount,
            currency="EGP",
            reason="deposit",
        )

    def sends(self, sent: Intent) -> None:
        """A command leaves: from now on it may take effect."""
        if sent.key not in self.answers:
            self.in_doubt[sent.key] = sent

    def hears(self, sent: Intent, answer: Answer) -> None:
        """An answer came; a second one must be the first again (I4)."""
        if not answer.is_final:
            return
        assert answer.status in (200, 201, 422), answer
        known = self.answers.setdefault(sent.key, (sent, answer))[1]
        self.in_doubt.pop(sent.key, None)
        assert (answer.status, answer.body) == (known.status, known.body)
        if known is not answer:
            assert answer.is_replay or known.is_replay, (known, answer)

    def expected_balances(self) -> Counter[str]:
        """The balances that the committed commands make."""
        balances: Counter[str] = Counter()
        for sent, answer in self.answers.values():
            if answer.is_committed:
                balances.update(sent.effects)
        return balances

    def check(self, store: EventStore) -> None:
        """Whether a store holds what was answered: all of it, and each once."""
        assert not self.in_doubt, "settle what is in doubt first"
        streams: defaultdict[str, list[RecordedEvent]] = defaultdict(list)
        stored: defaultdict[str, list[str]] = defaultdict(list)
        for recorded in _all_events(store):
            streams[recorded.envelope.stream].append(recorded)
            command_id = recorded.envelope.meta.command_id
            stored[command_id].append(recorded.envelope.event_id)
        assert dict(stored) == self._told(), "not what clients were told"
        for stream in streams.values():
            assert verify_chain(stream) is None
        self._check_balances(store)

    def _told(self) -> dict[str, list[str]]:
        told: dict[str, list[str]] = {}
        for _, answer in self.answers.values():
            if answer.is_committed:
                said = orjson.loads(answer.body)
                assert said["commandId"] not in told
                told[said["commandId"]] = [e["eventId"] for e in said["events"]]
        return told

    def _check_balances(self, store: EventStore) -> None:
        queries, expected = StoreQueries(store), self.expected_balances()
        for wallet in self.wallets:
            view = queries.wallet(wallet)
            assert view is not None
            assert view.balance == expected[wallet], wallet


def _all_events(store: EventStore) -> Iterator[RecordedEvent]:
    position = 0
    while page := store.feed(position, 1000):
        yield from page
        position = page[-1].position
