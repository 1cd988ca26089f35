"""The OpenAPI document, the docs page and the pages of problems."""

from __future__ import annotations

import re
from typing import get_args

import attrs
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from healthpay_core import CATALOGUE, Code
from healthpay_http.openapi import document
from healthpay_http.routes import ROUTES, Answer
from healthpay_http.schemas import body_schema
from healthpay_http.statuses import STATUSES, slug
from tests.http.client import Json, Service

DOCUMENT: Json = document(ROUTES)


def validator(name: str) -> Draft202012Validator:
    schema = {
        "$ref": f"#/components/schemas/{name}",
        "components": DOCUMENT["components"],
    }
    return Draft202012Validator(schema)


def test_document_is_valid(service: Service) -> None:
    """H6: what is served is a valid OpenAPI 3.1 document."""
    served = service.get("/openapi.json").json
    assert served["openapi"].startswith("3.1")
    validate(served)


def test_every_route_code_and_status() -> None:
    """H6: the document has each (route, code, status), and no other."""
    documented = set()
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            for status, response in operation["responses"].items():
                problem = response["content"].get("application/problem+json")
                if problem is not None:
                    enum = problem["schema"]["allOf"][1]["properties"]["code"]["enum"]
                    documented |= {(method, path, c, int(status)) for c in enum}
    expected = {
        (route.method.lower(), route.path, code.value, STATUSES[code])
        for route in ROUTES
        for code in route.codes
    }
    assert documented == expected
    assert len(expected) > 150


def test_every_success_is_documented() -> None:
    """H6: each route has its success, each command also its 202."""
    for route in ROUTES:
        responses = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
        assert str(route.success) in responses
        assert ("202" in responses) == (route.body is not None)
    assert {route.answer for route in ROUTES} <= set(get_args(Answer))


def test_operations_are_named_once() -> None:
    """The name of an operation is part of the idempotency scope: never shared."""
    names = [route.operation for route in ROUTES]
    assert len(names) == len(set(names))
    assert all((route.scope is not None) == ("/v1/" in route.path) for route in ROUTES)


def test_bodies_refuse_unknown_members() -> None:
    """H7: each body is closed, and its required members are those without default."""
    for route in ROUTES:
        if route.body is None:
            continue
        schema: Json = body_schema(route.body)
        assert schema["additionalProperties"] is False
        body: Json = route.body
        assert len(schema["properties"]) == len(attrs.fields(body))


def test_member_without_a_check_is_a_mistake() -> None:
    """A text without a bound would be a hole: the document cannot be made."""

    @attrs.frozen(kw_only=True)
    class Unchecked:
        name: str

    Unchecked.__annotations__["name"] = str
    with pytest.raises(TypeError, match="needs a check"):
        body_schema(Unchecked)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/credit", {"amount": 5, "currency": "EGP", "reason": "deposit"}),
        ("/activate", {}),
        ("/close", {"sweepTo": None}),
    ],
)
def test_document_and_service_agree_on_bodies(
    path: str, body: dict[str, Json], service: Service
) -> None:
    """H6, H7: what the schema refuses the service refuses, and the other way round."""
    operation = DOCUMENT["paths"]["/v1/wallets/{walletId}" + path]["post"]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]
    schema = validator(reference["$ref"].rpartition("/")[2])
    wallet_id = service.create()
    variants: list[dict[str, Json]] = [body, {**body, "unknown": 1}, {"amount": "5"}]
    variants += [{**body, name: ""} for name in ("reference", "reasonCode", "sweepTo")]
    variants += [{k: v for k, v in body.items() if k != name} for name in body]
    variants += [{**body, name: None} for name in body]
    for variant in variants:
        answer = service.post(f"/v1/wallets/{wallet_id}{path}", variant)
        assert schema.is_valid(variant) == (answer.status != 400), variant
        service.post(f"/v1/wallets/{wallet_id}/activate")


def test_answers_have_the_documented_shape(service: Service) -> None:
    """H6: real answers of every kind pass the schemas of the document."""
    source, destination = service.open(500), service.open()
    body = {
        "sourceWalletId": source,
        "destinationWalletId": destination,
        "amount": 5,
        "currency": "EGP",
    }
    transfer = service.post("/v1/transfers", body)
    transfer_id = transfer.json["transfer"]["transferId"]
    debit = {"amount": 900, "currency": "EGP", "reason": "fee"}
    documents = [
        ("TransferCommitted", transfer),
        ("TransferAnswer", service.get(f"/v1/transfers/{transfer_id}")),
        ("WalletAnswer", service.get(f"/v1/wallets/{source}")),
        ("EventPage", service.get(f"/v1/wallets/{source}/events?limit=2")),
        ("CommandAnswer", service.get(f"/v1/commands/{transfer.json['commandId']}")),
        ("Health", service.get("/readyz")),
        ("Health", service.get("/livez")),
        ("Problem", service.post(f"/v1/wallets/{source}/debit", debit)),
        ("Problem", service.post(f"/v1/wallets/{source}/debit", {})),
    ]
    suspended = service.post(f"/v1/wallets/{source}/suspend", {"reasonCode": "fraud"})
    documents.append(("WalletCommitted", suspended))
    for name, answer in documents:
        validator(name).validate(answer.json)


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_problem_has_its_page(code: Code, service: Service) -> None:
    """The `type` of a problem leads to a page that explains it."""
    answer = service.get(f"/problems/{slug(code)}")
    page = answer.body.decode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert CATALOGUE[code].title in page
    assert f"<code>{code.value}</code> · HTTP {STATUSES[code]}" in page


def test_unknown_problem(service: Service) -> None:
    """A type that does not exist has no page, and nothing of it is reflected."""
    answer = service.get("/problems/<script>alert(1)</script>")
    assert (answer.status, answer.code) == (404, "ROUTE_NOT_FOUND")
    answer = service.get("/problems/<script>")
    assert (answer.status, answer.code) == (404, "ROUTE_NOT_FOUND")
    assert b"<script>" not in answer.body


def test_docs_page_works_offline(service: Service) -> None:
    """The docs page loads nothing from elsewhere, and its policy forbids it."""
    answer = service.get("/docs")
    page = answer.body.decode()
    assert not re.search(r"https?://|//[a-z]+\.|@import|src=", page)
    assert page.count("<script>") == page.count("<style>") == 1
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy


def test_docs_policy_allows_exactly_the_page(service: Service) -> None:
    """The hashes of the policy are those of the script and the style in the page."""
    from base64 import b64encode
    from hashlib import sha256

    answer = service.get("/docs")
    policy = answer.headers["content-security-policy"]
    for tag in ("script", "style"):
        inner = re.search(f"<{tag}>(.*?)</{tag}>", answer.body.decode(), re.DOTALL)
        assert inner is not None
        digest = b64encode(sha256(inner[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
