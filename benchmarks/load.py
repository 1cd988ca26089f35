"""The load generator: a process of its own, `python -m benchmarks.load`.

Reads one job as JSON on standard input, writes one result to standard output.
It speaks just enough HTTP/1.1 to cost little beside the server it measures.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import cast

from benchmarks import loops, workload
from benchmarks.measure import Sample, settle_garbage

WARM_UP_REQUESTS = 500
MOST_PER_S = 25_000
"""Requests are built before the clock runs; no server here takes more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to send, and how.

    Attributes:
        rate: Arrivals a second of an open loop; 0 is a closed loop.
        run: Makes the idempotency keys of this job its own.
    """

    port: int
    connections: int
    wallets: int
    seconds: float
    rate: float
    run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came back; latencies in microseconds."""

    operations: int
    seconds: float
    latencies_us: Sequence[int]
    in_flight: float | None
    failed: int
    first_failure: str

    def sample(self) -> Sample:
        """As the other rows have it.

        Raises:
            RuntimeError: An answer was no success: nothing was measured.
        """
        if self.failed:
            raise RuntimeError(f"{self.failed} requests failed: {self.first_failure}")
        return Sample(
            operations=self.operations,
            seconds=self.seconds,
            latencies=[value / 1e6 for value in self.latencies_us],
            in_flight=self.in_flight,
        )


def request_bytes(wallet: str, key: str) -> bytes:
    """A deposit, as it is on the wire."""
    body = b'{"amount":100,"currency":"EGP","reason":"deposit"}'
    head = (
        f"POST /v1/wallets/{wallet}/credit HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        "Content-Type: application/json\r\n"
        f"Idempotency-Key: {key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self, on_answer: Callable[[Connection, bytes], None]) -> None:
        self._on_answer = on_answer
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._due = 0
        self.began = 0.0
        self.index = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport."""
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing may hang up before the end."""
        if self.index >= 0:
            self._on_answer(self, b"connection lost")

    def send(self, data: bytes, index: int) -> None:
        """Send a request; its answer comes to `on_answer`."""
        self.index = index
        self.began = time.perf_counter()
        if self._transport is not None:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Collect until the answer is whole."""
        self._buffer = data = self._buffer + data if self._buffer else data
        if not self._due:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                return
            self._due = end + 4 + _content_length(data[:end])
        if len(data) >= self._due:
            self._buffer, self._due = b"", 0
            self._on_answer(self, data)

    def close(self) -> None:
        """Hang up."""
        self.index = -1
        if self._transport is not None:
            self._transport.close()


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.index(b"content-length:") + 15
    end = lowered.find(b"\r\n", at)
    return int(lowered[at : end if end >= 0 else None])


class Generator:
    """Drives the connections of one job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._requests = _requests(job)
        self._idle: list[Connection] = []
        self._failed = 0
        self._first_failure = ""

    async def run(self) -> Result:
        """Connect, warm up, measure, hang up."""
        loop = asyncio.get_running_loop()
        connections: list[Connection] = []
        for _ in range(self._job.connections):
            _, connection = await loop.create_connection(
                lambda: Connection(self._refuse), "127.0.0.1", self._job.port
            )
            connections.append(connection)
        await self._closed(connections, WARM_UP_REQUESTS, 60.0)
        if self._job.rate:
            sample = await self._open(connections)
        else:
            sample = await self._closed(connections, None, self._job.seconds)
        for connection in connections:
            connection.close()
        return Result(
            operations=sample.operations,
            seconds=sample.seconds,
            latencies_us=[round(value * 1e6) for value in sample.latencies],
            in_flight=sample.in_flight,
            failed=self._failed,
            first_failure=self._first_failure,
        )

    async def _closed(
        self, connections: Sequence[Connection], most: int | None, seconds: float
    ) -> Sample:
        """Each connection sends its next request when it has its answer."""
        finished = asyncio.get_running_loop().create_future()
        clock, latencies = time.perf_counter, list[float]()
        left = len(self._requests) if most is None else most
        busy = len(connections)

        def go_on(connection: Connection) -> None:
            nonlocal left, busy
            if left and self._requests and clock() < until and not self._failed:
                left -= 1
                connection.send(self._requests.pop(), 0)
                return
            busy -= 1
            if not busy:
                finished.set_result(None)

        def on_answer(connection: Connection, answer: bytes) -> None:
            latencies.append(clock() - connection.began)
            self._check(answer)
            go_on(connection)

        settle_garbage()
        began = clock()
        until = began + seconds
        for connection in connections:
            connection._on_answer = on_answer  # noqa: SLF001 (this module's own)
            go_on(connection)
        await finished
        return Sample(
            operations=len(latencies), seconds=clock() - began, latencies=latencies
        )

    async def _open(self, connections: Sequence[Connection]) -> Sample:
        """Requests at scheduled instants; they wait when no connection is idle."""
        job = self._job
        count = int(job.rate * job.seconds)
        idle, waiting = list(connections), deque[int]()

        def send(index: int) -> None:
            if idle:
                idle.pop().send(self._requests[index], index)
            else:
                waiting.append(index)

        def on_answer(connection: Connection, answer: bytes) -> None:
            loop.answered(connection.index)
            self._check(answer)
            if waiting:
                index = waiting.popleft()
                connection.send(self._requests[index], index)
            else:
                idle.append(connection)

        for connection in connections:
            connection._on_answer = on_answer  # noqa: SLF001 (this module's own)
        loop = loops.OpenLoop(loops.arrivals(job.rate, count, job.run), send)
        return await loop.run()

    def _check(self, answer: bytes) -> None:
        if not answer.startswith(b"HTTP/1.1 2"):
            self._failed += 1
            self._first_failure = self._first_failure or answer[:600].decode("latin-1")

    def _refuse(self, _: Connection, answer: bytes) -> None:
        self._check(answer)


def _requests(job: Job) -> list[bytes]:
    wallets = workload.wallet_ids(job.wallets)
    count = int((job.rate or MOST_PER_S) * job.seconds) + WARM_UP_REQUESTS
    return [
        request_bytes(wallets[i % len(wallets)], f"bench-{job.run}-{i}")
        for i in range(count)
    ]


def main() -> None:
    """Do the job on standard input."""
    job = Job(**json.load(sys.stdin))
    json.dump(asdict(loops.run(Generator(job).run())), sys.stdout)


if __name__ == "__main__":
    main()
