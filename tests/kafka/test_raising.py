"""A decision that raises, on a real broker: a dead letter, and on it goes (E5)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from healthpay_core import (
    Command,
    CommandRequest,
    Committed,
    InMemoryEventStore,
    Rejected,
    StoreQueries,
    Unknown,
    derive_id,
)
from healthpay_core.refusals import InternalError
from healthpay_core.testing import deposit, funded, request, wallet_id, withdrawal
from healthpay_http import Backend
from healthpay_kafka.deadletters import ERROR_ID, FROM_OFFSET
from healthpay_kafka.gateway import KafkaGateway
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.reading import PartitionReader
from healthpay_kafka.records import headers_in
from healthpay_kafka.replaying import Letter, dead_letters, send_again
from tests.http.client import Service
from tests.kafka.audit import audit, committed
from tests.kafka.fleet import Fleet, Member
from tests.kafka.processes import STAKE, Process, processes
from tests.kafka.traffic import Traffic
from tests.kafka.waiting import wait_until

FUNDS = 10
REASON = "deciding it raised ZeroDivisionError"


def test_a_decision_that_raises_costs_itself_only(
    fleet: Fleet, gateway: KafkaGateway
) -> None:
    """E5, R5: a 500 with the letter's error id; those before and after are decided."""
    wallets = _one_in_each_partition(fleet)
    bad = {w: request(withdrawal(w, 3), f"bad/{w}", fingerprint=b"f") for w in wallets}
    over_http = derive_id("/wallet.debit/bad")
    raising = [*(asked.command_id for asked in bad.values()), over_http]
    member = fleet.start(raises=frozenset((name, "DebitWallet") for name in raising))
    traffic = Traffic(gateway, seed=9, clients=4)
    traffic.open()
    for wallet in wallets:
        for command in funded(wallet, FUNDS):
            traffic.insist(request(command))
    traffic.start()
    told = set[str]()
    for wallet, asked in bad.items():
        told.add(_error_id(traffic.insist(asked)))
        assert isinstance(traffic.insist(request(deposit(wallet, 1))), Committed)
    told.add(_error_id_over_http(gateway, wallets[0]))
    for wallet in wallets:
        assert isinstance(traffic.insist(request(deposit(wallet, 1))), Committed)
    traffic.rest()
    _still_well(fleet, member)
    letters = _letters(fleet)
    _are_as_they_came(fleet, letters)
    # Who was not answered in time has asked again, or the end of the test has.
    assert told < _ids(letters) == {r["error_id"] for r in member.reports("unexpected")}
    assert {_command_id(letter) for letter in letters} == set(raising)
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    books.check_outcomes(traffic.outcomes)
    assert {books.balances[wallet] for wallet in wallets} == {FUNDS + 2}
    _mended(fleet, traffic, bad, len(letters))


def _mended(
    fleet: Fleet, traffic: Traffic, bad: dict[str, CommandRequest], letters: int
) -> None:
    """I4, I6: the letters are decided once, and the same key has its answer."""
    member = fleet.start()
    for _ in range(2):
        sent = send_again(fleet.servers, fleet.topics, is_quiet=True)
        assert (sent.too_old, sent.unplaceable) == (0, 0)
        # Whoever takes a partition over may have written the last ones again.
        assert sent.sent >= letters
    for asked in bad.values():
        assert isinstance(traffic.insist(asked), Committed)
    _still_well(fleet, member)
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    first, *others = (books.balances[wallet] for wallet in bad)
    assert (first, set(others)) == (FUNDS + 2 - 3 - 4, {FUNDS + 2 - 3})


@pytest.mark.parametrize("mended_by", ["letters", "time", "callers"])
def test_a_step_that_raises_leaves_its_process_pending(
    fleet: Fleet, gateway: KafkaGateway, mended_by: str
) -> None:
    """E5, T6, T7, P15, W7, D1: at any step; the mend ends all, money conserved."""
    stuck = list(processes())
    # However long this takes here, nothing is tried again before it is mended.
    member = fleet.start(raises=_at(stuck), again_after_s=3_600)
    crowd = Traffic(gateway, seed=0, clients=0)
    bystanders = _one_in_each_partition(fleet)
    _insist(crowd, [funded(wallet, FUNDS) for wallet in bystanders])
    _nobody_is_answered(crowd, gateway, stuck)
    wait_until(lambda: len(member.reports("unexpected")) == len(stuck), "all raised")
    _insist(crowd, [[deposit(wallet, 1)] for wallet in bystanders])
    _still_well(fleet, member)
    _all_raised_once(fleet, member, stuck)
    audit(fleet.servers, fleet.topics, at_rest=False)
    assert not _ended(fleet, stuck)
    member = fleet.start(again_after_s=1 if mended_by == "time" else 0)
    if mended_by == "letters":
        sent = send_again(fleet.servers, fleet.topics, is_quiet=True)
        assert sent.sent >= len(stuck)
    if mended_by == "callers":
        with ThreadPoolExecutor(len(stuck)) as pool:
            list(pool.map(crowd.insist, [one.root for one in stuck]))
    _end_well(fleet, member, crowd, stuck)


def test_a_step_that_raised_is_tried_again(fleet: Fleet, gateway: KafkaGateway) -> None:
    """T6, T7, E5: a fault that passes needs nobody; what takes too long is resumed."""
    stuck = list(processes())
    crowd = Traffic(gateway, seed=0, clients=0)
    member = fleet.start(raises=_at(stuck), raises_once=True, again_after_s=3)
    _nobody_is_answered(crowd, gateway, stuck)
    _end_well(fleet, member, crowd, stuck)
    _all_raised_once(fleet, member, stuck)


def _at(stuck: Sequence[Process]) -> frozenset[tuple[str, str]]:
    return frozenset((one.root.command_id, one.step) for one in stuck)


def _nobody_is_answered(
    crowd: Traffic, gateway: KafkaGateway, stuck: Sequence[Process]
) -> None:
    _insist(crowd, [one.before for one in stuck])
    with ThreadPoolExecutor(len(stuck)) as pool:
        answers = list(pool.map(gateway.execute, [one.root for one in stuck]))
    assert [type(answer) for answer in answers] == [Unknown] * len(stuck)


def _all_raised_once(fleet: Fleet, member: Member, stuck: Sequence[Process]) -> None:
    """Each where it should, and there is a letter of it."""
    letters, told = _letters(fleet), member.reports("unexpected")
    _are_as_they_came(fleet, letters)
    assert _ids(letters) == {report["error_id"] for report in told}
    assert sorted(report["reason"] for report in told) == sorted(
        f"ZeroDivisionError: {root} {step}" for root, step in _at(stuck)
    )


def _end_well(
    fleet: Fleet, member: Member, crowd: Traffic, stuck: Sequence[Process]
) -> None:
    """All come to their end by themselves; then their callers are told."""
    wait_until(
        lambda: len(_ended(fleet, stuck)) == len(stuck), "all have ended", timeout_s=120
    )
    for one in stuck:
        outcome = crowd.insist(one.root)
        is_refused = one.end.startswith("healthpay.transfer.failed.")
        assert isinstance(outcome, Rejected) == is_refused, (one, outcome)
    _still_well(fleet, member)
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    books.check_outcomes(crowd.outcomes)
    authorized = [one for one in stuck if one.end == "healthpay.payment.authorized.v1"]
    assert list((+books.held).values()) == [STAKE] * len(authorized)


def _one_in_each_partition(fleet: Fleet) -> list[str]:
    count, found = fleet.topics.partitions, dict[int, str]()
    for number in range(100):
        wallet = wallet_id(f"bystander/{number}")
        found.setdefault(partition_of(wallet, count), wallet)
    assert len(found) == count
    return list(found.values())


def _error_id(outcome: object) -> str:
    assert isinstance(outcome, Rejected), outcome
    assert isinstance(outcome.error, InternalError), outcome
    return outcome.error.error_id


def _error_id_over_http(gateway: KafkaGateway, wallet: str) -> str:
    """As a client of the server sees it: nothing but a fixed text and the id."""
    backend = Backend(gateway, StoreQueries(InMemoryEventStore()), {})
    body = {"amount": 4, "currency": "EGP", "reason": "withdrawal"}
    with Service(backend=backend).serving() as service:
        answer = service.post(f"/v1/wallets/{wallet}/debit", body, key="bad")
        while answer.status == 202:
            answer = service.post(f"/v1/wallets/{wallet}/debit", body, key="bad")
    assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")
    assert b"ZeroDivision" not in answer.body
    return str(answer.json["errorId"])


def _insist(crowd: Traffic, stories: Sequence[Sequence[Command]]) -> None:
    """Stories side by side, the commands of each one after the other."""

    def insist(story: Sequence[Command]) -> None:
        for order in story:
            assert isinstance(crowd.insist(request(order)), Committed), order

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(insist, stories))


def _still_well(fleet: Fleet, member: Member) -> None:
    """It has given up nothing, and ends in good order."""
    assert member.is_running
    member.stop()
    assert not list(fleet.reports("lost"))


def _letters(fleet: Fleet) -> list[Letter]:
    return list(dead_letters(fleet.servers, fleet.topics))


def _are_as_they_came(fleet: Fleet, letters: Sequence[Letter]) -> None:
    """Each is the record of the log, with the reason; no record has two letters."""
    reader = PartitionReader(fleet.servers)
    log = {
        (number, message.offset()): message
        for number in range(fleet.topics.partitions)
        for message in reader.to_end(fleet.topics.commands, number)
    }
    reader.close()
    places = set[tuple[int, int]]()
    for letter in letters:
        headers = dict(headers_in(letter.message))
        place = (letter.partition, int(headers[FROM_OFFSET]))
        places.add(place)
        came = log[place]
        assert (came.key(), came.value()) == (
            letter.message.key(),
            letter.message.value(),
        )
        assert dict(headers_in(came)).items() <= headers.items()
        assert letter.reason == REASON
    assert len(places) == len(letters)


def _ids(letters: Sequence[Letter]) -> set[str]:
    found = [dict(headers_in(one.message))[ERROR_ID].decode() for one in letters]
    assert len(set(found)) == len(found)
    return set(found)


def _command_id(letter: Letter) -> str:
    return str(orjson.loads(letter.message.value() or b"")["id"])


def _ended(fleet: Fleet, stuck: Sequence[Process]) -> list[Process]:
    """Those of which the last event is there."""
    there = set[tuple[str, str]]()
    for topic, value in committed(fleet.servers, fleet.topics):
        if topic != fleet.topics.journal:
            event = orjson.loads(value)
            there.add((event["correlationid"], event["type"]))
    return [one for one in stuck if (one.root.command_id, one.end) in there]
