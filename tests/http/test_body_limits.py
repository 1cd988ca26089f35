"""How a body comes: its media type, its length, its pieces."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from healthpay_http import HttpSettings
from healthpay_http.asgi import Message
from tests.http.client import Service

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


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "text/plain",
        "application/problem+json",
        "application/json; charset=latin-1",
        "application/json, text/plain",
        "",
    ],
)
def test_media_type(media_type: str | None, service: Service, wallet: str) -> None:
    """Anything but JSON in UTF-8 is 415."""
    headers = {"idempotency-key": "k"}
    if media_type is not None:
        headers["content-type"] = media_type
    body = orjson.dumps(CREDIT)
    answer = service.send("POST", wallet + "/credit", body=body, headers=headers)
    assert (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "media_type",
    ["Application/JSON", 'application/json;charset="UTF-8"', "application/json; v=1"],
)
def test_media_type_with_parameters(media_type: str, service: Service) -> None:
    """Case and parameters of the media type do not matter."""
    headers = {"content-type": media_type}
    assert service.post("/v1/wallets", WALLET, headers=headers).status == 201


def test_compressed_body(service: Service, wallet: str) -> None:
    """A compressed body is 415: its length would say nothing."""
    headers = {"content-encoding": "gzip"}
    answer = service.post(wallet + "/credit", CREDIT, headers=headers)
    assert answer.code == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("declared", ["65537", "1000000", "9" * 40])
def test_declared_too_long(declared: str, service: Service, wallet: str) -> None:
    """H7: a `Content-Length` past the limit is 413 before anything is read."""
    read: list[int] = []

    async def receive() -> Message:
        read.append(1)
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = {
        "content-type": "application/json",
        "idempotency-key": "k",
        "content-length": declared,
    }
    request = service.client.send(
        "POST", wallet + "/credit", headers=headers, receive=receive
    )
    answer = service.runner.run(request)
    assert (answer.status, answer.code) == (413, "BODY_TOO_LARGE")
    assert answer.json["maxBytes"] == 65536
    assert not read


def test_one_megabyte_in_chunks(service: Service, wallet: str) -> None:
    """H7: an undeclared 1 MB is 413 at the first byte too many, not buffered."""
    read: list[int] = []

    async def receive() -> Message:
        read.append(1)
        return {"type": "http.request", "body": b" " * 16384, "more_body": True}

    headers = {"content-type": "application/json", "idempotency-key": "k"}
    request = service.client.send(
        "POST", wallet + "/credit", headers=headers, receive=receive
    )
    assert service.runner.run(request).code == "BODY_TOO_LARGE"
    assert len(read) == 5


def test_body_in_chunks(service: Service) -> None:
    """A body may come in pieces, empty ones among them."""
    body = orjson.dumps(WALLET)
    pieces = [body[:10], b"", body[10:11], body[11:]]

    async def receive() -> Message:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    headers = {"content-type": "application/json", "idempotency-key": "k"}
    request = service.client.send(
        "POST", "/v1/wallets", headers=headers, receive=receive
    )
    assert service.runner.run(request).status == 201


def test_the_limit_itself_passes() -> None:
    """H7: a body of exactly the limit is read."""
    body = orjson.dumps(WALLET)
    with Service(settings=HttpSettings(max_body_bytes=len(body))).serving() as service:
        assert service.post("/v1/wallets", body).status == 201
        assert service.post("/v1/wallets", body + b" ").code == "BODY_TOO_LARGE"


def test_gone_before_the_body(service: Service, wallet: str) -> None:
    """A client that goes away within its body is not answered, nothing is done."""

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def gone() -> None:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        scope: dict[str, object] = {
            "type": "http",
            "method": "POST",
            "path": wallet + "/credit",
            "headers": [
                (b"content-type", b"application/json"),
                (b"idempotency-key", b"k"),
            ],
        }
        await service.app(scope, receive, send)
        assert sent == []

    service.runner.run(gone())
