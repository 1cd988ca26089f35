"""Row 4: commands over HTTP, durable, against Express and the bare floor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from benchmarks import servers, workload
from benchmarks.floors import Message, asgi_floor
from benchmarks.measure import (
    Figure,
    Goal,
    Load,
    Sample,
    Scale,
    Side,
    interleave,
    per_round_ms,
    ratios,
    settle_garbage,
)
from benchmarks.workplace import folder
from healthpay_core import (
    CommandHandler,
    CommandRequest,
    InMemoryEventStore,
    Outcome,
    StoreQueries,
)

if TYPE_CHECKING:
    from healthpay_http import Backend

_CONNECTIONS = 64
_NAME = f"HTTP, SQLite FULL, {_CONNECTIONS} connections"


def run(scale: Scale) -> Iterator[Figure]:
    """Throughput and p99, then the comparisons, then the adapter alone."""
    load = {"wallets": 50 if scale.quick else 1000, "connections": _CONNECTIONS}
    seconds = scale.seconds(2.5)
    with ExitStack() as stack:
        place = stack.enter_context(folder())
        try:
            ours = stack.enter_context(servers.healthpay(place / "store.db", **load))
        except servers.NotAvailable as reason:
            yield _not_measured(_NAME, reason)
            return
        bare = stack.enter_context(servers.floor(**load))
        mine, least = interleave(
            scale.rounds,
            lambda: ours.closed_loop(seconds),
            lambda: bare.closed_loop(seconds),
        )
        yield from _own(mine)
        yield _against("the bare ASGI floor", mine, least, None)
        try:
            express = servers.express(wanted=scale.express, **load)
            other = stack.enter_context(express)
        except servers.NotAvailable as reason:
            yield _not_measured(f"{_NAME} / Express in memory", reason)
        else:
            mine, theirs = interleave(
                scale.rounds,
                lambda: ours.closed_loop(seconds),
                lambda: other.closed_loop(seconds),
            )
            goal = Goal(sign=">=", value=3)
            yield _against("Express in memory", mine, theirs, goal)
    yield _adapter(scale)


def _not_measured(name: str, reason: Exception) -> Figure:
    return Figure(row=4, name=name, unit="x", note=f"NOT MEASURED: {reason}")


def _own(samples: Sequence[Sample]) -> Iterator[Figure]:
    load = Load(samples=samples, concurrency=_CONNECTIONS)
    yield Figure(
        row=4,
        name=_NAME,
        unit="commands/s",
        values=[s.rate for s in samples],
        goal=Goal(sign=">=", value=10_000),
        load=load,
    )
    yield Figure(
        row=4,
        name=f"{_NAME}, p99",
        unit="ms",
        values=per_round_ms(samples, 0.99),
        goal=Goal(sign="<=", value=25),
        load=load,
    )


def _against(
    whom: str, mine: Sequence[Sample], theirs: Sequence[Sample], goal: Goal | None
) -> Figure:
    return Figure(
        row=4,
        name=f"{_NAME} / {whom}",
        unit="x",
        values=ratios(mine, theirs),
        goal=goal,
        sides=[
            Side(name="library", unit="requests/s", values=[s.rate for s in mine]),
            Side(name=whom, unit="requests/s", values=[s.rate for s in theirs]),
        ],
        load=Load(samples=mine, concurrency=_CONNECTIONS),
    )


class _Answering:
    """A command port that has the answer already: the adapter is left alone."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    async def submit(self, _: CommandRequest) -> Outcome:
        return self._outcome

    def execute(self, _: CommandRequest) -> Outcome:
        return self._outcome


def _adapter(scale: Scale) -> Figure:
    """CPU of a request in the adapter, above that in the floor; in-process."""
    size = scale.size(20_000, 200)
    adapter, bare = asyncio.run(_adapter_rounds(scale.rounds, size))
    return Figure(
        row=4,
        name="HTTP adapter, CPU above the bare ASGI floor",
        unit="us/request",
        values=[a - b for a, b in zip(adapter, bare, strict=True)],
        goal=Goal(sign="<=", value=15),
        sides=[
            Side(name="adapter", unit="us/request", values=adapter),
            Side(name="bare ASGI floor", unit="us/request", values=bare),
        ],
    )


async def _adapter_rounds(rounds: int, size: int) -> tuple[list[float], list[float]]:
    from healthpay_http import HealthPayApp

    store = InMemoryEventStore()
    handler = CommandHandler(store)
    wallet = workload.wallet_ids(1)[0]
    workload.open_wallets(handler, [wallet])
    outcome = handler.handle(workload.request(workload.credit(wallet)))
    app = HealthPayApp(lambda: _resources(_Answering(outcome), store))
    adapter: list[float] = []
    bare: list[float] = []
    keys = count()
    async with app.running():
        for number in range(rounds):
            both: list[tuple[Callable[..., Any], list[float]]]
            both = [(app, adapter), (asgi_floor, bare)]
            for application, costs in both if number % 2 == 0 else reversed(both):
                costs.append(await _cost_us(application, wallet, size, keys))
    return adapter, bare


@asynccontextmanager
async def _resources(
    port: _Answering, store: InMemoryEventStore
) -> AsyncIterator[Backend]:
    from healthpay_http import Backend

    yield Backend(port, StoreQueries(store))


async def _cost_us(
    app: Callable[..., Any], wallet: str, size: int, keys: Iterator[int]
) -> float:
    """CPU microseconds of a call, scope and messages made beforehand."""
    scopes = [_scope(wallet, f"bench-{next(keys)}") for _ in range(size)]
    body = b'{"amount":100,"currency":"EGP","reason":"deposit"}'
    message = {"type": "http.request", "body": body, "more_body": False}
    statuses: list[int] = []

    async def receive() -> Message:
        return dict(message)

    async def send(sent: Message) -> None:
        if sent["type"] == "http.response.start":
            statuses.append(sent["status"])

    settle_garbage()
    began = time.process_time()
    for scope in scopes:
        await app(scope, receive, send)
    cost = time.process_time() - began
    if set(statuses) != {200} or len(statuses) != size:
        raise RuntimeError(f"the application answered {sorted(set(statuses))}")
    return cost / size * 1e6


def _scope(wallet: str, key: str) -> Message:
    """What uvicorn hands over for a request of the load generator."""
    path = f"/v1/wallets/{wallet}/credit"
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"content-type", b"application/json"),
            (b"idempotency-key", key.encode()),
            (b"content-length", b"50"),
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 3000),
        "state": {},
    }
