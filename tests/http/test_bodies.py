"""Bad bodies: the right problem, every fault at once, and nothing changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import orjson
import pytest

from healthpay_core import new_id
from tests.http.client import Answer, Json, Service

CREDIT = {"amount": 100, "currency": "EGP", "reason": "deposit"}
WALLET = {
    "ownerId": "owner-1",
    "walletType": "personal",
    "currency": "EGP",
    "kycLevel": "basic",
}


@pytest.fixture
def wallet(service: Service) -> Iterator[str]:
    """An active wallet; whatever the test sends must leave it as it is."""
    wallet_id = service.open(500)
    before = service.store.feed(0, 1000)
    yield f"/v1/wallets/{wallet_id}"
    assert service.store.feed(0, 1000) == before


def pointers(answer: Answer) -> list[str]:
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR"), answer.body
    return [fault["pointer"] for fault in answer.json["errors"]]


@pytest.mark.parametrize(
    "amount",
    [
        "100.0",
        "1e2",
        "1E400",
        '"100"',
        "true",
        "null",
        "[100]",
        '{"amount": 100}',
        "18446744073709551616",
        "9" * 400,
    ],
)
def test_amounts_are_json_integers(amount: str, service: Service, wallet: str) -> None:
    """M1, M9: floats, exponents, texts, booleans, past 64 bits: VALIDATION_ERROR."""
    body = b'{"amount": %b, "currency": "EGP", "reason": "deposit"}'
    answer = service.post(wallet + "/credit", body % amount.encode())
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR"), answer.body
    assert pointers(answer) in (["/amount"], [""])


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (0, "INVALID_AMOUNT"),
        (-1, "INVALID_AMOUNT"),
        (-(2**63), "INVALID_AMOUNT"),
        (2**53, "AMOUNT_OVERFLOW"),
        (2**63 - 1, "AMOUNT_OVERFLOW"),
        (2**64 - 1, "AMOUNT_OVERFLOW"),
    ],
)
def test_integers_out_of_range(
    amount: int, code: str, service: Service, wallet: str
) -> None:
    """M5, M6: an integer that is no possible amount is 422, well-formed as it is."""
    answer = service.post(wallet + "/credit", {**CREDIT, "amount": amount})
    assert (answer.status, answer.code) == (422, code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[]",
        b"null",
        b"1",
        b'"text"',
        b"{} {}",
        b"{'amount': 1}",
        b"\xef\xbb\xbf{}",
        b'{"amount": NaN}',
        b'{"amount": Infinity}',
        b'{"amount": 01}',
        b'{"reference": "\xff\xfe"}',
        b'{"reference": "\xed\xa0\x80"}',
        b'{"reference": "\\ud800"}',
        b'{"reference": "\x00"}',
        b"\x00" * 50,
        b"[" * 60_000,
        b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
        b'{"a":' * 1_000 + b"1" + b"}" * 1_000,
        orjson.dumps(CREDIT).decode().encode("utf-16"),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_broken_json(body: bytes, service: Service, wallet: str) -> None:
    """H7: no body, broken JSON, a BOM, bad UTF-8, NUL, depth: 400 at the whole."""
    assert pointers(service.post(wallet + "/credit", body)) == [""]


@pytest.mark.parametrize("depth", [10, 900, 1_000, 1_020])
def test_a_card_number_is_found_however_deep(
    depth: int, service: Service, wallet: str
) -> None:
    """D2, H7: what the parser still reads is looked through to its bottom: 400."""
    deep = b"[" * depth + b'"4111111111111111"' + b"]" * depth
    answer = service.post(wallet + "/activate", b'{"reasonCode":' + deep + b"}")
    assert pointers(answer) == ["/reasonCode", "/reasonCode" + "/0" * depth]


def test_a_card_number_is_found_however_it_is_written(
    service: Service, wallet: str
) -> None:
    """D2: JSON may write any digit as an escape."""
    digits = b"".join(b"\\u%04x" % digit for digit in b"4111111111111111")
    for reference in (b"411111\\u0031\\u0031111111\\u00311", digits):
        body = orjson.dumps({**CREDIT, "reference": "R"}).replace(b"R", reference)
        assert pointers(service.post(wallet + "/credit", body)) == ["/reference"]


def test_every_fault_at_once(service: Service, wallet: str) -> None:
    """E7: all faults come in one answer, each with its JSON Pointer."""
    body = {
        "amount": "1",
        "currency": "egp",
        "reason": "gift",
        "reference": "",
        "counterAccount": 7,
        "a/b~c": 1,
        "note": None,
    }
    answer = service.post(wallet + "/credit", body)
    assert sorted(pointers(answer)) == [
        "/amount",
        "/a~1b~0c",
        "/counterAccount",
        "/currency",
        "/note",
        "/reason",
        "/reference",
    ]
    assert answer.json["detail"] == "7 faults in the request."
    assert all(fault["detail"] for fault in answer.json["errors"])


def test_missing_members(service: Service) -> None:
    """E7: every member that is missing is named."""
    answer = service.post("/v1/wallets", b"{}")
    assert sorted(pointers(answer)) == [
        "/currency",
        "/kycLevel",
        "/ownerId",
        "/walletType",
    ]
    assert service.events() == 0


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("ownerId", ""),
        ("ownerId", "x" * 129),
        ("ownerId", "a\u0000b"),
        ("ownerId", "line\nbreak"),
        ("ownerId", "\u0085"),
        ("ownerId", ["a"]),
        ("walletType", "Personal"),
        ("walletType", ["personal"]),
        ("currency", "EG"),
        ("currency", "ÉGP"),
        ("currency", "EGPX"),
        ("currency", "egp"),
        ("kycLevel", "unverified"),
        ("kycLevel", True),
        ("walletId", "not-a-uuid"),
        ("walletId", "A2E0C7D4-8E0B-4C0B-9C57-2D2D5B1C6E11"),
        ("walletId", "{a2e0c7d4-8e0b-4c0b-9c57-2d2d5b1c6e11}"),
        ("walletId", "a2e0c7d4-8e0b-4c0b-9c57-2d2d5b1c6e11\n"),
    ],
)
def test_one_bad_member(member: str, value: Json, service: Service) -> None:
    """H7: lengths, control characters, choices and ids are checked at their place."""
    answer = service.post("/v1/wallets", {**WALLET, member: value})
    assert pointers(answer) == ["/" + member]
    assert service.events() == 0


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE events; --",
        "<script>alert(1)</script>",
        "قسيمة دواء",
        "👩🏽‍⚕️",
        "e\u0301 \u202eevil",
        "\U0010ffff",
        "${jndi:ldap://x}",
        "../../etc/passwd",
        "a: b: c",
        "%00%0a",
    ],
)
def test_odd_texts_are_only_texts(text: str, service: Service) -> None:
    """SQL, HTML and odd Unicode are kept as they came, and do nothing."""
    wallet_id = service.open()
    path = f"/v1/wallets/{wallet_id}"
    answer = service.post(path + "/credit", {**CREDIT, "reference": text})
    assert answer.status == 200
    last = service.get(path + "/events").json["events"][-1]
    assert last["data"]["reference"] == text
    owner = service.post("/v1/wallets", {**WALLET, "ownerId": text})
    assert owner.json["wallet"]["ownerId"] == text


@pytest.mark.parametrize(
    ("body", "member"),
    [
        (b'{"amount":1,"amount":2,"currency":"EGP","reason":"deposit"}', "/amount"),
        (b'{"amount":1,"amount":1,"currency":"EGP","reason":"deposit"}', "/amount"),
        (b'{"amount":1,"\\u0061mount":2,"currency":"E","reason":"d"}', "/amount"),
        (b'{"a/b":{"x":1,"x":2},"a/b":2,"c":%b}' % (b"9" * 300), "/a~1b"),
        (b'{"a":{"x":1,"x":2},"c":%b}' % (b"9" * 300), "/a/x"),
        (b'{"a":[0,{"b":{"y":1,"x~":1,"x~":2}}]}', "/a/1/b/x~0"),
    ],
)
def test_members_given_twice(
    body: bytes, member: str, service: Service, wallet: str
) -> None:
    """H7: a member given twice leaves open which one is meant; refused."""
    answer = service.post(wallet + "/credit", body)
    assert pointers(answer) == [member]


def test_colons_in_texts_are_not_members(service: Service) -> None:
    """A text with colons looks like more members, and is none."""
    body = {**CREDIT, "counterAccount": "external:bank:1", "reference": "a:b"}
    answer = service.post(f"/v1/wallets/{service.open()}/credit", body)
    assert answer.status == 200


def test_null_is_absent(service: Service) -> None:
    """An optional member may be null; a required one may not."""
    body = {**CREDIT, "reference": None, "counterAccount": None}
    path = f"/v1/wallets/{service.open()}/credit"
    assert service.post(path, body).status == 200
    assert pointers(service.post(path, {**CREDIT, "currency": None})) == ["/currency"]


def test_refund_without_reference(service: Service, wallet: str) -> None:
    """C2: what the domain finds missing is a fault at its pointer as well."""
    answer = service.post(wallet + "/credit", {**CREDIT, "reason": "refund"})
    assert pointers(answer) == ["/reference"]


def test_many_faults_are_counted_not_all_listed(service: Service, wallet: str) -> None:
    """E7: a body made of faults is not answered with a far longer one."""
    body = CREDIT | {f"m{n}": n for n in range(3000)}
    answer = service.post(wallet + "/credit", body)
    assert answer.json["detail"] == "3000 faults in the request."
    assert len(answer.json["errors"]) == 100


@pytest.mark.parametrize("path_id", ["x", "%20", "é", "a" * 300, "..", "{walletId}"])
def test_path_ids_that_are_no_ids(path_id: str, service: Service) -> None:
    """An id in the path that cannot be one is an unknown wallet, after the syntax."""
    path = f"/v1/wallets/{path_id}/credit"
    answer = service.post(path, CREDIT)
    assert (answer.status, answer.code) == (404, "WALLET_NOT_FOUND")
    assert answer.json["walletId"] == path_id[:64]
    assert answer.json["instance"].isascii()
    assert service.post(path, {**CREDIT, "amount": 1.5}).code == "VALIDATION_ERROR"
    reading = service.get(f"/v1/wallets/{path_id}")
    assert (reading.status, reading.code) == (404, "WALLET_NOT_FOUND")


def test_surrogate_in_a_path(service: Service) -> None:
    """A server that decodes bad bytes of a path to surrogates gets a 404 as well."""

    async def ask() -> Answer:
        client = service.client
        app = client.app

        async def spoilt(scope, receive, send):  # type: ignore[no-untyped-def]
            scope["path"] = "/v1/wallets/\udcff"
            await app(scope, receive, send)

        client.app = spoilt
        return await client.get(f"/v1/wallets/{new_id()}")

    assert service.runner.run(ask()).code == "WALLET_NOT_FOUND"


def test_concurrent_bad_bodies(service: Service, wallet: str) -> None:
    """Bad requests among each other stay apart: each gets its own faults."""

    async def storm() -> list[Answer]:
        post = service.client.post
        bodies = [{**CREDIT, f"m{n}": 1} for n in range(20)]
        return await asyncio.gather(*(post(wallet + "/credit", b) for b in bodies))

    answers = service.runner.run(storm())
    assert [pointers(answer) for answer in answers] == [[f"/m{n}"] for n in range(20)]
