"""The OpenAPI document allows what the service takes, and nothing more (H6)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator

from healthpay_core import derive_id
from healthpay_http.openapi import document
from healthpay_http.routes import ROUTES
from tests.http.client import Answer, Json, Service

DOCUMENT: Json = document(ROUTES)
ID, OTHER = derive_id("one"), derive_id("other")
WALLET = {"ownerId": "o", "walletType": "personal", "currency": "EGP"}
CREDIT = {"amount": 5, "currency": "EGP", "reason": "deposit"}
DEBIT = {"amount": 5, "currency": "EGP", "reason": "fee"}
PAYMENT = {
    "payerWalletId": ID,
    "merchantWalletId": OTHER,
    "amount": 5,
    "currency": "EGP",
    "method": "wallet",
}
CARD = {
    "walletId": ID,
    "cardToken": "t",
    "last4": "4242",
    "expMonth": 12,
    "expYear": 2099,
    "form": "virtual",
}
BY_CARD = {**PAYMENT, "method": "medcard"}
LISTS = {"allowedCategories": ["dental"], "blockedCategories": ["vision"]}
WALLETS = "/v1/wallets/{walletId}"


def _is_allowed(path: str, body: Json) -> bool:
    operation = DOCUMENT["paths"][path]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    components = {"components": DOCUMENT["components"]}
    return bool(Draft202012Validator({**schema, **components}).is_valid(body))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{WALLETS}/credit", {**CREDIT, "reason": "refund"}),
        (f"{WALLETS}/credit", {**CREDIT, "reason": "refund", "reference": None}),
        (f"{WALLETS}/credit", {**CREDIT, "reason": "refund", "reference": "r"}),
        (f"{WALLETS}/debit", {**DEBIT, "reason": "payment"}),
        (f"{WALLETS}/debit", {**DEBIT, "reason": "payment", "reference": "r"}),
        (f"{WALLETS}/debit", {**DEBIT, "reference": "bell \a"}),
        (f"{WALLETS}/debit", {**DEBIT, "reference": "next\x85line"}),
        (f"{WALLETS}/debit", {**DEBIT, "reference": "é ٤ 🏥"}),
        ("/v1/payments", {**PAYMENT, "cardId": ID}),
        ("/v1/payments", {**PAYMENT, "cardId": None}),
        ("/v1/payments", {**PAYMENT, "merchantCategory": "dental"}),
        ("/v1/payments", BY_CARD),
        ("/v1/payments", {**BY_CARD, "cardId": ID}),
        ("/v1/payments", {**BY_CARD, "merchantCategory": "dental"}),
        ("/v1/payments", {**BY_CARD, "cardId": ID, "merchantCategory": "dental"}),
        ("/v1/medcards", CARD),
        ("/v1/medcards", {**CARD, "last4": "424"}),
        ("/v1/medcards", {**CARD, "last4": "42a2"}),
        ("/v1/medcards", {**CARD, "last4": "٤٢٤٢"}),
        ("/v1/medcards", {**CARD, "controls": LISTS}),
        ("/v1/medcards", {**CARD, "controls": {**LISTS, "blockedCategories": None}}),
    ],
    ids=repr,
)
def test_bodies_are_valid_in_both_or_in_none(
    path: str, body: dict[str, Json], service: Service
) -> None:
    """H6, C2, D2, D7: what the schema refuses is 400, and only that."""
    answer = service.post(path.replace("{walletId}", service.open()), body)
    assert _is_allowed(path, body) == (answer.status != 400), answer.body


@pytest.mark.parametrize(
    "key",
    ["k", '"k"', r'"a\"b"', r'"a\\b"', 'a"b', '"', '""', '"a', '"a"b"', '"a b"', "a b"]
    + ["x" * 255, "x" * 256, f'"{"x" * 255}"', f'"{"x" * 256}"', "é", ""],
)
def test_keys_are_valid_in_both_or_in_none(key: str, service: Service) -> None:
    """H6, I1: the pattern of `Idempotency-Key` is what is accepted."""
    pattern = DOCUMENT["components"]["parameters"]["IdempotencyKey"]["schema"]
    answer = service.post(f"/v1/wallets/{service.open()}/credit", CREDIT, key=key)
    is_allowed = re.search(pattern["pattern"], key) is not None
    assert is_allowed == (answer.status == 200), answer.body


@pytest.mark.parametrize(
    "tag", ['"2"', '"02"', '"0"', "2", 'W/"2"', "*", f'"{"9" * 16}"', f'"{"9" * 17}"']
)
def test_tags_are_valid_in_both_or_in_none(tag: str, service: Service) -> None:
    """H6, V3: the pattern of `If-Match` is what is accepted."""
    pattern = DOCUMENT["components"]["parameters"]["IfMatch"]["schema"]["pattern"]
    path = f"/v1/wallets/{service.open()}/credit"
    answer = service.post(path, CREDIT, headers={"if-match": tag})
    assert (re.search(pattern, tag) is not None) == (answer.status != 400)


@pytest.mark.parametrize("number", [-1, 0, 1, 1000, 1001, 2**53 - 1, 2**53, 2**63])
@pytest.mark.parametrize(
    ("path", "name"),
    [("/events", "after"), ("/events", "limit"), ("", "version")],
)
def test_numbers_of_queries_are_valid_in_both_or_in_none(
    path: str, name: str, number: int, service: Service
) -> None:
    """H6: the bounds of a parameter are those of the service."""
    parameters = DOCUMENT["paths"][WALLETS + path]["get"]["parameters"]
    (schema,) = (p["schema"] for p in parameters if p.get("name") == name)
    answer = service.get(f"/v1/wallets/{service.open()}{path}?{name}={number}")
    is_allowed = Draft202012Validator(schema).is_valid(number)
    assert is_allowed == (answer.status != 400), answer.body


def test_links_lead_on(service: Service) -> None:
    """H6: each link of a creation names an operation, and its id is in the answer."""
    operations = {
        operation["operationId"]: operation
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
    }
    followed = set()
    for path, answer in _creations(service):
        links = DOCUMENT["paths"][path]["post"]["responses"]["201"]["links"]
        for name in links:
            link = DOCUMENT["components"]["links"][name]
            ((parameter, expression),) = link["parameters"].items()
            target = operations[link["operationId"]]["parameters"]
            assert parameter in {p.get("name") for p in target}
            value = answer.json
            for part in expression.removeprefix("$response.body#/").split("/"):
                value = value[part]
            assert value in (answer.json["commandId"], answer.headers["location"][-36:])
            followed.add(name)
    with_id = {route.operation for route in ROUTES if route.resource}
    assert followed == with_id == set(DOCUMENT["components"]["links"])


def _creations(service: Service) -> Iterator[tuple[str, Answer]]:
    payer, shop = service.open(500), service.open(walletType="merchant")
    transfer = {"sourceWalletId": payer, "destinationWalletId": shop}
    money = {"amount": 5, "currency": "EGP"}
    parties = {"payerWalletId": payer, "merchantWalletId": shop}
    bodies: dict[str, Json] = {
        "/v1/wallets": {**WALLET, "kycLevel": "basic"},
        "/v1/transfers": {**transfer, **money},
        "/v1/payments": {**PAYMENT, **parties},
        "/v1/medcards": {**CARD, "walletId": payer},
    }
    for path, body in bodies.items():
        answer = service.post(path, body)
        assert answer.status == 201, answer.body
        yield path, answer
