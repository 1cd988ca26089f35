"""The application: one route table, one dispatch, resources entered explicitly."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from time import monotonic, perf_counter_ns
from typing import Final, TypeAlias, cast

from healthpay_core import new_id
from healthpay_core.refusals import InternalError
from healthpay_http import operations
from healthpay_http.asgi import ClientGone, HttpScope, Receive, Scope, Send
from healthpay_http.backend import Backend, Serving
from healthpay_http.balances import BalanceTotals
from healthpay_http.call import Call
from healthpay_http.commands import CommandEndpoint
from healthpay_http.metrics import CommandMetrics
from healthpay_http.pages import DocsEndpoint, OpenApiEndpoint, ProblemEndpoint
from healthpay_http.queries import QUERIES, QueryEndpoint
from healthpay_http.refusals import MethodNotAllowed, RouteNotFound
from healthpay_http.replies import Reply, refusal, send_reply
from healthpay_http.router import Router
from healthpay_http.routes import ROUTES, Route
from healthpay_http.settings import HttpSettings

Endpoint: TypeAlias = Callable[[Call, Receive], Awaitable[Reply]]

_LOG: Final = logging.getLogger("healthpay_http")


class HealthPayApp:
    """HealthPay as a plain ASGI 3 application, mountable in any ASGI service.

    A server enters the resources through the ASGI lifespan. Mounted in another
    application, which never runs a mounted lifespan, enter `running` in the
    host's own. Before and after, every route of the API answers 503.

    Args:
        resources: Opens what the application works on, for as long as it serves.
        settings: Limits and choices.
    """

    def __init__(
        self,
        resources: Callable[[], AbstractAsyncContextManager[Backend]],
        *,
        settings: HttpSettings | None = None,
    ) -> None:
        self._resources = resources
        self._settings = HttpSettings() if settings is None else settings
        self._serving = Serving()
        self._metrics = CommandMetrics(self._serving)
        self._scrape = operations.MetricsEndpoint(self._serving, self._metrics)
        self._router = Router(
            (route.method, route.path, (self._endpoint(route), route.body is not None))
            for route in ROUTES
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the resources and serve until the end of the block.

        At the end nothing more is taken, and what is under way is answered
        before the resources are closed.

        Raises:
            RuntimeError: It is running already.
        """
        serving = self._serving
        if serving.backend is not None:
            raise RuntimeError("the application is running already")
        async with self._resources() as backend:
            serving.draining = False
            serving.backend = backend
            self._scrape.follow(BalanceTotals(backend.queries))
            try:
                yield
            finally:
                serving.backend = None
                self._scrape.follow(None)
                await self._answered()

    def drain(self) -> None:
        """Say at `/readyz` that no more traffic is wanted; still answer what comes."""
        self._serving.draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        kind = scope["type"]
        if kind == "http":
            await self._http(cast("HttpScope", scope), receive, send)
        elif kind == "lifespan":
            await self._lifespan(receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise NotImplementedError(f"ASGI scope {kind!r}")

    async def _http(self, scope: HttpScope, receive: Receive, send: Send) -> None:
        started = perf_counter_ns()
        call = Call(scope)
        is_command = False
        try:
            found = self._router.find(call.path)
            if found is None:
                reply = refusal(call, RouteNotFound())
            else:
                methods, call.path_id = found
                known = methods.get(call.method)
                if known is None:
                    reply = _not_allowed(call, sorted(methods))
                else:
                    endpoint, is_command = known
                    reply = await endpoint(call, receive)
        except ClientGone:
            return
        except Exception:
            reply = _unexpected(call)
        if is_command:
            self._metrics.finished(
                status=reply.status,
                code=reply.code,
                duration_ns=perf_counter_ns() - started,
            )
        await send_reply(call, reply, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        phase = "startup"
        try:
            async with self.running():
                await send({"type": "lifespan.startup.complete"})
                phase = "shutdown"
                await receive()
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            await send({"type": f"lifespan.{phase}.failed", "message": text})
        else:
            await send({"type": "lifespan.shutdown.complete"})

    async def _answered(self) -> None:
        """Wait until nothing is under way, for as long as the settings allow."""
        until = monotonic() + self._settings.drain_timeout_s
        serving = self._serving
        while serving.commands_in_flight or serving.queries_in_flight:
            if monotonic() > until:
                _LOG.warning(
                    "closing with %d commands and %d queries under way",
                    serving.commands_in_flight,
                    serving.queries_in_flight,
                )
                return
            await asyncio.sleep(0.01)

    def _endpoint(self, route: Route) -> Endpoint:
        serving, settings = self._serving, self._settings
        if route.body is not None:
            return CommandEndpoint(route, route.body, settings, serving)
        query = QUERIES.get(route.operation)
        if query is not None:
            return QueryEndpoint(route, query, settings, serving)
        match route.operation:
            case "live":
                return operations.live
            case "ready" | "health":
                return operations.ReadyEndpoint(serving, settings.check_timeout_s)
            case "metrics":
                return self._scrape
            case "openapi":
                return OpenApiEndpoint(ROUTES)
            case "docs":
                return DocsEndpoint()
            case "problem":
                return ProblemEndpoint()
            case other:
                raise NotImplementedError(other)


def _not_allowed(call: Call, methods: list[str]) -> Reply:
    allowed = ", ".join(methods)
    reply = refusal(call, MethodNotAllowed(allowed_methods=allowed))
    reply.headers.append((b"allow", allowed.encode("ascii")))
    return reply


def _unexpected(call: Call) -> Reply:
    """A fixed text and an id; what happened is in the log under that id (E5)."""
    error_id = new_id()
    _LOG.exception("unexpected error %s at %s", error_id, call.instance)
    return refusal(call, InternalError(error_id=error_id))
