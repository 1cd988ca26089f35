"""An auditor of a Kafka installation: reads the topics with simple code of its own.

It knows nothing of the engine: CloudEvents are JSON objects, a balance is a sum.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from healthpay_core import Committed, Decided, Ok
from healthpay_kafka import Topics, reader_config, transactional_config
from healthpay_wire.cloudevents import decode_structured
from healthpay_wire.envelopes import hash_of

Fact = dict[str, Any]
"""A CloudEvent as JSON gives it."""


def settle(servers: str, topics: Topics) -> None:
    """End what dead processors left open, as a take-over does and nothing else."""
    for number in range(topics.partitions):
        name = f"{topics.commands}.{number}"
        Producer(transactional_config(servers, name)).init_transactions(30)


def committed(servers: str, topics: Topics) -> Iterator[tuple[str, bytes]]:
    """Topic and value of all committed records of events and of the journal."""
    config = {
        **reader_config(servers),
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 10,
    }
    places = [
        TopicPartition(topic, number, 0)
        for topic in (*topics.events, topics.journal)
        for number in range(topics.partitions)
    ]
    # Where somebody still writes, the end of a partition is reached several times.
    ended = set[tuple[str | None, int | None]]()
    with Consumer(config) as consumer:
        consumer.assign(places)
        while len(ended) < len(places):
            first = consumer.poll(1.0)
            if first is None:
                continue
            for message in (first, *consumer.consume(1000, 0)):
                error = message.error()
                if error is None:
                    yield message.topic() or "", message.value() or b""
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    ended.add((message.topic(), message.partition()))


@dataclass(slots=True)
class Books:
    """What the topics of events say, the first record of a version winning (R3)."""

    streams: dict[str, list[Fact]] = field(default_factory=dict)
    repeated: int = 0
    balances: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    holds: Counter[str] = field(default_factory=Counter)
    hold_of: defaultdict[str, set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    legs: defaultdict[str, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    external: int = 0

    @property
    def events(self) -> dict[str, Fact]:
        """All events by id."""
        return {e["id"]: e for stream in self.streams.values() for e in stream}

    def take(self, value: bytes) -> None:
        """One record: versions without a gap, repetitions equal, chains whole (A2)."""
        event: Fact = orjson.loads(value)
        stream = self.streams.setdefault(f"{event['source']}/{event['subject']}", [])
        sequence = int(event["sequence"])
        if sequence <= len(stream):
            first = stream[sequence - 1]
            assert (event["id"], event["hash"]) == (first["id"], first["hash"])
            self.repeated += 1
            return
        assert sequence == len(stream) + 1, f"gap before {event}"
        link = stream[-1]["hash"] if stream else bytes(32).hex()
        assert event["prevhash"] == link
        decoded = decode_structured(value)
        assert isinstance(decoded, Ok), decoded
        sealed = hash_of(decoded.value.recorded, bytes.fromhex(link))
        assert event["hash"] == sealed.hex()
        stream.append(event)
        self._move(event)

    def _move(self, event: Fact) -> None:
        """Money: the sums are what the event itself says they are (C5)."""
        kind, data, wallet = (
            event["type"].split(".v")[0],
            event["data"],
            event["subject"],
        )
        match kind.removeprefix("healthpay."):
            case "wallet.credited":
                self.balances[wallet] += data["amount"]
                self._leg(data, data["amount"], "in")
            case "wallet.debited":
                self.balances[wallet] -= data["amount"]
                self._leg(data, -data["amount"], "out")
                if data.get("holdId") is not None:
                    self._unhold(wallet, data)
            case "wallet.hold_placed":
                self.held[wallet] += data["amount"]
                self.holds[data["holdId"]] += data["amount"]
                self.hold_of[_belongs(data)].add(data["holdId"])
            case "wallet.hold_released":
                self._unhold(wallet, data)
            case _:
                return
        assert data["balanceAfter"] == self.balances[wallet], event
        assert data["heldAfter"] == self.held[wallet], event
        assert 0 <= self.held[wallet] <= self.balances[wallet], event

    def _unhold(self, wallet: str, data: Fact) -> None:
        self.held[wallet] -= data["amount"]
        self.holds[data["holdId"]] -= data["amount"]
        assert self.holds[data["holdId"]] >= 0, data

    def _leg(self, data: Fact, amount: int, way: str) -> None:
        if data["counterAccount"].startswith("external:"):
            self.external += amount
        else:
            self.legs[_belongs(data)][way] += abs(amount)
            self.legs[_belongs(data)][f"{way} times"] += 1

    def check(self, *, at_rest: bool) -> None:
        """Ids unique, each leg once, money conserved counting what is in flight."""
        ids = [e["id"] for stream in self.streams.values() for e in stream]
        assert len(ids) == len(set(ids)), "an event is there twice"
        in_flight = 0
        for name, leg in self.legs.items():
            open_ = leg["in"] - leg["out"]
            assert open_ >= 0, f"{name}: money in neither wallet"
            assert open_ <= sum(self.holds[h] for h in self.hold_of[name]), (
                f"{name}: money in both wallets"
            )
            in_flight += open_
        assert sum(self.balances.values()) == self.external + in_flight
        for name, stream in self.streams.items():
            if name.startswith("/healthpay/transfer/"):
                self._check_transfer(stream, at_rest=at_rest)
            elif name.startswith("/healthpay/payment/"):
                self._check_payment(stream, at_rest=at_rest)
        assert not (at_rest and in_flight), "half a process at rest"

    def _check_transfer(self, stream: list[Fact], *, at_rest: bool) -> None:
        """T5, T7: one end; both legs once, or none."""
        begun, *ends = stream
        assert len(ends) <= 1, "two ends of a transfer"
        leg = self.legs[begun["subject"]]
        assert max(leg["in times"], leg["out times"]) <= 1, "a leg is there twice"
        assert not (at_rest and not ends), "a transfer without an end"
        if ends:
            done = ends[0]["type"].startswith("healthpay.transfer.completed.")
            wanted = begun["data"]["amount"] if done else 0
            assert (leg["in"], leg["out"]) == (wanted, wanted)
            assert not any(self.holds[h] for h in self.hold_of[begun["subject"]])

    def _check_payment(self, stream: list[Fact], *, at_rest: bool) -> None:
        """P18: refunded ≤ captured ≤ authorised; the legs are what was captured."""
        total = Counter[str]()
        for event in stream:
            name = event["type"].split(".")[2]
            total[name] += event["data"].get("amount", 0)
        assert total["refunded"] <= total["captured"] <= total["authorized"]
        if at_rest:
            leg = self.legs[stream[0]["subject"]]
            moved = total["captured"] + total["refunded"]
            assert (leg["in"], leg["out"]) == (moved, moved), stream

    def check_outcomes(self, outcomes: Iterable[Decided]) -> None:
        """What was acknowledged is in the log, and was told one way only (I4)."""
        events = self.events
        told: dict[str, object] = {}
        for outcome in outcomes:
            if isinstance(outcome, Committed):
                for ref in outcome.events:
                    assert ref.event_id in events, f"{outcome} was lost"
                    event = events[ref.event_id]
                    assert int(event["sequence"]) == ref.sequence
                this: object = (outcome.resource, outcome.events)
            elif outcome.error.pinned:
                this = outcome.error
            else:
                continue
            assert told.setdefault(outcome.command_id, this) == this


def _belongs(data: Fact) -> str:
    related = data.get("related") or {}
    found = related.get("transferId") or related.get("paymentId") or ""
    assert isinstance(found, str)
    return found


def audit(servers: str, topics: Topics, *, at_rest: bool) -> Books:
    """Read everything and check it; processors are down, or `at_rest`."""
    books, noted = Books(), list[str]()
    for topic, value in committed(servers, topics):
        if topic == topics.journal:
            noted += [event["id"] for event in orjson.loads(value)[10]]
        else:
            books.take(value)
    books.check(at_rest=at_rest)
    assert len(noted) == len(set(noted)), "decided twice"
    if at_rest:
        assert set(noted) == set(books.events), "the journal is not what was published"
    return books
