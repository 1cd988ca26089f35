"""The contract of the interface, alone and mounted in three frameworks."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from healthpay_core import derive_id, is_id, new_id
from healthpay_http.asgi import HttpScope
from healthpay_http.call import Call
from tests.http.client import Service

WALLET = {
    "ownerId": "owner-1",
    "walletType": "personal",
    "currency": "EGP",
    "kycLevel": "basic",
}


def test_created_with_location_and_etag(hosted: Service) -> None:
    """H1, W1: a creation is 201 with `Location`, `ETag` and the whole resource."""
    answer = hosted.post("/v1/wallets", WALLET)
    wallet = answer.json["wallet"]
    prefix = hosted.client.prefix
    assert answer.status == 201
    assert answer.headers["location"] == f"{prefix}/v1/wallets/{wallet['walletId']}"
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["content-type"] == "application/json"
    assert wallet == WALLET | {
        "walletId": wallet["walletId"],
        "status": "pending",
        "balance": 0,
        "held": 0,
        "available": 0,
        "version": 1,
    }
    where = answer.headers["location"].removeprefix(prefix)
    assert hosted.get(where).json == {"wallet": wallet}


def test_wallet_id_of_the_caller_or_of_the_key(hosted: Service) -> None:
    """W1: the wallet id is the caller's, else it follows from the key alone."""
    mine = new_id()
    answer = hosted.post("/v1/wallets", {**WALLET, "walletId": mine})
    assert answer.json["wallet"]["walletId"] == mine
    answer = hosted.post("/v1/wallets", WALLET, key="the-key")
    command_id = derive_id("/wallet.create/the-key")
    assert answer.json["commandId"] == command_id
    assert answer.json["wallet"]["walletId"] == derive_id(command_id + "/wallet")


def test_command_answers_with_version_events_and_balances(hosted: Service) -> None:
    """H1: a command is 200 with the resulting version, event ids and balances."""
    wallet_id = hosted.open(20000)
    body = {"amount": 7450, "currency": "EGP", "reason": "withdrawal"}
    answer = hosted.post(f"/v1/wallets/{wallet_id}/debit", body)
    (event,) = answer.json["events"]
    assert answer.status == 200
    assert answer.json["wallet"]["balance"] == 12550
    assert answer.json["wallet"]["version"] == 4
    assert answer.headers["etag"] == '"4"'
    assert is_id(event.pop("eventId"))
    assert event == {
        "eventType": "wallet.debited",
        "aggregateId": wallet_id,
        "sequence": 4,
    }
    assert "location" not in answer.headers


def test_transfer(hosted: Service) -> None:
    """T1, T4: a transfer is 201, lists the events of all streams, and is readable."""
    source, destination = hosted.open(5000), hosted.open()
    answer = hosted.post(
        "/v1/transfers",
        {
            "sourceWalletId": source,
            "destinationWalletId": destination,
            "amount": 1200,
            "currency": "EGP",
            "reference": "rent",
        },
    )
    transfer = answer.json["transfer"]
    where = f"/v1/transfers/{transfer['transferId']}"
    assert answer.status == 201
    assert answer.headers["location"] == hosted.client.prefix + where
    assert transfer["status"] == "completed"
    assert [event["eventType"] for event in answer.json["events"]] == [
        "transfer.initiated",
        "wallet.debited",
        "wallet.credited",
        "transfer.completed",
    ]
    read = hosted.get(where)
    assert read.json == {"transfer": transfer}
    assert read.headers["etag"] == answer.headers["etag"]
    assert hosted.get(f"/v1/wallets/{destination}").json["wallet"]["balance"] == 1200


def test_life_cycle(hosted: Service) -> None:
    """W4-W7: every step of the life cycle has its route."""
    wallet_id, other = hosted.open(300), hosted.open()
    at = f"/v1/wallets/{wallet_id}"
    steps = [
        ("/suspend", {"reasonCode": "fraud", "note": "asked by phone"}, "suspended"),
        ("/activate", {"reasonCode": "cleared", "kycCheckRef": "c-1"}, "active"),
        ("/kyc-level", {"kycLevel": "basic", "evidenceRef": "e-1"}, "active"),
        ("/close", {"reasonCode": "moved", "sweepTo": other}, "closed"),
    ]
    for step, body, status in steps:
        answer = hosted.post(at + step, body)
        assert answer.status == 200, answer.body
        assert answer.json["wallet"]["status"] == status
    assert hosted.get(f"/v1/wallets/{other}").json["wallet"]["balance"] == 300


def test_replay_is_byte_identical(hosted: Service) -> None:
    """I4: a replay has the first answer's status and bytes, and says so."""
    first = hosted.post("/v1/wallets", WALLET, key="k")
    events = hosted.events()
    again = hosted.post("/v1/wallets", WALLET, key="k")
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert hosted.events() == events


def test_refusal_is_a_problem_document(hosted: Service) -> None:
    """E6, E9: a refusal has every member of the contract and typed extensions."""
    wallet_id = hosted.open(12550)
    path = f"/v1/wallets/{wallet_id}/debit"
    body = {"amount": 20000, "currency": "EGP", "reason": "withdrawal"}
    answer = hosted.post(path, body, headers={"x-correlation-id": "call-7"})
    prefix = hosted.client.prefix
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json == {
        "type": f"{prefix}/problems/insufficient-funds",
        "title": "Insufficient funds",
        "status": 422,
        "code": "INSUFFICIENT_FUNDS",
        "detail": "The balance less what is held does not cover the amount.",
        "instance": prefix + path,
        "retryable": False,
        "correlationId": "call-7",
        "requestedAmount": 20000,
        "availableAmount": 12550,
        "currency": "EGP",
    }


@pytest.mark.parametrize("path", ["/", "/n", "/v1/wallets/n", "/v1/no wallet/é"])
def test_the_references_of_a_problem_lead_somewhere(hosted: Service, path: str) -> None:
    """E6: below a mount `type` is explained there, and `instance` was asked."""
    prefix = hosted.client.prefix
    answer = hosted.get(path)
    assert answer.status == 404
    assert answer.json["instance"].startswith(f"{prefix}/")
    assert answer.json["type"].startswith(f"{prefix}/problems/")
    page = hosted.get(answer.json["type"].removeprefix(prefix))
    assert page.status == 200
    assert answer.code in page.body.decode()
    again = hosted.get(unquote(answer.json["instance"]).removeprefix(prefix))
    assert again.json["instance"] == answer.json["instance"]


def test_a_stored_refusal_refers_through_the_mount_that_asks(hosted: Service) -> None:
    """I4, E6: asked again, the same bytes; asked about, the same kind of problem."""
    path = f"/v1/wallets/{hosted.open(5)}/debit"
    body = {"amount": 6, "currency": "EGP", "reason": "withdrawal"}
    first = hosted.post(path, body, key="k")
    again = hosted.post(path, body, key="k")
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status, again.body) == (first.status, first.body)
    command_id = derive_id("/wallet.debit/k")
    told = hosted.get(f"/v1/commands/{command_id}").json
    assert told["type"] == first.json["type"]
    assert told["instance"] == f"{hosted.client.prefix}/v1/commands/{command_id}"


def test_one_trailing_slash_is_ignored(hosted: Service) -> None:
    """The path may end in a slash; the answer is the same one."""
    first = hosted.post("/v1/wallets", WALLET, key="k")
    again = hosted.post("/v1/wallets/", WALLET, key="k")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    where = f"/v1/wallets/{first.json['wallet']['walletId']}"
    assert hosted.get(where + "/").json == hosted.get(where).json


def test_framework_errors_are_problems_too(hosted: Service) -> None:
    """E6: an unknown route and a wrong method are problem documents."""
    unknown = hosted.get("/v1/nothing")
    assert (unknown.status, unknown.code) == (404, "ROUTE_NOT_FOUND")
    wrong = hosted.send("DELETE", "/v1/wallets", headers=None)
    assert (wrong.status, wrong.code) == (405, "METHOD_NOT_ALLOWED")
    assert wrong.headers["allow"] == "POST"
    reading = hosted.send("PUT", f"/v1/wallets/{new_id()}", headers=None)
    assert reading.headers["allow"] == "GET, HEAD"


def test_pages_and_operations_are_there(hosted: Service) -> None:
    """H8: the operators' routes answer below the mount as well."""
    paths = ("/livez", "/readyz", "/health", "/metrics", "/docs", "/openapi.json")
    for path in (*paths, "/problems/insufficient-funds"):
        assert hosted.get(path).status == 200, path
    servers = hosted.get("/openapi.json").json["servers"]
    assert servers == [{"url": hosted.client.prefix or "/"}]


def test_every_answer_carries_the_trace(hosted: Service) -> None:
    """H2: whatever the answer is, it names its trace and its correlation."""
    answers = [
        hosted.get("/livez"),
        hosted.get("/nowhere"),
        hosted.post("/v1/wallets", b"{"),
        hosted.post("/v1/wallets", WALLET),
    ]
    for answer in answers:
        assert len(answer.headers["traceparent"]) == 55
        trace_id = answer.headers["traceparent"][3:35]
        assert answer.headers["x-correlation-id"].replace("-", "") == trace_id


@pytest.mark.parametrize(
    ("path", "root", "local"),
    [
        ("/pay/v1/wallets", "/pay", "/v1/wallets"),
        ("/pay/v1/wallets/", "/pay/", "/v1/wallets"),
        ("/payments/v1", "/pay", "/payments/v1"),
        ("/v1/wallets", "/pay", "/v1/wallets"),
        ("/pay", "/pay", "/"),
        ("/", "", "/"),
        ("/v1/wallets//", "", "/v1/wallets/"),
    ],
)
def test_prefix_is_cut_at_a_segment(path: str, root: str, local: str) -> None:
    """The mount's prefix is cut where a segment ends, and one slash at the end."""
    scope: HttpScope = {
        "method": "GET",
        "path": path,
        "root_path": root,
        "headers": [],
    }
    call = Call(scope)
    assert call.path == local
    assert call.prefix == root.rstrip("/")


@pytest.mark.parametrize(
    ("raw", "path", "root", "prefix"),
    [
        (b"/pay/v1/wallets", "/v1/wallets", "", "/pay"),
        (b"/pay/v1/wallets/", "/v1/wallets/", "", "/pay"),
        (b"/pay/v1/%77allets", "/v1/wallets", "", "/pay"),
        (b"/pay", "/", "", "/pay"),
        (b"/pay", "/pay", "/pay", "/pay"),
        (b"/api/pay/v1/n", "/v1/n", "/api", "/api/pay"),
        (b"/v1/wallets", "/v1/wallets", "/pay", "/pay"),
        (b"/v1/wallets", "/v1/wallets", "", ""),
        (b"/", "/", "", ""),
        (b"/a%20b%C3%A9/n", "/n", "", "/a%20b%C3%A9"),
        (b"/n", "/n", "/a bé", "/a%20b%C3%A9"),
    ],
)
def test_the_prefix_is_what_the_client_sees(
    raw: bytes, path: str, root: str, prefix: str
) -> None:
    """H1, E6: cut by a framework or by a proxy, it is in what the answer refers to."""
    scope: HttpScope = {
        "method": "GET",
        "path": path,
        "raw_path": raw,
        "root_path": root,
        "headers": [],
    }
    assert Call(scope).prefix == prefix
