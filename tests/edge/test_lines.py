"""What a connection is good for: order, errors, halves, and clients that leave."""

from __future__ import annotations

import asyncio
import socket
import struct
import time

from tests.edge.shapes import AMOUNT, BODY, credit, request
from tests.edge.talking import (
    PATIENCE_S,
    Heard,
    Talk,
    balance,
    credit_path,
    is_live,
    opened,
    told,
)
from tests.simulation.driving import Connection
from tests.simulation.ledger import FUNDS

Server = tuple[str, str]
LENGTH = b"Content-Length: %d" % len(BODY)
CLIENTS = 30
ERRORS = (
    (b"POST /v1/nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", 404),
    (b"PUT /livez HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 405),
)


def test_a_connection_is_good_after_errors(server: Server) -> None:
    """H1, E6: after refusals of every layer the next command is taken as ever."""
    asyncio.run(_errors_then_credit(server[1]))


def test_many_at_once_are_answered_in_order(server: Server) -> None:
    """I4: a hundred commands in one piece have each its answer, in their order."""
    asyncio.run(_hundred(server[1]))


def test_what_was_taken_is_answered_before_nonsense_ends_it(server: Server) -> None:
    """I7: commands before bytes that are no request are answered as what they did."""
    asyncio.run(_then_nonsense(server))


def test_a_client_that_has_closed_its_half_is_answered(server: Server) -> None:
    """I7: who sends no more still hears, once what was sent is whole."""
    asyncio.run(_half_closed(server))


def test_half_a_body_does_nothing(server: Server) -> None:
    """I7: a client that leaves within its body has asked for nothing."""
    asyncio.run(_half_a_body(server[1]))


def test_a_client_that_leaves_does_not_take_its_command_along(server: Server) -> None:
    """I4, I7: what was submitted is done once; its retry is told so."""
    asyncio.run(_vanish(server))


def test_a_reset_leaves_all_or_nothing(server: Server) -> None:
    """I4, I7: after a reset a retry has the one effect, whether it came or not."""
    asyncio.run(_reset(server[1]))


def test_a_body_is_asked_for_only_when_it_is_wanted(server: Server) -> None:
    """H7: 100 comes before a body that will be read, and not before a refusal."""
    asyncio.run(_expect(server[1]))


def test_a_body_past_the_limit_is_refused_unread(server: Server) -> None:
    """H7: 413 comes before the body, and what then comes of it is no request."""
    asyncio.run(_too_long(server[1]))


async def _errors_then_credit(url: str) -> None:
    (wallet,) = await opened(url, 1)
    path = credit_path(wallet)
    errors = (
        *ERRORS,
        (request(path, b"Content-Length: 1", body=b"{"), 400),
        (request(path, LENGTH, b'If-Match: "99"'), 412),
        (request(path, LENGTH).replace(b"EGP", b"USD"), 422),
        (request(path, LENGTH).replace(b"application/json", b"text/plain"), 415),
    )
    talk = await Talk.begin(url)
    for sent, status in errors:
        await talk.say(sent)
        assert (await talk.hear_one()).statuses == [status]
    await talk.say(credit(path, key=b"last"))
    assert (await talk.hear_one()).statuses == [200]
    talk.writer.close()
    assert await balance(url, wallet) == FUNDS + AMOUNT


async def _hundred(url: str) -> None:
    (wallet,) = await opened(url, 1)
    path = credit_path(wallet)
    heard = await told(url, b"".join(credit(path, key=b"%d" % n) for n in range(100)))
    assert heard.statuses == [200] * 100
    tags = [line for line in heard.said.lower().split(b"\r\n") if b"etag" in line]
    assert tags == [b'etag: "%d"' % version for version in range(4, 104)]
    assert await balance(url, wallet) == FUNDS + 100 * AMOUNT


async def _then_nonsense(server: Server) -> None:
    name, url = server
    (wallet,) = await opened(url, 1)
    path = credit_path(wallet)
    good = b"".join(credit(path, key=b"%d" % n) for n in range(3))
    bad_chunk = request(path, b"Transfer-Encoding: chunked", key=b"x", body=b"zz\r\n")
    for number, nonsense in enumerate((b"nonsense\r\n\r\n", bad_chunk)):
        heard = await told(url, good.replace(b"Key: ", b"Key: %d-" % number) + nonsense)
        # Granian itself says what it thinks of the nonsense.
        assert heard.statuses[:3] == [200] * 3, (name, heard)
        assert heard.statuses[3:] in ([], [400], [500] if name == "granian" else [])
        assert heard.is_closed
    assert await balance(url, wallet) == FUNDS + 6 * AMOUNT
    assert await is_live(url)


async def _half_closed(server: Server) -> None:
    name, url = server
    (wallet,) = await opened(url, 1)
    path = credit_path(wallet)
    talk = await Talk.begin(url)
    await talk.say(credit(path) + credit(path, key=b"second"))
    talk.hush()
    heard = await talk.hear()
    assert heard.is_closed
    # Granian answers what it had begun, and does not begin the one after it.
    taken = 1 if name == "granian" else 2
    assert heard.statuses[:taken] == [200] * taken, (name, heard)
    done = await balance(url, wallet) - FUNDS
    assert done == len(heard.statuses) * AMOUNT


async def _half_a_body(url: str) -> None:
    wallets = await opened(url, 2)
    for wallet, is_hushed in zip(wallets, (True, False), strict=True):
        talk = await Talk.begin(url)
        await talk.say(credit(credit_path(wallet))[:-5])
        if is_hushed:
            talk.hush()
            assert 200 not in (await talk.hear()).statuses
        talk.writer.close()
    await asyncio.sleep(0.2)
    assert [await balance(url, wallet) for wallet in wallets] == [FUNDS, FUNDS]
    assert await is_live(url)


async def _vanish(server: Server) -> None:
    name, url = server
    if name == "uvicorn":
        assert await _done_without_clients(url, least=CLIENTS) == CLIENTS
        return
    # Granian may see that a client is gone before it has asked for anything; of a
    # slow server nearly all clients are gone that early.
    for _ in range(20):
        if await _done_without_clients(url, least=1):
            return
    raise AssertionError("every client took its command along")


async def _done_without_clients(url: str, *, least: int) -> int:
    """Clients submit and leave; how many commands were done before a retry."""
    wallets = await opened(url, CLIENTS)
    for wallet in wallets:
        talk = await Talk.begin(url)
        await talk.say(credit(credit_path(wallet)))
        talk.writer.close()
    done: list[int] = []
    for _ in range(50):
        done = [await balance(url, wallet) - FUNDS for wallet in wallets]
        if done.count(AMOUNT) >= least:
            break
        await asyncio.sleep(0.1)
    for wallet, before in zip(wallets, done, strict=True):
        heard = await _retried(url, credit(credit_path(wallet)))
        # What was not done before the retry may still be, and it is the replay then.
        assert b"idempotent-replayed: true" in heard.said.lower() or not before
        assert await balance(url, wallet) == FUNDS + AMOUNT
    return done.count(AMOUNT)


async def _retried(url: str, sent: bytes) -> Heard:
    """Send a command once more, until the first one is no longer under way."""
    until = time.monotonic() + PATIENCE_S
    while (heard := await told_one(url, sent)).statuses == [409]:
        assert time.monotonic() < until, heard
        await asyncio.sleep(0.05)
    assert heard.statuses == [200], heard
    return heard


async def _reset(url: str) -> None:
    wallets = await opened(url, CLIENTS)
    for number, wallet in enumerate(wallets):
        talk = await Talk.begin(url)
        await talk.say(credit(credit_path(wallet)))
        await asyncio.sleep(0.0005 * number)
        raw = talk.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        talk.writer.transport.abort()
    for wallet in wallets:
        await _retried(url, credit(credit_path(wallet)))
    done = [await balance(url, wallet) - FUNDS for wallet in wallets]
    assert done == [AMOUNT] * len(wallets)


async def told_one(url: str, sent: bytes) -> Heard:
    """Send a request; its one answer."""
    talk = await Talk.begin(url)
    await talk.say(sent)
    heard = await talk.hear_one()
    talk.writer.close()
    return heard


async def _expect(url: str) -> None:
    (wallet,) = await opened(url, 1)
    head, _, body = credit(
        credit_path(wallet), more=(b"Expect: 100-continue",)
    ).partition(b"\r\n\r\n")
    talk = await Talk.begin(url)
    await talk.say(head + b"\r\n\r\n")
    assert (await talk.hear_one()).statuses == [100]
    await talk.say(body)
    assert (await talk.hear_one()).statuses == [200]
    talk.writer.close()
    refused = await told_one(url, head.replace(b"Idempotency-Key", b"X") + b"\r\n\r\n")
    assert refused.statuses == [400]
    assert await balance(url, wallet) == FUNDS + AMOUNT


async def _too_long(url: str) -> None:
    outer, inner = await opened(url, 2)
    size = 4_000_000
    line = await Connection.open(url)
    talk = await Talk.begin(url)
    await talk.say(request(credit_path(outer), b"Content-Length: %d" % size, body=b""))
    assert (await talk.hear_one()).statuses == [413]
    await talk.say(credit(credit_path(inner)).ljust(size))
    assert 200 not in (await talk.hear(quiet_s=0.5)).statuses
    assert (await line.get("/livez")).status == 200
    line.close()
    assert [await balance(url, wallet) for wallet in (outer, inner)] == [FUNDS] * 2
