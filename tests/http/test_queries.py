"""Reading: now, as of then, and what became of a command."""

from __future__ import annotations

import pytest

from healthpay_core import StoreFault, StreamCorrupted, new_id
from healthpay_wire.envelopes import decode_recorded
from healthpay_wire.verify import verify_chain
from tests.http.client import Answer, Service
from tests.http.stubs import unreadable

DEPOSIT = {"amount": 100, "currency": "EGP", "reason": "deposit"}


def pointers(answer: Answer) -> list[str]:
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR"), answer.body
    return [fault["pointer"] for fault in answer.json["errors"]]


def test_wallet_at_a_version(service: Service) -> None:
    """Time travel: `?version=n` is the wallet after its n-th event."""
    path = f"/v1/wallets/{service.open(700)}"
    balances = [
        service.get(f"{path}?version={n}").json["wallet"]["balance"] for n in (1, 2, 3)
    ]
    assert balances == [0, 0, 700]
    assert service.get(path + "?version=2").headers["etag"] == '"2"'
    assert service.get(path + "?version=4").code == "WALLET_NOT_FOUND"


def test_wallet_at_an_instant(service: Service) -> None:
    """Time travel: `?at=` is the wallet as it was then, whatever the offset."""
    path = f"/v1/wallets/{service.open(700)}"
    events = service.get(path + "/events").json["events"]
    created = events[0]["occurredAt"]
    now = service.get(f"{path}?at={created}").json["wallet"]
    assert now["version"] >= 1
    assert service.get(path + "?at=2020-01-01T00:00:00Z").code == "WALLET_NOT_FOUND"
    future = service.get(path + "?at=2999-01-01T00:00:00%2B02:00")
    assert future.json["wallet"]["version"] == 3
    bare_plus = service.get(path + "?at=2999-01-01T00:00:00+02:00")
    assert bare_plus.body == future.body


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("version=0", ["/version"]),
        ("version=-1", ["/version"]),
        ("version=x", ["/version"]),
        ("version=", ["/version"]),
        ("version=²", ["/version"]),
        ("version=" + "9" * 30, ["/version"]),
        ("version=1&version=2", ["/version"]),
        ("at=yesterday", ["/at"]),
        ("at=2026-11-25", ["/at"]),
        ("at=2026-11-25T09:30:00", ["/at"]),
        ("version=1&at=2026-11-25T09:30:00Z", ["/at"]),
        ("verson=1&a/b=2", ["/verson", "/a~1b"]),
        ("version=x&at=y", ["/version", "/at", "/at"]),
    ],
)
def test_bad_query(query: str, expected: list[str], service: Service) -> None:
    """E7: a bad or unknown parameter is named, all of them at once."""
    answer = service.get(f"/v1/wallets/{service.open()}?{query}")
    assert pointers(answer) == expected


def test_events_page_by_page(service: Service) -> None:
    """The history comes oldest first, each page says what to ask next."""
    wallet_id = service.open()
    for _ in range(5):
        service.post(f"/v1/wallets/{wallet_id}/credit", DEPOSIT)
    path = f"/v1/wallets/{wallet_id}/events"
    sequences: list[int] = []
    after: int | None = 0
    while after is not None:
        page = service.get(f"{path}?after={after}&limit=3").json
        sequences += [event["sequence"] for event in page["events"]]
        after = page["next"]
    assert sequences == [1, 2, 3, 4, 5, 6, 7]
    assert service.get(path).json["next"] is None
    assert service.get(path + "?limit=7").json["next"] is None
    assert service.get(path + "?limit=6").json["next"] == 6
    assert service.get(path + "?after=7").json == {"events": [], "next": None}


def test_events_are_whole_envelopes(service: Service) -> None:
    """A2: what the interface shows is enough to verify the chain elsewhere."""
    wallet_id = service.open(700)
    events = service.get(f"/v1/wallets/{wallet_id}/events")
    parsed = [decode_recorded(orjson_dumps(e)) for e in events.json["events"]]
    recorded = [result.value for result in parsed if hasattr(result, "value")]
    assert len(recorded) == 3
    assert verify_chain(recorded) is None


def orjson_dumps(value: object) -> bytes:
    import orjson

    return orjson.dumps(value)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "after=-1", "limit=1.0"])
def test_bad_page(query: str, service: Service) -> None:
    """E7: a page of 1 to 1000 events, after a sequence from 0."""
    name = "/" + query.partition("=")[0]
    path = f"/v1/wallets/{service.open()}/events"
    assert pointers(service.get(f"{path}?{query}")) == [name]


@pytest.mark.parametrize("suffix", ["", "/events", "/events?after=3", "?version=1"])
def test_unknown_wallet(suffix: str, service: Service) -> None:
    """An unknown wallet is 404 in every form of reading."""
    wallet_id = new_id()
    answer = service.get(f"/v1/wallets/{wallet_id}{suffix}")
    assert (answer.status, answer.code) == (404, "WALLET_NOT_FOUND")
    assert answer.json["walletId"] == wallet_id


@pytest.mark.parametrize("path", ["/v1/transfers/x", "/v1/commands/x"])
def test_ids_that_are_no_ids(path: str, service: Service) -> None:
    """What cannot be an id names nothing: 404 of its resource."""
    code = {"t": "TRANSFER_NOT_FOUND", "c": "COMMAND_NOT_FOUND"}[path[4]]
    answer = service.get(path)
    assert (answer.status, answer.code) == (404, code)


def test_what_became_of_a_success(service: Service) -> None:
    """A command that was committed is read back with its answer and status."""
    wallet_id = service.open()
    done = service.post(f"/v1/wallets/{wallet_id}/credit", DEPOSIT)
    read = service.get(f"/v1/commands/{done.json['commandId']}")
    assert read.status == 200
    assert read.json == {"outcome": "committed", "status": 200, **done.json}


def test_what_became_of_creations(service: Service) -> None:
    """A creation is read back with the status that it had."""
    source, destination = service.open(100), service.open()
    body = {
        "sourceWalletId": source,
        "destinationWalletId": destination,
        "amount": 5,
        "currency": "EGP",
    }
    transfer = service.post("/v1/transfers", body)
    assert transfer.status == 201
    read = service.get(f"/v1/commands/{transfer.json['commandId']}").json
    assert (read["status"], read["transfer"]) == (201, transfer.json["transfer"])
    first = service.store.feed(0, 1)[0].envelope.meta.command_id
    assert service.get(f"/v1/commands/{first}").json["status"] == 201


def test_what_became_of_a_refusal(service: Service) -> None:
    """I6: a pinned refusal is read back as a rejection with its problem."""
    wallet_id = service.open()
    body = {"amount": 5, "currency": "EGP", "reason": "fee"}
    path = f"/v1/wallets/{wallet_id}/debit"
    refused = service.post(path, body, key="k", headers={"x-correlation-id": "c"})
    problem = refused.json
    command_id = service.store._outcomes.keys() - {
        recorded.envelope.meta.command_id for recorded in service.store.feed(0, 100)
    }
    read = service.get(f"/v1/commands/{command_id.pop()}").json
    assert read["outcome"] == "rejected"
    for name in ("code", "status", "title", "availableAmount", "correlationId"):
        assert read[name] == problem[name]


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/wallets/{new_id()}",
        f"/v1/wallets/{new_id()}/events",
        f"/v1/transfers/{new_id()}",
        f"/v1/commands/{new_id()}",
    ],
)
def test_store_that_cannot_be_read(path: str) -> None:
    """E4: a store that cannot be read is 503, damaged history 500, never a 404."""
    with Service(backend=unreadable(StoreFault("disk"))).serving() as service:
        answer = service.get(path)
        assert (answer.status, answer.code) == (503, "STORE_UNAVAILABLE")
        assert answer.headers["retry-after"] == "1"
    damage = StreamCorrupted("gap", "wallet/w", 3)
    with Service(backend=unreadable(damage)).serving() as service:
        answer = service.get(path)
        assert (answer.status, answer.code) == (500, "CORRUPT_STREAM")
        assert answer.json["sequence"] == 3
    with Service(backend=unreadable(KeyError("secret"))).serving() as service:
        answer = service.get(path)
        assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")
        assert b"secret" not in answer.body


def test_head(service: Service) -> None:
    """HEAD is GET without the body, its length included."""
    path = f"/v1/wallets/{service.open()}"
    whole = service.get(path)
    head = service.send("HEAD", path, headers=None)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.body))
    assert head.headers["etag"] == whole.headers["etag"]
