"""Clients that take their time hold up nobody, and not for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.edge.servers import SERVERS
from tests.edge.shapes import credit
from tests.edge.talking import (
    Heard,
    Talk,
    balance,
    credit_path,
    is_live,
    opened,
    told,
)
from tests.simulation.ledger import FUNDS

TIMEOUT_S = 1
LATE_S = 25.0
"""Less than what the servers would take if nobody told them a time: 30."""
SLOW_S = 50
"""Longer than others take beside the slow ones, also on a slow machine."""
SLOW_CLIENTS = 100
STARTS = {
    "a head": -10,
    "a body": 5,
    "a refused body": 5,
    "a second head": -10,
    "a second body": 5,
}
"""What comes at first, counted from the end of the head."""


@pytest.mark.parametrize("name", SERVERS)
def test_slow_heads_and_bodies_hold_up_nobody(name: str) -> None:
    """H7, H8: a hundred trickling clients are still there when others are served."""
    with SERVERS[name](None, HEALTHPAY_READ_TIMEOUT_S=str(SLOW_S)) as server:
        asyncio.run(_beside_the_slow(server.url))


@pytest.mark.parametrize(
    ("name", "cut_off"),
    [
        ("uvicorn", ("nothing", *STARTS)),
        # Granian has no such time for a body, nor for a client that says nothing.
        ("granian", ("a head", "a second head")),
    ],
)
def test_who_never_finishes_is_cut_off(name: str, cut_off: tuple[str, ...]) -> None:
    """H7: a request that does not become whole in time ends its connection."""
    with SERVERS[name](None, HEALTHPAY_READ_TIMEOUT_S=str(TIMEOUT_S)) as server:
        asyncio.run(_none_finishes(server.url, cut_off))


@pytest.mark.parametrize("kept", ["empty line after an answer", "begun before"])
def test_nobody_keeps_a_connection_by_saying_little(kept: str) -> None:
    """H7: neither an empty line nor a request begun beside another stops the clock."""
    # Less would cut off a client that was meant to be quick, on a slow machine.
    times = {"HEALTHPAY_READ_TIMEOUT_S": "4", "HEALTHPAY_KEEP_ALIVE_S": "1"}
    with SERVERS["uvicorn"](None, **times) as server:
        asyncio.run(_is_let_go(server.url, kept))


async def _is_let_go(url: str, kept: str) -> None:
    talk = await Talk.begin(url)
    head = b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n"
    if kept == "begun before":
        await talk.say(head[:-6])
        await asyncio.sleep(0.1)
        await talk.say(head[-6:] + head[:9])
    else:
        await talk.say(head)
    assert (await talk.hear_one()).statuses == [200]
    await talk.say(b"t" if kept == "begun before" else b"\r\n")
    heard = await talk.hear(quiet_s=LATE_S)
    assert heard.is_closed
    assert set(heard.statuses) <= {408}


async def _beside_the_slow(url: str) -> None:
    wallets = await opened(url, 2)
    async with _trickling(url, credit(credit_path(wallets[0]))):
        for number in range(50):
            sent = credit(
                credit_path(wallets[1]),
                key=b"%d" % number,
                more=(b"Connection: close",),
            )
            assert (await told(url, sent)).statuses == [200]
        assert await is_live(url)
    assert await balance(url, wallets[0]) == FUNDS
    assert await balance(url, wallets[1]) == FUNDS + 50 * 7


@asynccontextmanager
async def _trickling(url: str, sent: bytes) -> AsyncIterator[None]:
    """A hundred clients that send a byte now and then, half of them within a body."""
    body = sent.index(b"\r\n\r\n") + 4
    talks = [await Talk.begin(url) for _ in range(SLOW_CLIENTS)]

    async def client(number: int) -> None:
        at = body + 1 if number % 2 else 1
        await talks[number].say(sent[:at])
        for byte in sent[at:-1]:
            await asyncio.sleep(0.2)
            await talks[number].say(bytes((byte,)))

    clients = [asyncio.create_task(client(number)) for number in range(SLOW_CLIENTS)]
    # Nothing comes, and no end, as long as the server waits for them.
    ends = [asyncio.create_task(talk.reader.read(1)) for talk in talks]
    await asyncio.sleep(0.5)
    try:
        yield
        assert not any(end.done() for end in ends), "the slow ones were cut off"
    finally:
        for task in (*clients, *ends):
            task.cancel()
        await asyncio.gather(*clients, *ends, return_exceptions=True)
        for talk in talks:
            talk.writer.close()


async def _none_finishes(url: str, cut_off: tuple[str, ...]) -> None:
    await asyncio.gather(*(_never_finish(url, what) for what in cut_off))
    assert await is_live(url)


async def _never_finish(url: str, what: str) -> None:
    (wallet,) = await opened(url, 1)
    sent = credit(credit_path(wallet))
    body = sent.index(b"\r\n\r\n") + 4
    begun = sent[: body + STARTS[what]] if what in STARTS else b""
    if "refused" in what:
        begun = begun.replace(b"Idempotency-Key", b"X")
    began = time.monotonic()
    talk = await Talk.begin(url)
    if "second" in what:
        await talk.say(b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
        assert (await talk.hear_one()).statuses == [200]
        began = time.monotonic()
    heard = await _heard_while_trickling(talk, begun)
    assert time.monotonic() - began > TIMEOUT_S * 0.5
    assert heard.is_closed
    assert set(heard.statuses) <= {400 if what == "a refused body" else 408}
    assert await balance(url, wallet) == FUNDS


async def _heard_while_trickling(talk: Talk, begun: bytes) -> Heard:
    """Send what is begun, then a byte every half second; what comes meanwhile."""
    await talk.say(begun)

    async def trickle() -> None:
        while begun:
            await asyncio.sleep(0.5)
            await talk.say(b"a")

    task = asyncio.create_task(trickle())
    heard = await talk.hear(quiet_s=LATE_S)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return heard
