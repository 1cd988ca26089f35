"""Health and metrics: what operators and their machines ask (H8)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from threading import Thread

import orjson

from healthpay_http.asgi import Receive
from healthpay_http.backend import HealthCheck, Serving
from healthpay_http.balances import BalanceTotals
from healthpay_http.call import Call
from healthpay_http.metrics import CONTENT_TYPE, CommandMetrics
from healthpay_http.replies import NO_STORE, Reply, json_reply


async def live(_: Call, __: Receive) -> Reply:
    """200 while the process serves."""
    return json_reply(200, b'{"status":"live"}')


class ReadyEndpoint:
    """200 while requests can be taken, with the state of each dependency."""

    def __init__(self, serving: Serving, timeout_s: float) -> None:
        self._serving = serving
        self._timeout_s = timeout_s
        self._under_way: dict[HealthCheck, Future[str | None]] = {}

    async def __call__(self, _: Call, __: Receive) -> Reply:
        backend = self._serving.backend
        if backend is None:
            return json_reply(503, b'{"status":"not started","checks":{}}')
        reasons = await self._run(backend.checks)
        status = "ready"
        if any(reason is not None for reason in reasons.values()):
            status = "not ready"
        if self._serving.draining:
            status = "draining"
        checks = {
            name: {"status": "up"}
            if reason is None
            else {"status": "down", "reason": reason}
            for name, reason in reasons.items()
        }
        body = orjson.dumps({"status": status, "checks": checks})
        return json_reply(200 if status == "ready" else 503, body)

    async def _run(self, checks: Mapping[str, HealthCheck]) -> dict[str, str | None]:
        reasons = await asyncio.gather(*(self._check(c) for c in checks.values()))
        return dict(zip(checks, reasons, strict=True))

    async def _check(self, check: HealthCheck) -> str | None:
        try:
            answer = asyncio.wrap_future(self._asked(check))
            # Who stops to wait does not stop the check.
            return await asyncio.wait_for(asyncio.shield(answer), self._timeout_s)
        except TimeoutError:
            return f"no answer in {self._timeout_s} s"
        except Exception as error:
            # The type only: its text is not for everybody (E5).
            return f"the check raised {type(error).__name__}"

    def _asked(self, check: HealthCheck) -> Future[str | None]:
        """The answer of a check, which is asked once at a time.

        In a thread of its own: queries that are slow must not make a server look
        unwell, nor a check that hangs stop the queries, or the end of the process.
        """
        running = self._under_way.get(check)
        if running is None or running.done():
            running = self._under_way[check] = Future()
            name = "healthpay-check"
            Thread(target=_ask, args=(check, running), name=name, daemon=True).start()
        return running


def _ask(check: HealthCheck, answer: Future[str | None]) -> None:
    try:
        answer.set_result(check())
    except BaseException as error:
        answer.set_exception(error)


class MetricsEndpoint:
    """The Prometheus text; the balances are brought up to date first."""

    def __init__(self, serving: Serving, metrics: CommandMetrics) -> None:
        self._serving = serving
        self._metrics = metrics
        self._totals: BalanceTotals | None = None

    def follow(self, totals: BalanceTotals | None) -> None:
        """From now on, show these totals."""
        self._totals = totals
        self._metrics.balances = None

    async def __call__(self, _: Call, __: Receive) -> Reply:
        totals = self._totals
        if totals is not None:
            self._metrics.balances = await asyncio.to_thread(totals.current)
        backend = self._serving.backend
        if backend is not None and backend.publications is not None:
            await asyncio.to_thread(backend.publications.look)
        headers = [(b"content-type", CONTENT_TYPE), NO_STORE]
        return Reply(200, headers, self._metrics.exposition())
