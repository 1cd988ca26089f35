"""What nobody can do, on a real broker: a dead letter, an answer, and on it goes."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

import pytest
from confluent_kafka import Producer

from healthpay_core import Committed, Rejected
from healthpay_core.catalogue import Code
from healthpay_core.envelope import Actor
from healthpay_core.ids import new_id
from healthpay_core.testing import deposit, funded, request, transfer, wallet_id
from healthpay_kafka import producer_config
from healthpay_kafka.gateway import KafkaGateway
from healthpay_kafka.orders import Ask, Reply, encode_order, headers_of
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.reading import PartitionReader
from healthpay_kafka.replaying import (
    REPLAYABLE_DAYS,
    Replay,
    dead_letters,
    send_again,
)
from healthpay_kafka.replies import decode_reply
from tests.kafka.audit import audit
from tests.kafka.fleet import Fleet
from tests.kafka.traffic import Traffic

A, B = wallet_id("a"), wallet_id("b")
OWN_REPLIES: Final = 3
ALMOST_A_RECORD: Final = 999_500


def test_bad_records_cost_themselves_only(fleet: Fleet, gateway: KafkaGateway) -> None:
    """R5, E5, E7: bytes, sizes, wrong places: each answered once, the others done."""
    member = fleet.start()
    crowd = Traffic(gateway, seed=0, clients=0)
    for command in funded(A, 10):
        crowd.insist(request(command))
    number = partition_of(A, fleet.topics.partitions)
    elsewhere = (number + 1) % fleet.topics.partitions
    large = replace(request(deposit(A, 1)), actor=Actor(type="u", id="i" * 70_000))
    largest = replace(request(deposit(A, 1)), actor=Actor(type="u", id="i" * 900_000))
    move = transfer(A, B, 1)
    process = replace(request(move), actor=Actor(type="u", id="i" * 400_000))
    bad: list[tuple[int, bytes | None]] = [
        (number, b"\xff\x00 no json"),
        (number, None),
        (number, b"x" * ALMOST_A_RECORD),
        (number, encode_order(Ask(request=large))),
        (number, encode_order(Ask(request=largest))),
        (
            partition_of(move.transfer_id, fleet.topics.partitions),
            encode_order(Ask(request=process)),
        ),
        (elsewhere, encode_order(Ask(request=request(deposit(A, 1))))),
    ]
    ids = [new_id() for _ in bad]
    _put(fleet, bad, ids)
    for _ in range(3):
        # All partitions go on.
        assert isinstance(crowd.insist(request(deposit(A, 1))), Committed)
        crowd.insist(request(funded(wallet_id(new_id()), 1)[0]))
    answers = _answers(fleet, len(bad))
    assert sorted(answers) == sorted(ids)
    assert set(answers.values()) == {Code.VALIDATION_ERROR}
    member.stop()
    assert not list(fleet.reports("lost"))
    with_reader = PartitionReader(fleet.servers)
    letters = [
        m
        for n in range(fleet.topics.partitions)
        for m in with_reader.to_end(fleet.topics.deadletter, n)
    ]
    with_reader.close()
    assert len(letters) == len(bad)
    told = send_again(fleet.servers, fleet.topics, is_quiet=True)
    assert (told.sent, told.unplaceable) == (0, len(bad))
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    assert books.balances[A] == 13


def test_headers_of_any_size_cost_their_record_only(
    fleet: Fleet, gateway: KafkaGateway
) -> None:
    """R5, E7: what a broker has taken has a letter that it takes too."""
    member = fleet.start()
    crowd = Traffic(gateway, seed=0, clients=0)
    for command in funded(A, 10):
        crowd.insist(request(command))
    producer = Producer(producer_config(fleet.servers))
    producer.produce(
        fleet.topics.commands,
        value=b"poison",
        partition=partition_of(A, fleet.topics.partitions),
        # A character of three bytes: together nearly as much as a record may be.
        headers=[("\u20ac" * 333_000, b"")],
    )
    assert producer.flush(30) == 0
    assert isinstance(crowd.insist(request(deposit(A, 1))), Committed)
    (letter,) = dead_letters(fleet.servers, fleet.topics)
    assert "are left where it came from" in letter.reason
    assert not member.reports("undone")
    member.stop()


def test_letters_of_long_ago_are_not_sent_again(
    fleet: Fleet, gateway: KafkaGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4: they may have been decided, and their ids forgotten since."""
    asked = request(deposit(A, 1))
    member = fleet.start(raises=frozenset({(asked.command_id, "CreditWallet")}))
    crowd = Traffic(gateway, seed=0, clients=0)
    for command in funded(A, 10):
        crowd.insist(request(command))
    assert isinstance(crowd.insist(asked), Rejected)
    member.stop()
    # Who was not answered in time has asked again.
    letters = len(list(dead_letters(fleet.servers, fleet.topics)))
    assert letters > 0
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + (REPLAYABLE_DAYS + 1) * 86_400)
    told = send_again(fleet.servers, fleet.topics, is_quiet=True)
    assert told == Replay(sent=0, too_old=letters, unplaceable=0)
    monkeypatch.undo()
    told = send_again(fleet.servers, fleet.topics, is_quiet=True)
    assert told == Replay(sent=letters, too_old=0, unplaceable=0)


def test_a_gateway_refuses_what_is_too_large(
    fleet: Fleet, gateway: KafkaGateway
) -> None:
    """M9, E4: it is a fault of the request, and not of the store."""
    large = replace(request(deposit(A, 1)), actor=Actor(type="u", id="i" * 70_000))
    refused = gateway.execute(large)
    assert isinstance(refused, Rejected)
    assert refused.error.code is Code.VALIDATION_ERROR
    assert gateway.waiting == 0


def test_transactions_that_abort_are_tried_again(
    fleet: Fleet, gateway: KafkaGateway
) -> None:
    """R2, R4: whatever aborts, each command is done once and answered once."""
    member = fleet.start(abort_every=3)
    traffic = Traffic(gateway, seed=4, clients=4)
    traffic.open()
    traffic.start()
    time.sleep(2.0)
    traffic.rest()
    assert not list(fleet.reports("lost"))
    # Who watches is told.
    assert member.reports("undone")
    member.stop()
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    books.check_outcomes(traffic.outcomes)
    assert books.repeated == 0


def _put(fleet: Fleet, bad: list[tuple[int, bytes | None]], ids: list[str]) -> None:
    producer = Producer(producer_config(fleet.servers))
    reply = Reply(partition=OWN_REPLIES, deadline=time.time_ns())
    for (number, value), command_id in zip(bad, ids, strict=True):
        named = request(deposit(A, 1))
        named = replace(named, command_id=command_id)
        producer.produce(
            fleet.topics.commands,
            value=value,
            partition=number,
            headers=list(headers_of(Ask(request=named, reply=reply), "test")),
        )
    assert producer.flush(30) == 0


def _answers(fleet: Fleet, count: int) -> dict[str, Code]:
    reader = PartitionReader(fleet.servers)
    until = time.monotonic() + 60
    found: dict[str, Code] = {}
    while len(found) < count and time.monotonic() < until:
        for message in reader.to_end(fleet.topics.replies, OWN_REPLIES):
            decoded = decode_reply(message.value())
            outcome = decoded.value if not hasattr(decoded, "error") else None
            assert isinstance(outcome, Rejected)
            found[outcome.command_id] = outcome.error.code
    reader.close()
    return found
