"""Payments and cards over HTTP (rules P and D, H1, I4, E2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from random import Random

import pytest

from healthpay_core import Code, new_id
from healthpay_http.card_data import holds_card_number
from healthpay_http.statuses import STATUSES
from tests.http.client import Answer, Json, Service
from tests.http.payment_cases import CASES, Shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop that is served."""
    with Service().serving() as service:
        yield Shop(service)


@pytest.mark.parametrize("code", CASES)
def test_each_code_of_payments_and_cards(shop: Shop, code: Code) -> None:
    """E1, E3: the code comes out of the domain with its status, changing nothing."""
    answer = CASES[code](shop)
    assert (answer.code, answer.status) == (code.value, STATUSES[code]), answer.body


def test_a_payment_from_agreement_to_refund(shop: Shop) -> None:
    """P1-P5, P10, P11, H1: every step answers with the payment as it is then."""
    made = shop.send_payment(paymentId="11111111-1111-4111-8111-111111111111")
    payment = made.json["payment"]["paymentId"]
    assert made.status == 201
    assert made.headers["location"] == f"/v1/payments/{payment}"
    assert made.headers["etag"] == '"1"'
    held = shop.on(payment, "authorize").json["payment"]
    assert (held["status"], held["authorizedAmount"]) == ("authorized", 200)
    assert held["expiresAt"] == "2026-12-02T12:00:00.000000Z"
    part = shop.on(payment, "capture", {"amount": 50, "final": False}).json["payment"]
    assert (part["status"], part["capturedAmount"]) == ("authorized", 50)
    rest = shop.on(payment, "capture", {"amount": 100}).json
    assert rest["payment"]["status"] == "captured"
    assert [event["eventType"] for event in rest["events"]] == [
        "wallet.debited",
        "wallet.credited",
        "wallet.hold_released",
        "payment.captured",
    ]
    back = shop.on(payment, "refund", {"amount": 30}).json["payment"]
    assert (back["status"], back["refundedAmount"]) == ("partially_refunded", 30)
    last = shop.on(payment, "refund")
    assert last.json["payment"]["status"] == "refunded"
    seen = shop.service.get(f"/v1/payments/{payment}")
    assert seen.json["payment"] == last.json["payment"]
    assert seen.headers["etag"] == f'"{last.json["payment"]["version"]}"'
    wallet = shop.service.get(f"/v1/wallets/{shop.payer}").json["wallet"]
    assert (wallet["balance"], wallet["held"]) == (500, 0)


def test_automatic_capture_pays_at_once(shop: Shop) -> None:
    """P1, P2: authorise and capture are one answer, one append."""
    payment = shop.initiated(captureMethod="automatic")
    answer = shop.on(payment, "authorize").json
    assert answer["payment"]["status"] == "captured"
    merchant = shop.service.get(f"/v1/wallets/{shop.merchant}").json["wallet"]
    assert merchant["balance"] == 200


def test_void_and_fail_give_the_money_back(shop: Shop) -> None:
    """P9, P17: nothing stays held."""
    voided = shop.on(shop.authorized(), "void", {"reason": "payer"}).json["payment"]
    assert voided["status"] == "voided"
    failed = shop.on(shop.authorized(), "fail", {"reasonCode": "no stock"})
    assert failed.json["payment"]["status"] == "failed"
    wallet = shop.service.get(f"/v1/wallets/{shop.payer}").json["wallet"]
    assert wallet["held"] == 0


def test_a_cards_life(shop: Shop) -> None:
    """D1, D3, D4, H1: issued inactive, activated, suspended, resumed, cancelled."""
    made = shop.send_card()
    card = made.json["medcard"]["cardId"]
    assert made.headers["location"] == f"/v1/medcards/{card}"
    assert made.json["medcard"]["status"] == "issued"
    seen = []
    steps: list[tuple[str, Json]] = [
        ("activate", {"method": "pin"}),
        ("suspend", {"reasonCode": "user_request"}),
        ("activate", {"method": "operator"}),
        ("cancel", {"reason": "damaged"}),
    ]
    for name, body in steps:
        seen.append(shop.on_card(name, body, card).json["medcard"]["status"])
    assert seen == ["active", "suspended", "active", "cancelled"]
    answer = shop.service.get(f"/v1/medcards/{card}")
    assert answer.headers["etag"] == '"5"'
    assert answer.json["medcard"]["status"] == "cancelled"


def test_a_replay_is_byte_for_byte_the_first_answer(shop: Shop) -> None:
    """I4: success and refusal alike, and nothing is booked twice."""
    payment = shop.authorized()
    paths: list[tuple[str, Json]] = [
        (f"/v1/payments/{payment}/capture", {"amount": 300}),
        (f"/v1/payments/{payment}/capture", {"amount": 100}),
        (f"/v1/payments/{payment}/refund", {"amount": 40}),
    ]
    for index, (path, body) in enumerate(paths):
        first = shop.service.post(path, body, key=f"k{index}")
        events = len(shop.service.store.feed(0, 1000))
        again = shop.service.post(path, body, key=f"k{index}")
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers["idempotent-replayed"] == "true"
        assert len(shop.service.store.feed(0, 1000)) == events


def test_a_version_precondition_on_a_payment(shop: Shop) -> None:
    """V3: a payment that has moved on is 412 with its current version."""
    payment = shop.authorized()
    answer = shop.service.post(
        f"/v1/payments/{payment}/capture", {}, headers={"if-match": '"1"'}
    )
    assert (answer.status, answer.json["currentVersion"]) == (412, 2)


@pytest.mark.parametrize("resource", ["payments", "medcards"])
def test_what_is_not_there_is_404(shop: Shop, resource: str) -> None:
    """E2: an unknown id, and a path that is no id, alike."""
    code = {"payments": "PAYMENT_NOT_FOUND", "medcards": "MEDCARD_NOT_FOUND"}[resource]
    for wanted in (new_id(), "no-id"):
        answer = shop.service.get(f"/v1/{resource}/{wanted}")
        assert (answer.status, answer.code) == (404, code)


def test_all_faults_of_a_card_at_once(shop: Shop) -> None:
    """E7, D7, H7: nested members, unknown ones, and card data by name."""
    before = shop.service.store.feed(0, 1000)
    answer = shop.send_card(
        last4="42421",
        expMonth=13,
        cvv="123",
        controls={"limits": {"daily": "1", "hourly": 5}, "allowedCategories": []},
    )
    faults = {fault["pointer"]: fault["detail"] for fault in answer.json["errors"]}
    assert set(faults) == {
        "/last4",
        "/expMonth",
        "/cvv",
        "/controls/limits/daily",
        "/controls/limits/hourly",
        "/controls/allowedCategories",
    }
    assert faults["/cvv"] == "must not be sent: card data never enters"
    assert shop.service.store.feed(0, 1000) == before


def test_both_category_lists_are_refused(shop: Shop) -> None:
    """D7: allowed or blocked, never both."""
    lists = {"allowedCategories": ["clinics"], "blockedCategories": ["nursing"]}
    answer = shop.send_card(controls=lists)
    assert answer.json["errors"][0]["pointer"] == "/controls"


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "ref 5500005555555559 ok",
        "378282246310005",
        "4111111111111111 12/27",
        "4111 1111 1111 1111 123",
        "4111111111111111-12",
        "no 7 4111111111111111",
        "12 34 4111 1111 1111 1111 56 78",
    ],
)
def test_a_card_number_is_refused_wherever_it_stands(shop: Shop, number: str) -> None:
    """D2: by shape, in any text; nothing of it is stored or shown."""
    before = shop.service.store.feed(0, 1000)
    answers: list[tuple[str, Answer]] = [
        ("/reference", shop.send_payment(reference=number)),
        ("/cardToken", shop.send_card(cardToken=number)),
        (
            "/reference",
            shop.service.post(
                f"/v1/wallets/{shop.payer}/credit",
                {
                    "amount": 1,
                    "currency": "EGP",
                    "reason": "deposit",
                    "reference": number,
                },
            ),
        ),
    ]
    for pointer, answer in answers:
        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
        assert answer.json["errors"][0]["pointer"] == pointer
        assert number.encode() not in answer.body
    assert shop.service.store.feed(0, 1000) == before


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",
        "12345678901",
        "11111111-1111-4111-8111-111111111111",
        "wallet:00000000-0000-4000-8000-000000000000",
        "2026-11-25 12:00",
        "4111 1111 1111",
        "41111111111111110000",
        "1 2 3 4 5 6 7 8 9 0 1 2",
        "",
    ],
)
def test_what_is_no_card_number_may_enter(text: str) -> None:
    """D2: digits that fail the Luhn check, short ones, and ids are left alone."""
    assert not holds_card_number(text)


def _wrong_card(shop: Shop) -> None:
    shop.on_card("suspend", {"reasonCode": "admin"})


def _wrong_wallet(shop: Shop) -> None:
    path = f"/v1/wallets/{shop.payer}/suspend"
    assert shop.service.post(path, {"reasonCode": "other"}).status == 200


Fault = tuple[Code, dict[str, Json], Callable[[Shop], None] | None]
# In the order of D6; what a request can have wrong before anything is held.
AUTHORIZE_FAULTS: list[Fault] = [
    (Code.CARD_NOT_ACTIVE, {}, _wrong_card),
    (Code.WALLET_NOT_ACTIVE, {}, _wrong_wallet),
    (Code.MERCHANT_CATEGORY_NOT_ALLOWED, {"merchantCategory": "casinos"}, None),
    (Code.CARD_LIMIT_EXCEEDED, {"amount": 301}, None),
    (Code.INSUFFICIENT_FUNDS, {"amount": 501}, None),
]
PAIRS = [
    (first, second)
    for index, first in enumerate(AUTHORIZE_FAULTS)
    for second in AUTHORIZE_FAULTS[index + 1 :]
]


@pytest.mark.parametrize(
    ("first", "second"), PAIRS, ids=[f"{a[0]}-{b[0]}" for a, b in PAIRS]
)
def test_the_earlier_fault_is_the_one_that_is_told(
    shop: Shop, first: Fault, second: Fault
) -> None:
    """E2, D6: card, wallet, category, card limits, funds, pair by pair."""
    payment = shop.initiated(**{**first[1], **second[1]})
    for _, _, change in (first, second):
        if change is not None:
            change(shop)
    assert shop.on(payment, "authorize").code == first[0].value


def test_what_became_of_a_payments_command(shop: Shop) -> None:
    """I4, H1: the command's own page tells status and payment."""
    made = shop.send_payment()
    answer = shop.service.get(f"/v1/commands/{made.json['commandId']}").json
    assert (answer["outcome"], answer["status"]) == ("committed", 201)
    assert answer["payment"] == made.json["payment"]


def _is_a_number(groups: tuple[str, ...]) -> bool:
    digits = [int(digit) for digit in reversed("".join(groups))]
    twice = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return 12 <= len(digits) <= 19 and (sum(digits[::2]) + sum(twice)) % 10 == 0


def test_any_groups_in_a_row_are_looked_at() -> None:
    """D2: as if each row of groups were put together and checked by itself."""
    draw, found = Random(1), 0
    for _ in range(2_000):
        sizes = [draw.randint(1, 6) for _ in range(draw.randint(1, 9))]
        groups = ["".join(draw.choices("0123456789", k=size)) for size in sizes]
        ends = range(len(groups) + 1)
        rows = [tuple(groups[a:b]) for a, b in combinations(ends, 2)]
        expected = any(map(_is_a_number, rows))
        assert holds_card_number(" ".join(groups)) is expected, groups
        found += expected
    assert 100 < found < 1_900
