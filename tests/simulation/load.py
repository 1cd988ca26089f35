"""Clients that send commands to servers and keep books of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from random import Random

from tests.simulation.driving import Connection
from tests.simulation.ledger import Intent, Ledger

REPEATED = 0.1
"""How often a client sends a command once more although it was answered."""

MOST_ATTEMPTS = 500
"""A server that never decides is a failure, not a reason to wait."""

GONE = (OSError, EOFError)


async def send_all(url: str, ledger: Ledger, intents: Iterable[Intent]) -> None:
    """Send each until it is decided, over one connection."""
    connection = await Connection.open(url)
    for sent in intents:
        await _until_final(connection, ledger, sent)
    connection.close()


async def settle(url: str, ledger: Ledger, random: Random) -> None:
    """Clients do what they are told to: the same request with the same key."""
    await send_all(url, ledger, list(ledger.in_doubt.values()))
    answered = [sent for sent, _ in ledger.answers.values()]
    last = islice(reversed(answered), 30)
    await send_all(url, ledger, [*last, *random.sample(answered, 10)])


async def run_load(
    urls: Sequence[str], ledger: Ledger, *, connections: int, seed: int, limit: int
) -> None:
    """Many clients at once, until each has sent `limit`, or the servers are gone.

    Client and server number meet in a circle: neighbours use other servers.
    """
    clients = [
        _client(urls, number, ledger, Random(f"{seed} {number}"), limit)
        for number in range(connections)
    ]
    await asyncio.gather(*clients)


async def load_until_killed(
    urls: Sequence[str],
    kill: Callable[[], None],
    ledger: Ledger,
    random: Random,
    *,
    seed: int,
) -> None:
    """Send until a server is killed, after some answers; end when a client met that.

    So many answers, not so many seconds: a slow machine is killed under load too.
    """
    enough = len(ledger.answers) + random.randrange(20, 400)
    load = asyncio.create_task(
        run_load(urls, ledger, connections=8, seed=seed, limit=10_000)
    )
    while len(ledger.answers) < enough and not load.done():
        await asyncio.sleep(0.002)
    kill()
    # Those who use another one go on until they meet the one that is gone.
    await load


async def _client(
    urls: Sequence[str], number: int, ledger: Ledger, random: Random, limit: int
) -> None:
    lines: list[Connection] = []
    try:
        for step in range(len(urls)):
            url = urls[(number + step) % len(urls)]
            lines.append(await Connection.open(url))
        for _, sent in zip(range(limit), ledger.commands(random), strict=False):
            repeated = random.random() < REPEATED
            # A double click: everywhere at once, with the same key.
            chosen = lines if repeated else lines[:1]
            await asyncio.gather(*(_until_final(li, ledger, sent) for li in chosen))
            if repeated:
                await _until_final(lines[0], ledger, sent)
    except GONE:
        return
    finally:
        for line in lines:
            line.close()


async def _until_final(line: Connection, ledger: Ledger, sent: Intent) -> None:
    for _ in range(MOST_ATTEMPTS):
        ledger.sends(sent)
        answer = await line.post(sent.path, sent.key, sent.body)
        ledger.hears(sent, answer)
        if answer.is_final:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"never decided: {sent.path}")
