"""The catalogue over HTTP: one status a code, and each code really answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import pytest

from healthpay_core import (
    CATALOGUE,
    NO_LIMITS,
    Code,
    CommandRequest,
    LimitPolicy,
    Limits,
    PlaceHold,
    PolicyRef,
    new_id,
)
from healthpay_core.refusals import (
    ConcurrencyConflict,
    CorruptStream,
    IdempotencyKeyInUse,
    NotDone,
    StoreUnavailable,
    TransferTimedOut,
)
from healthpay_http import HttpSettings
from healthpay_http.call import Call
from healthpay_http.replies import problem_members
from healthpay_http.routes import ROUTES
from healthpay_http.statuses import STATUSES, problem_type
from healthpay_wire.names import camel
from healthpay_wire.refusals import BY_CODE
from tests.http.client import Answer, Json, Service
from tests.http.payment_cases import CASES, Shop
from tests.http.stubs import refusing

STRICT = LimitPolicy(
    ref=PolicyRef(id="strict", version=1),
    rows={
        ("personal", "basic", "EGP"): Limits(per_day=0),
        ("personal", "full", "EGP"): Limits(per_transaction=1000),
    },
    unique_references=True,
)
MAX = 2**53 - 1


def money(amount: Json, reason: str, currency: str = "EGP", **more: Json) -> Json:
    return {"amount": amount, "currency": currency, "reason": reason, **more}


def credit(s: Service, wallet_id: str, body: Json) -> Answer:
    return s.post(f"/v1/wallets/{wallet_id}/credit", body)


def debit(s: Service, wallet_id: str, body: Json) -> Answer:
    return s.post(f"/v1/wallets/{wallet_id}/debit", body)


def transfer(s: Service, source: str, destination: str, **more: Json) -> Answer:
    body = {
        "sourceWalletId": source,
        "destinationWalletId": destination,
        "amount": 5,
        "currency": "EGP",
        **more,
    }
    return s.post("/v1/transfers", body)


def create(s: Service, **more: Json) -> Answer:
    body = {
        "ownerId": "o",
        "walletType": "personal",
        "currency": "EGP",
        "kycLevel": "full",
        **more,
    }
    return s.post("/v1/wallets", body)


def step(s: Service, wallet_id: str, name: str, body: Json = None) -> Answer:
    return s.post(f"/v1/wallets/{wallet_id}/{name}", body)


def closed(s: Service) -> str:
    wallet_id = s.open()
    assert step(s, wallet_id, "close").status == 200
    return wallet_id


def held(s: Service) -> str:
    wallet_id = s.open(100)
    hold = PlaceHold(
        wallet_id=wallet_id,
        hold_id=new_id(),
        amount=10,
        currency="EGP",
        purpose="payment",
        expires_at=2**50,
    )
    s.handler.handle(CommandRequest(command=hold))
    return wallet_id


def lowered(s: Service) -> str:
    wallet_id = s.open(100)
    step(s, wallet_id, "kyc-level", {"kycLevel": "basic"})
    return wallet_id


def second_reference(s: Service) -> Answer:
    wallet_id = s.open(100)
    debit(s, wallet_id, money(5, "fee", reference="r"))
    return debit(s, wallet_id, money(6, "fee", reference="r"))


def second_transfer(s: Service) -> Answer:
    source, destination, transfer_id = s.open(100), s.open(), new_id()
    transfer(s, source, destination, transferId=transfer_id)
    return transfer(s, source, destination, transferId=transfer_id)


def reused(s: Service) -> Answer:
    body = {"ownerId": "o", "walletType": "personal", "currency": "EGP"}
    s.post("/v1/wallets", {**body, "kycLevel": "full"}, key="k")
    return s.post("/v1/wallets", {**body, "kycLevel": "basic"}, key="k")


def with_headers(s: Service, headers: dict[str, str], body: Json) -> Answer:
    return s.post(f"/v1/wallets/{s.open()}/credit", body, headers=headers)


DEPOSIT = money(5, "deposit")
NORMAL: dict[Code, Callable[[Service], Answer]] = {
    Code.VALIDATION_ERROR: lambda s: create(s, kycLevel="unverified"),
    Code.UNSUPPORTED_CURRENCY: lambda s: create(s, currency="XAU"),
    Code.CURRENCY_MISMATCH: lambda s: credit(s, s.open(), money(5, "deposit", "USD")),
    Code.INVALID_AMOUNT: lambda s: credit(s, s.open(), money(0, "deposit")),
    Code.AMOUNT_OVERFLOW: lambda s: credit(s, s.open(), money(MAX + 1, "deposit")),
    Code.WALLET_NOT_FOUND: lambda s: credit(s, new_id(), DEPOSIT),
    Code.WALLET_ALREADY_EXISTS: lambda s: create(s, walletId=s.create()),
    Code.INVALID_STATE_TRANSITION: lambda s: step(s, s.open(), "activate"),
    Code.WALLET_NOT_ACTIVE: lambda s: credit(s, s.create(), DEPOSIT),
    Code.WALLET_CLOSED: lambda s: credit(s, closed(s), DEPOSIT),
    Code.WALLET_HAS_BALANCE: lambda s: step(s, s.open(100), "close"),
    Code.WALLET_HAS_OPEN_HOLDS: lambda s: step(s, held(s), "close"),
    Code.KYC_LEVEL_INSUFFICIENT: lambda s: debit(s, lowered(s), money(5, "fee")),
    Code.LIMIT_EXCEEDED: lambda s: debit(s, s.open(5000), money(2000, "fee")),
    Code.INSUFFICIENT_FUNDS: lambda s: debit(s, s.open(5), money(6, "fee")),
    Code.REASON_NOT_ALLOWED: lambda s: credit(s, s.open(), money(5, "transfer_in")),
    Code.DUPLICATE_REFERENCE: second_reference,
    Code.SELF_TRANSFER_NOT_ALLOWED: lambda s: transfer(s, *[s.open(100)] * 2),
    Code.SOURCE_WALLET_NOT_FOUND: lambda s: transfer(s, new_id(), s.open()),
    Code.DESTINATION_WALLET_NOT_FOUND: lambda s: transfer(s, s.open(9), new_id()),
    Code.TRANSFER_NOT_FOUND: lambda s: s.get(f"/v1/transfers/{new_id()}"),
    Code.TRANSFER_ALREADY_EXISTS: second_transfer,
    Code.COMMAND_NOT_FOUND: lambda s: s.get(f"/v1/commands/{new_id()}"),
    Code.IDEMPOTENCY_KEY_MISSING: lambda s: s.send("POST", "/v1/wallets", headers=None),
    Code.IDEMPOTENCY_KEY_INVALID: lambda s: s.post("/v1/wallets", {}, key="a b"),
    Code.IDEMPOTENCY_KEY_REUSED: reused,
    Code.VERSION_MISMATCH: lambda s: with_headers(s, {"if-match": '"9"'}, DEPOSIT),
    Code.ROUTE_NOT_FOUND: lambda s: s.get("/v2"),
    Code.METHOD_NOT_ALLOWED: lambda s: s.get("/v1/wallets"),
    Code.BODY_TOO_LARGE: lambda s: s.post("/v1/wallets", b" " * 70_000),
    Code.UNSUPPORTED_MEDIA_TYPE: lambda s: with_headers(
        s, {"content-type": "text/plain"}, DEPOSIT
    ),
}


def in_a_shop(case: Callable[[Shop], Answer]) -> Callable[[Service], Answer]:
    return lambda service: case(Shop(service))


NORMAL |= {code: in_a_shop(case) for code, case in CASES.items()}
"""How to get each code out of a real service."""

FAULTS: dict[Code, NotDone] = {
    Code.TRANSFER_TIMEOUT: TransferTimedOut(expired_at=0),
    Code.IDEMPOTENCY_KEY_IN_USE: IdempotencyKeyInUse(command_id="c"),
    Code.CONCURRENCY_CONFLICT: ConcurrencyConflict(attempts=3),
    Code.STORE_UNAVAILABLE: StoreUnavailable(retry_after_s=7),
    Code.CORRUPT_STREAM: CorruptStream(stream="wallet/w", sequence=3),
}
"""What a healthy service never answers: a port says it."""

ELSEWHERE = {
    Code.PRECONDITION_REQUIRED: "test_precondition_required",
    Code.INTERNAL_ERROR: "test_internal_error",
}


def problem_holds(answer: Answer, code: Code) -> None:
    """E6: the document is whole, and says what the catalogue says."""
    entry, document = CATALOGUE[code], answer.json
    assert (answer.code, answer.status) == (code.value, STATUSES[code]), answer.body
    assert document["status"] == answer.status
    assert document["title"] == entry.title
    assert document["type"] == problem_type(code)
    assert document["retryable"] is entry.retryable
    assert document["detail"]
    assert document["instance"].startswith("/")
    assert document["correlationId"] == answer.headers["x-correlation-id"]
    for name in document:
        assert len(name) >= 3
        assert name.isalnum()
        assert name[0].isalpha()


def test_one_status_a_code() -> None:
    """E1: the tables of codes and of statuses have the same codes, both ways."""
    assert set(STATUSES) == set(CATALOGUE) == set(Code)


def test_status_policy() -> None:
    """E1: only the statuses of the policy are used, and load is retryable."""
    allowed = {400, 404, 405, 409, 412, 413, 415, 422, 428, 500, 503}
    assert set(STATUSES.values()) == allowed
    retryable = {code.value for code, entry in CATALOGUE.items() if entry.retryable}
    assert retryable == {
        "CONCURRENCY_CONFLICT",
        "IDEMPOTENCY_KEY_IN_USE",
        "STORE_UNAVAILABLE",
    }


def test_every_code_is_raised_below() -> None:
    """E1: this file answers every code of the catalogue over HTTP."""
    assert [*NORMAL, *FAULTS, *ELSEWHERE] == sorted(
        CATALOGUE, key=[*NORMAL, *FAULTS, *ELSEWHERE].index
    )
    assert all(name in globals() for name in ELSEWHERE.values())


@pytest.mark.parametrize("code", NORMAL)
def test_raised_by_a_real_service(code: Code) -> None:
    """E1, E6: the code comes out of the domain with its one status."""
    with Service(policy=STRICT).serving() as service:
        problem_holds(NORMAL[code](service), code)


@pytest.mark.parametrize("code", FAULTS)
def test_said_by_a_port(code: Code) -> None:
    """E1, E4: faults of the machinery have codes of their own."""
    with Service(backend=refusing(FAULTS[code])).serving() as service:
        answer = service.post(f"/v1/wallets/{new_id()}/credit", DEPOSIT)
    problem_holds(answer, code)
    waiting = {Code.STORE_UNAVAILABLE: "7", Code.IDEMPOTENCY_KEY_IN_USE: "1"}
    assert answer.headers.get("retry-after") == waiting.get(code)


def test_precondition_required() -> None:
    """V4: a conditional operation without `If-Match` is 428."""
    settings = HttpSettings(conditional_operations=frozenset({"wallet.credit"}))
    with Service(settings=settings).serving() as service:
        answer = service.post(f"/v1/wallets/{service.open()}/credit", DEPOSIT)
    problem_holds(answer, Code.PRECONDITION_REQUIRED)


def test_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    """E5: an unexpected error is a fixed text and an id that stands in the log."""
    with Service().serving() as service:

        async def explode(_: CommandRequest) -> None:
            raise RuntimeError("password=hunter2")

        service.runtime.submit = explode  # type: ignore[assignment,method-assign]
        answer = create(service)
        metrics = service.get("/metrics").body.decode()
    problem_holds(answer, Code.INTERNAL_ERROR)
    assert b"hunter2" not in answer.body
    assert answer.json["detail"] == CATALOGUE[Code.INTERNAL_ERROR].meaning
    assert answer.json["errorId"] in caplog.text
    assert "hunter2" in caplog.text
    assert 'healthpay_commands_failed_total{code="INTERNAL_ERROR"} 1.0' in metrics


def test_limit_refusal_says_all() -> None:
    """E9: a limit's refusal carries its name, amounts and when it is free again."""
    policy = LimitPolicy(
        ref=PolicyRef(id="p", version=1),
        rows={("personal", "full", "EGP"): Limits(per_day=100)},
    )
    with Service(policy=policy).serving() as limited:
        wallet_id = limited.open(500)
        debit(limited, wallet_id, money(80, "fee"))
        document = debit(limited, wallet_id, money(30, "fee")).json
    assert document["code"] == "LIMIT_EXCEEDED"
    assert document["limitName"] == "daily"
    assert document["limitAmount"] == 100
    assert document["usedAmount"] == 80
    assert document["requestedAmount"] == 30
    assert document["resetsAt"].endswith("Z")


def test_party_of_a_transfer() -> None:
    """E9, T3: a transfer's refusal says which party is at fault."""
    with Service(policy=NO_LIMITS).serving() as service:
        source, destination = service.open(100), service.create()
        document = transfer(service, source, destination).json
    assert (document["code"], document["party"]) == ("WALLET_NOT_ACTIVE", "destination")


def test_members_never_hide_the_standard_ones() -> None:
    """E6: no extension has the name of a member that the document already has."""
    call = Call({"method": "GET", "path": "/", "headers": []})
    standard = set(problem_members(call, StoreUnavailable(), "c")) - {"retryAfterS"}
    for cls in BY_CODE.values():
        names = {camel(field.name) for field in fields(cls)}
        assert not standard & names, cls


def test_every_domain_code_is_documented_somewhere() -> None:
    """H6: each code stands at some route, but for what no route can answer yet."""
    documented = {code for route in ROUTES for code in route.codes}
    assert set(CATALOGUE) - documented == {Code.METHOD_NOT_ALLOWED}


@pytest.mark.parametrize(
    ("name", "body", "needs_another_state"),
    [
        ("activate", {}, "active"),
        ("suspend", {"reasonCode": "other"}, "pending"),
        ("close", {}, None),
        ("kyc-level", {"kycLevel": "full"}, "active"),
        ("credit", money(5, "deposit"), None),
        ("debit", money(5, "fee"), None),
    ],
)
def test_refusals_of_each_step(
    name: str, body: Json, needs_another_state: str | None, service: Service
) -> None:
    """H6: what each step on a wallet is refused with stands in the document.

    The fixture compares every answer with the document when the test ends.
    """
    answers = [
        step(service, new_id(), name, body),
        step(service, closed(service), name, body),
    ]
    expected = ["WALLET_NOT_FOUND", "WALLET_CLOSED"]
    if needs_another_state is not None:
        wallet_id = (
            service.create() if needs_another_state == "pending" else service.open()
        )
        answers.append(step(service, wallet_id, name, body))
        expected.append("INVALID_STATE_TRANSITION")
    assert [answer.code for answer in answers] == expected


def test_refusals_of_a_sweep(service: Service) -> None:
    """H6, W7: closing with a sweep is refused with what a transfer is refused with."""
    answers = [
        step(service, service.open(5), "close", {"sweepTo": new_id()}),
        step(service, service.open(5), "close", {"sweepTo": service.create()}),
        step(service, service.open(5), "close", {"sweepTo": closed(service)}),
        step(
            service, service.open(5), "close", {"sweepTo": service.open(currency="USD")}
        ),
    ]
    assert [answer.code for answer in answers] == [
        "DESTINATION_WALLET_NOT_FOUND",
        "WALLET_NOT_ACTIVE",
        "WALLET_CLOSED",
        "CURRENCY_MISMATCH",
    ]
