"""The least that any implementation must do, written without the library."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import orjson

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Row: TypeAlias = tuple[str, int, bytes]
ANSWER_BYTES: Final = 250
_TABLE: Final = """
CREATE TABLE events (
    position INTEGER PRIMARY KEY, stream TEXT NOT NULL, version INTEGER NOT NULL,
    data BLOB NOT NULL, UNIQUE (stream, version)
)
"""


class SqlFloor:
    """One table, a unique (stream, version), WAL, FULL; a commit an append."""

    def __init__(self, path: Path, payload_bytes: int) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "PRAGMA wal_autocheckpoint = 4000",
            _TABLE,
        ):
            self._connection.execute(statement)
        self._padding = "x" * max(0, payload_bytes - len(self.document(0, 0)))
        self._versions: dict[str, int] = {}

    def document(self, amount: int, balance: int) -> bytes:
        """JSON of the size that the library stores."""
        padding = getattr(self, "_padding", "")
        return orjson.dumps(
            {"amount": amount, "balanceAfter": balance, "counterAccount": padding}
        )

    def row(self, stream: str, amount: int) -> Row:
        """The next event of a stream."""
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        return stream, version, self.document(amount, amount * version)

    def append(self, rows: Sequence[Row]) -> None:
        """Have the rows on disk."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(
            "INSERT INTO events (stream, version, data) VALUES (?, ?, ?)", rows
        )
        self._connection.execute("COMMIT")

    def fold(self, stream: str) -> int:
        """Read a stream and add its amounts up: the fold floor."""
        total = 0
        query = "SELECT data FROM events WHERE stream = ? ORDER BY version"
        for (data,) in self._connection.execute(query, (stream,)):
            total += orjson.loads(data)["amount"]
        return total

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class GroupFloor:
    """Group commit on an event loop: all rows of one turn, one commit."""

    def __init__(self, floor: SqlFloor) -> None:
        self._floor = floor
        self._waiting: list[tuple[Row, asyncio.Future[None]]] = []

    async def submit(self, stream: str, amount: int) -> None:
        """Return when the row is on disk."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._commit)
        self._waiting.append((self._floor.row(stream, amount), done))
        await done

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._floor.append([row for row, _ in waiting])
        for _, done in waiting:
            done.set_result(None)


async def asgi_floor(scope: Message, receive: Receive, send: Send) -> None:
    """Parse the body, answer 250 bytes: the least of a JSON endpoint."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    answer = {"amount": orjson.loads(body)["amount"], "padding": ""}
    answer["padding"] = "x" * (ANSWER_BYTES - len(orjson.dumps(answer)))
    content = orjson.dumps(answer)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})
