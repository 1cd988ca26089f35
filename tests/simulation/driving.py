"""Real servers in processes of their own, and connections to them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import orjson

ROOT = Path(__file__).parents[2]
LISTENS = re.compile(rb"listens on (http://\S+),")


class ServerProcess:
    """The example server as a process; `url` is where it listens.

    Args:
        store: The SQLite file, or None for memory.
        settings: More `HEALTHPAY_*` variables.
    """

    def __init__(self, store: Path | None, **settings: str) -> None:
        url = "memory:" if store is None else f"sqlite:///{store}"
        own = {
            "HEALTHPAY_STORE": url,
            "HEALTHPAY_PORT": "0",
            "HEALTHPAY_LIMIT_POLICY": "none",
            "HEALTHPAY_DRAIN_S": "0",
            # A client of a slow machine may leave a connection alone for long.
            "HEALTHPAY_KEEP_ALIVE_S": "3600",
            "HEALTHPAY_READ_TIMEOUT_S": "3600",
            **settings,
        }
        inherited = {k: v for k, v in os.environ.items() if "HEALTHPAY_" not in k}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "examples.server"],
            cwd=ROOT,
            env={**inherited, **own},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.url = self._listening()

    def _listening(self) -> str:
        assert self.process.stderr is not None
        said = b""
        for line in self.process.stderr:
            said += line
            found = LISTENS.search(line)
            if found:
                return found[1].decode()
        self.stop()
        raise AssertionError(f"the server did not start: {said.decode()}")

    def kill(self) -> None:
        """End it as a power cut would: no handler runs."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end, wait until it has; its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_final(self) -> bool:
        """Whether the command is decided; else it is to be sent again."""
        return self.status not in (409, 503) or self.code not in (
            "IDEMPOTENCY_KEY_IN_USE",
            "CONCURRENCY_CONFLICT",
            "STORE_UNAVAILABLE",
        )

    @property
    def is_committed(self) -> bool:
        """Whether the command took effect."""
        return self.status in (200, 201)

    @property
    def is_replay(self) -> bool:
        """Whether the server says that it has answered this before."""
        return self.headers.get("idempotent-replayed") == "true"

    @property
    def code(self) -> str | None:
        """The code of a refusal."""
        code = orjson.loads(self.body).get("code")
        return code if isinstance(code, str) else None


class Connection:
    """One keep-alive connection of HTTP/1.1, as small as it can be."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to a server."""
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def post(self, path: str, key: str, body: bytes) -> Answer:
        """Send a command.

        Raises:
            OSError, EOFError: The connection ended before the answer did.
        """
        head = (
            f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return await self._exchange(head.encode() + body)

    async def get(self, path: str) -> Answer:
        """Ask a question; raises as `post`."""
        return await self._exchange(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())

    async def _exchange(self, request: bytes) -> Answer:
        self._writer.write(request)
        await self._writer.drain()
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.split("\r\n")
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(status=int(status.split()[1]), headers=headers, body=body)

    def close(self) -> None:
        """Close the socket."""
        self._writer.close()
