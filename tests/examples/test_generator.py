"""The month: the same for a seed, in order, with all that it promises in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TypeVar, get_args

import pytest

from examples.data import figures
from examples.data.draws import Draws
from examples.data.generate import main, month
from examples.data.population import Population
from examples.data.requests import TimedRequest, json_line
from examples.data.schedule import ENDS_AT
from healthpay_core import (
    AuthorizePayment,
    CapturePayment,
    CommandRequest,
    CreditWallet,
    DebitWallet,
    InitiatePayment,
    IssueMedCard,
    RefundPayment,
    is_id,
)

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
CAIRO_DECEMBER = (1_701_381_600_000_000, 1_704_060_000_000_000)


@pytest.fixture(scope="module")
def december() -> list[TimedRequest]:
    return list(month(seed=7, commands=12_000))


def _written(hash_seed: str) -> bytes:
    return subprocess.run(
        [sys.executable, "-m", "examples.data.generate"]
        + ["--commands", "2000", "--seed", "3"],
        check=True,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    ).stdout


def test_one_seed_is_one_month_byte_for_byte() -> None:
    """The same seed gives the same bytes in any process."""
    first = _written("1")
    assert first == _written("2")
    assert first == b"".join(map(json_line, month(seed=3, commands=2_000)))


def test_another_seed_is_another_month() -> None:
    """Different seeds share not one command."""
    ids = [{t.request.command_id for t in month(seed, 1_000)} for seed in (1, 2)]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("commands", [1_000, 2_345])
def test_exactly_as_many_commands_as_asked_for(seed: int, commands: int) -> None:
    """A month has as many commands as were asked for, and reaches its last day."""
    sent = list(month(seed, commands))
    assert len(sent) == commands
    assert sent[-1].at > CAIRO_DECEMBER[1] - 86_400_000_000


def test_too_few_commands_are_refused() -> None:
    """Below a thousand commands there is no month."""
    with pytest.raises(ValueError, match="at least 1000"):
        month(1, 999)


def test_commands_come_in_the_order_of_time(december: list[TimedRequest]) -> None:
    """Instants rise, within December 2023 in Cairo."""
    assert all(a.at <= b.at for a, b in pairwise(december))
    assert CAIRO_DECEMBER[0] <= december[0].at
    assert december[-1].at < CAIRO_DECEMBER[1]


def test_everything_that_is_promised_is_there(december: list[TimedRequest]) -> None:
    """Every kind of story and every way of sending occurs."""
    kinds = Counter(t.kind for t in december)
    assert set(kinds) == set(get_args(figures.Kind))
    origins = Counter(t.origin for t in december)
    assert set(origins) == {"first", "retry", "double_click", "key_misuse"}
    assert 0.7 < origins["retry"] / (12_000 * figures.RETRY_SHARE) < 1.3


def test_copies_of_a_command_are_what_they_are_called(
    december: list[TimedRequest],
) -> None:
    """Retries and double-clicks repeat a request (I4), a misused key does not (I3)."""
    firsts: dict[str, TimedRequest] = {}
    for sent in december:
        first = firsts.setdefault(sent.request.command_id, sent)
        match sent.origin:
            case "first":
                assert sent is first
            case "double_click":
                assert (sent.at, sent.request) == (first.at, first.request)
            case "retry":
                assert sent.at > first.at
                assert sent.request == first.request
            case "key_misuse":
                assert sent.at > first.at
                assert sent.request.fingerprint != first.request.fingerprint
    assert len({s.request.fingerprint for s in firsts.values()}) > 10_000


def test_only_opaque_ids_and_codes(december: list[TimedRequest]) -> None:
    """No text in a command can say who somebody is (A5)."""
    code = re.compile(r"[A-Za-z]+[:_a-z]*|[A-Z]{2,3}-(\d{7}|2023-12)|[A-Z]{3}|\d{4}")
    for sent in december:
        line = json.loads(json_line(sent))
        texts = list(_texts(line["command"]))
        assert all(is_id(t) or code.fullmatch(t) for t in texts), texts
        actor = line["actor"]["id"]
        assert is_id(actor) or actor in ("operations", "payroll")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _texts(member)


def _firsts(december: list[TimedRequest], kind: type[T]) -> list[T]:
    sent = [t.request.command for t in december if t.origin == "first"]
    return [command for command in sent if isinstance(command, kind)]


def test_payments_take_every_course(december: list[TimedRequest]) -> None:
    """Each method, way of capturing, part, rest and term is asked for (P1, P2, P5)."""
    orders = _firsts(december, InitiatePayment)
    assert {(order.method, order.capture_method) for order in orders} == {
        (method, capture)
        for method in ("wallet", "medcard")
        for capture in ("automatic", "manual")
    }
    trades = {order.merchant_category for order in orders}
    assert trades == {*figures.TRADES, None}
    captures = {
        (capture.amount is None, capture.final, capture.fee is None)
        for capture in _firsts(december, CapturePayment)
    }
    assert captures >= {(True, True, True), (False, True, False), (False, False, True)}
    terms = {order.expires_in_s for order in _firsts(december, AuthorizePayment)}
    assert terms == {None, 3_600, 7_200, 86_400, 259_200}
    refunds = _firsts(december, RefundPayment)
    assert {refund.amount is None for refund in refunds} == {True, False}


def test_cards_have_controls_and_no_number(december: list[TimedRequest]) -> None:
    """Cards with lists, limits and none; a token and four digits of each (D2, D7)."""
    cards = _firsts(december, IssueMedCard)
    issued = {card.card_id for card in cards}
    assert len(issued) == len(cards)
    assert all(is_id(card.card_token) for card in cards)
    assert all(re.fullmatch(r"\d{4}", card.last4) for card in cards)
    controls = {card.controls for card in cards}
    assert len(controls) == len(figures.CARD_CONTROLS)
    assert {(2023, 11), (2023, 12)} < {(c.exp_year, c.exp_month) for c in cards}
    assert any(card.replaces_card_id in issued for card in cards)


def test_steps_of_a_payment_follow_its_beginning(december: list[TimedRequest]) -> None:
    """No payment is touched before it is initiated, none after the month."""
    begun: set[str] = set()
    for sent in december:
        payment = getattr(sent.request.command, "payment_id", None)
        if isinstance(sent.request.command, InitiatePayment):
            begun.add(sent.request.command.payment_id)
        assert payment is None or payment in begun
        assert sent.at < ENDS_AT


def _mean(december: list[TimedRequest], kind: str) -> float:
    amounts = [_amount(t.request) for t in december if t.kind == kind]
    return sum(amounts) / len(amounts) / 100


def _amount(request: CommandRequest) -> int:
    command = request.command
    assert isinstance(command, CreditWallet | DebitWallet)
    return command.amount


def test_amounts_have_the_published_mean(december: list[TimedRequest]) -> None:
    """Purchases average about EGP 175, as README.md says; businesses pay more."""
    assert 165 < _mean(december, "pharmacy") < 200


def test_nobody_earns_less_than_the_minimum_wage(
    december: list[TimedRequest],
) -> None:
    """No salary is below EGP 3,000, and each member has at most one."""
    paid = [t.request for t in december if t.kind == "salary" and t.origin == "first"]
    assert min(map(_amount, paid)) == 300_000
    wallets = Counter(getattr(r.command, "wallet_id", "") for r in paid)
    assert set(wallets.values()) == {1}


def test_nights_are_quiet_and_fridays_are_slower(
    december: list[TimedRequest],
) -> None:
    """Everyday commands follow the hours and days of `figures`."""
    by_day: dict[int, int] = defaultdict(int)
    by_hour: dict[int, int] = defaultdict(int)
    for sent in december:
        if sent.kind in ("pharmacy", "clinic", "initiate"):
            day, rest = divmod(sent.at - CAIRO_DECEMBER[0], 86_400_000_000)
            by_day[day + 1] += 1
            by_hour[rest // 3_600_000_000] += 1
    assert by_hour[19] > 8 * by_hour[3]
    fridays = sum(by_day[day] for day in (8, 15, 22, 29))
    thursdays = sum(by_day[day] for day in (7, 14, 21, 28))
    assert 0.5 < fridays / thursdays < 0.8


def test_families_hold_together() -> None:
    """Each member is in one family, the same for all who are in it."""
    people = Population(1, 260)
    sizes = Counter(len(people.family(i)) for i in range(260))
    assert sum(sizes.values()) / 2.6 == sum(20 for _ in figures.FAMILY_SIZES)
    for index in range(260):
        assert all(
            people.family(i) == people.family(index) for i in people.family(index)
        )


def test_the_month_is_not_kept_in_memory() -> None:
    """The iterator holds little more for many commands than for few."""
    peaks = [_peak(commands) for commands in (4_000, 16_000)]
    # Four times as many, were they kept.
    assert peaks[1] < 3.2 * peaks[0]
    assert peaks[1] < 4_000_000


def _peak(commands: int) -> int:
    tracemalloc.start()
    try:
        for _ in month(1, commands):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_each_line_is_a_command(capfd: pytest.CaptureFixture[str]) -> None:
    """The program writes one JSON object per line."""
    assert main(["--commands", "1000"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 1_000
    assert json.loads(lines[0])["operation"] == "CreateWallet"


def test_shares_are_drawn_as_given() -> None:
    """A weighted draw takes each item as often as its share says."""
    draws = Draws(1, "test")
    drawn = Counter(draws.weighted((("a", 1), ("b", 3))) for _ in range(4_000))
    assert 0.22 < drawn["a"] / 4_000 < 0.28
