"""The rules of idempotency over HTTP."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from healthpay_core import derive_id, new_id
from healthpay_http import HttpSettings
from healthpay_http.headers import idempotency_key
from healthpay_http.refusals import IdempotencyKeyInvalid, IdempotencyKeyMissing
from tests.http.client import Answer, Service
from tests.http.stubs import GatedCommands, StubCommands, over, unknown

WALLET = {
    "ownerId": "owner-1",
    "walletType": "personal",
    "currency": "EGP",
    "kycLevel": "basic",
}
DEPOSIT = {"amount": 100, "currency": "EGP", "reason": "deposit"}
WITHDRAWAL = {"amount": 100, "currency": "EGP", "reason": "withdrawal"}


def test_key_is_required(service: Service) -> None:
    """I1: a POST without the header is IDEMPOTENCY_KEY_MISSING, and does nothing."""
    headers = {"content-type": "application/json"}
    body = orjson.dumps(WALLET)
    answer = service.send("POST", "/v1/wallets", body=body, headers=headers)
    assert (answer.status, answer.code) == (400, "IDEMPOTENCY_KEY_MISSING")
    assert service.events() == 0


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b" ",
        b"two words",
        b"tab\tbed",
        b"\xc3\xa9",
        b"\x00",
        b"\x7f",
        b"x" * 256,
        b'""',
        b'"open',
        b'"',
        b'"in"side"',
        b'"a""b"',
        b'"bad \\escape"',
        b'"ends with\\"',
        b'"key";a=1',
        b"a, b",
    ],
)
def test_key_is_visible_ascii(key: bytes, service: Service) -> None:
    """I1: anything but 1 to 255 visible ASCII characters is refused."""
    assert isinstance(idempotency_key(key), IdempotencyKeyInvalid)
    answer = service.post("/v1/wallets", WALLET, headers={"idempotency-key": key})
    assert (answer.status, answer.code) == (400, "IDEMPOTENCY_KEY_INVALID")
    assert service.events() == 0


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        (b"k", "k"),
        (b' "k" ', "k"),
        (b"x" * 255, "x" * 255),
        (b'"' + b"x" * 255 + b'"', "x" * 255),
        (b'"a\\"b\\\\c"', 'a"b\\c'),
        (b'a"b', 'a"b'),
        (b"!~", "!~"),
    ],
)
def test_key_bare_or_quoted(sent: bytes, key: str) -> None:
    """I1: a bare key and a quoted structured-field string are the same key."""
    assert idempotency_key(sent) == key
    assert isinstance(idempotency_key(None), IdempotencyKeyMissing)


def test_quoted_key_replays_the_bare_one(service: Service) -> None:
    """I1: whoever quotes the key in the retry gets the replay."""
    service.post("/v1/wallets", WALLET, key="abc")
    again = service.post("/v1/wallets", WALLET, key='"abc"')
    assert again.headers["idempotent-replayed"] == "true"


def test_two_headers_are_no_key(service: Service) -> None:
    """I1: two keys in one request leave open which one is meant."""
    headers = {"content-type": "application/json", "idempotency-key": "a"}

    async def twice() -> Answer:
        client = service.client
        app = client.app

        async def with_second_key(scope, receive, send):  # type: ignore[no-untyped-def]
            scope["headers"].append((b"idempotency-key", b"b"))
            await app(scope, receive, send)

        client.app = with_second_key
        try:
            body = orjson.dumps(WALLET)
            return await client.send("POST", "/v1/wallets", body=body, headers=headers)
        finally:
            client.app = app

    assert service.runner.run(twice()).code == "IDEMPOTENCY_KEY_INVALID"


def test_member_order_and_headers_do_not_matter(service: Service) -> None:
    """I2: the fingerprint is of operation, path ids and body, not of their dress."""
    first = service.post("/v1/wallets", WALLET, key="k")
    turned = dict(reversed(WALLET.items()))
    headers = {
        "content-type": "application/json; charset=utf-8",
        "x-correlation-id": "other",
    }
    again = service.post("/v1/wallets", turned, key="k", headers=headers)
    assert again.body == first.body
    assert again.headers["x-correlation-id"] == "other"


def test_scope_is_the_operation(service: Service) -> None:
    """I2: one key in two operations is two commands."""
    wallet_id = service.open()
    credit = service.post(f"/v1/wallets/{wallet_id}/credit", DEPOSIT, key="k")
    debit = service.post(f"/v1/wallets/{wallet_id}/debit", WITHDRAWAL, key="k")
    assert (credit.status, debit.status) == (200, 200)
    assert credit.json["commandId"] != debit.json["commandId"]


def test_scope_is_the_tenant() -> None:
    """I2: two tenants may use one key; the command id tells them apart."""
    settings = HttpSettings(tenant_id="clinic-1")
    with Service(settings=settings).serving() as service:
        answer = service.post("/v1/wallets", WALLET, key="k")
        assert answer.json["commandId"] == derive_id("clinic-1/wallet.create/k")
        (recorded,) = service.store.feed()
        assert recorded.envelope.meta.tenant_id == "clinic-1"
    with pytest.raises(ValueError, match="slash"):
        HttpSettings(tenant_id="a/b")


@pytest.mark.parametrize("part", ["amount", "member", "path"])
def test_other_request_under_the_key(part: str, service: Service) -> None:
    """I2, I3: another body or another path id is IDEMPOTENCY_KEY_REUSED."""
    wallet_id, other = service.open(), service.open()
    service.post(f"/v1/wallets/{wallet_id}/credit", DEPOSIT, key="k")
    events = service.events()
    target = other if part == "path" else wallet_id
    body = dict(DEPOSIT)
    if part == "amount":
        body["amount"] = 101
    if part == "member":
        body["reference"] = "r"
    answer = service.post(f"/v1/wallets/{target}/credit", body, key="k")
    assert (answer.status, answer.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert service.events() == events


def test_refusals_are_pinned_to_the_byte(service: Service) -> None:
    """I4, I6: a decided refusal is answered again, though money came meanwhile."""
    wallet_id = service.open(50)
    path = f"/v1/wallets/{wallet_id}/debit"
    first = service.post(path, WITHDRAWAL, key="k", headers={"x-correlation-id": "1"})
    service.post(f"/v1/wallets/{wallet_id}/credit", DEPOSIT)
    again = service.post(path, WITHDRAWAL, key="k", headers={"x-correlation-id": "2"})
    assert first.code == "INSUFFICIENT_FUNDS"
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-correlation-id"] == "2"
    assert again.json["correlationId"] == "1"


def test_state_refusals_are_pinned(service: Service) -> None:
    """I6: a 409 of the state stays the answer to its key."""
    wallet_id = service.create()
    path = f"/v1/wallets/{wallet_id}/credit"
    first = service.post(path, DEPOSIT, key="k")
    assert first.code == "WALLET_NOT_ACTIVE"
    service.post(f"/v1/wallets/{wallet_id}/activate")
    assert service.post(path, DEPOSIT, key="k").body == first.body
    assert service.post(path, DEPOSIT, key="new").status == 200


def test_what_was_not_decided_is_not_pinned(service: Service) -> None:
    """I6: after 400, 404, 412, 413 and 415 the key is free."""
    wallet_id, other = service.open(), new_id()
    at = f"/v1/wallets/{wallet_id}/credit"
    large = {**DEPOSIT, "reference": "x" * 70_000}
    statuses = [
        service.post(at, {**DEPOSIT, "amount": "100"}, key="k").status,
        service.post(f"/v1/wallets/{other}/credit", DEPOSIT, key="k").status,
        service.post(at, DEPOSIT, key="k", headers={"if-match": '"9"'}).status,
        service.post(at, large, key="k").status,
        service.post(at, DEPOSIT, key="k", headers={"content-type": "x/y"}).status,
    ]
    assert statuses == [400, 404, 412, 413, 415]
    answer = service.post(at, DEPOSIT, key="k")
    assert answer.status == 200
    assert "idempotent-replayed" not in answer.headers


def test_running_key_is_in_use(service: Service) -> None:
    """I3, I5: while a command runs, its key is in use, or reused for another."""

    async def three() -> tuple[Answer, Answer, Answer]:
        post = service.client.post
        return await asyncio.gather(
            post("/v1/wallets", WALLET, key="k"),
            post("/v1/wallets", WALLET, key="k"),
            post("/v1/wallets", {**WALLET, "ownerId": "other"}, key="k"),
        )

    first, second, third = service.runner.run(three())
    assert first.status == 201
    assert (second.status, second.code) == (409, "IDEMPOTENCY_KEY_IN_USE")
    assert second.headers["retry-after"] == "1"
    assert second.json["retryable"] is True
    assert (third.status, third.code) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_fifty_posts_with_one_key(service: Service) -> None:
    """I9, I11: one effect, one 201, the others a replay or 409; never a 500."""

    async def storm() -> list[Answer]:
        async def late(turns: int) -> Answer:
            for _ in range(turns):
                await asyncio.sleep(0)
            return await service.client.post("/v1/wallets", WALLET, key="k")

        return await asyncio.gather(*(late(number // 5) for number in range(50)))

    answers = service.runner.run(storm())
    replays = [a for a in answers if "idempotent-replayed" in a.headers]
    fresh = [a for a in answers if a.status == 201 and a not in replays]
    in_use = [a for a in answers if a.status == 409]
    assert len(fresh) == 1
    assert replays
    assert in_use
    assert len(replays) + len(in_use) == 49
    assert {a.body for a in replays} == {fresh[0].body}
    assert {a.code for a in in_use} == {"IDEMPOTENCY_KEY_IN_USE"}
    assert service.events() == 1


def test_replay_passes_if_match(service: Service) -> None:
    """I10: a replay is answered though its `If-Match` is out of date by now."""
    wallet_id = service.open()
    path, match = f"/v1/wallets/{wallet_id}/credit", {"if-match": '"2"'}
    first = service.post(path, DEPOSIT, key="k", headers=match)
    again = service.post(path, DEPOSIT, key="k", headers=match)
    assert first.status == 200
    assert (again.status, again.body) == (first.status, first.body)
    assert service.post(path, DEPOSIT, headers=match).code == "VERSION_MISMATCH"


def test_key_becomes_the_command_id() -> None:
    """I2: the port gets the id of the key, the fingerprint, and who asked."""
    stub = StubCommands(unknown)
    with Service(backend=over(stub)).serving() as service:
        headers = {"x-correlation-id": "c", "if-match": '"7"'}
        wallet_id = new_id()
        path = f"/v1/wallets/{wallet_id}/credit"
        service.post(path, DEPOSIT, key="k", headers=headers)
    (request,) = stub.submitted
    assert request.command_id == derive_id("/wallet.credit/k")
    assert len(request.fingerprint) == 32
    assert request.expected_version == 7
    assert request.correlation_id == "c"
    assert request.actor.id == "anonymous"


def test_gone_client_does_not_cancel(service: Service) -> None:
    """A client that goes away after submission gets its command done."""
    wallet_id = service.open()
    path = f"/v1/wallets/{wallet_id}/credit"

    async def leave() -> None:
        task = asyncio.ensure_future(service.client.post(path, DEPOSIT, key="k"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.01)

    service.runner.run(leave())
    again = service.post(path, DEPOSIT, key="k")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json["wallet"]["balance"] == 100


def test_gate_is_honest() -> None:
    """The stub that other tests rely on holds commands back until it is opened."""
    gated = GatedCommands(StubCommands(unknown))
    with Service(backend=over(gated)).serving() as service:

        async def two_steps() -> tuple[int, Answer]:
            task = asyncio.ensure_future(service.client.post("/v1/wallets", WALLET))
            await asyncio.sleep(0.01)
            before = len(gated.inner.submitted)
            gated.gate.set()
            return before, await task

        before, answer = service.runner.run(two_steps())
    assert (before, answer.status) == (0, 202)
