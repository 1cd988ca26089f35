"""What a client sends over a bare socket, and what it hears."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import orjson

from tests.edge.shapes import AMOUNT
from tests.simulation.driving import Connection
from tests.simulation.ledger import Ledger
from tests.simulation.load import send_all

QUIET_S: Final = 3.0
"""How long nothing may come before a client has heard all that there is."""
ROUNDS: Final = 3
"""How often others are answered meanwhile, or it is only that the server is slow."""
PATIENCE_S: Final = 60.0
"""How long an answer may take that must come."""
PAUSE_S: Final = 0.05
ANSWER: Final = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r\n")


@dataclass(frozen=True, slots=True)
class Heard:
    """All that a server said on a connection, and whether it ended it."""

    said: bytes
    is_closed: bool

    @property
    def statuses(self) -> list[int]:
        """The status of each answer."""
        return [int(status) for status in ANSWER.findall(self.said)]

    @property
    def acknowledged(self) -> Counter[str]:
        """What committed commands brought, by wallet; replays bring nothing."""
        brought: Counter[str] = Counter()
        for answer in ANSWER.split(self.said)[2::2]:
            head, _, body = answer.partition(b"\r\n\r\n")
            if body.startswith(b'{"wallet"') and b"idempotent-replayed" not in head:
                wallet = orjson.loads(body)["wallet"]["walletId"]
                brought[wallet] += AMOUNT
        return brought


class Talk:
    """One connection, byte by byte."""

    def __init__(
        self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader, self.writer = reader, writer
        self._url = url

    @classmethod
    async def begin(cls, url: str) -> Talk:
        """Connect to a server."""
        parts = urlsplit(url)
        return cls(url, *await asyncio.open_connection(parts.hostname, parts.port))

    async def say(self, *pieces: bytes) -> None:
        """Send pieces with pauses between; a server that has left hears no more."""
        with suppress(OSError):
            for number, piece in enumerate(pieces):
                if number:
                    await asyncio.sleep(PAUSE_S)
                self.writer.write(piece)
                await self.writer.drain()

    def hush(self) -> None:
        """Send no more, but still listen."""
        self.writer.write_eof()

    async def hear(self, *, quiet_s: float = QUIET_S) -> Heard:
        """Listen until the server ends the connection or has nothing to say.

        It has nothing to say when it answers others, again and again, and not this
        client. One that stands still, as on a busy machine, has not said its last.
        """
        said, rounds, is_closed = b"", 0, False
        while rounds < ROUNDS and not is_closed:
            try:
                piece = await self._piece(quiet_s / ROUNDS)
            except TimeoutError:
                assert await is_live(self._url)
                rounds += 1
            else:
                said, rounds, is_closed = said + piece, 0, not piece
        self.writer.close()
        return Heard(said, is_closed)

    async def _piece(self, quiet_s: float) -> bytes:
        try:
            return await asyncio.wait_for(self.reader.read(65_536), quiet_s)
        except TimeoutError:
            raise
        except OSError:
            return b""

    async def hear_one(self) -> Heard:
        """Listen to one answer, and keep the connection."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        length = re.search(rb"content-length: (\d+)", head.lower())
        body = await self.reader.readexactly(int(length[1]) if length else 0)
        return Heard(head + body, is_closed=False)


async def told(url: str, *pieces: bytes) -> Heard:
    """Send pieces over a connection of their own; what came back."""
    talk = await Talk.begin(url)
    await talk.say(*pieces)
    return await talk.hear()


async def opened(url: str, number: int) -> Sequence[str]:
    """New active wallets with nothing in them but what opens them."""
    ledger = Ledger()
    await send_all(url, ledger, ledger.opening(number))
    return ledger.wallets


async def balance(url: str, wallet: str) -> int:
    """What a wallet has."""
    line = await Connection.open(url)
    answer = await line.get(f"/v1/wallets/{wallet}")
    line.close()
    return int(orjson.loads(answer.body)["wallet"]["balance"])


async def is_live(url: str) -> bool:
    """Whether the server still answers others."""
    line = await Connection.open(url)
    answer = await asyncio.wait_for(line.get("/livez"), PATIENCE_S)
    line.close()
    return answer.status == 200


def credit_path(wallet: str) -> bytes:
    """Where a wallet is credited."""
    return f"/v1/wallets/{wallet}/credit".encode()
