"""The application alone, and mounted in the frameworks that people have."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import cast

import pytest
from fastapi import FastAPI
from litestar import Litestar, asgi
from litestar.types import Receive as LitestarReceive
from litestar.types import Scope as LitestarScope
from litestar.types import Send as LitestarSend
from starlette.applications import Starlette
from starlette.routing import Mount

from healthpay_http import HealthPayApp
from healthpay_http.openapi import document
from healthpay_http.routes import ROUTES
from tests.http.client import Answer, Asgi, Json, Service

PREFIX = "/pay/health"
NOT_OF_A_ROUTE = {"ROUTE_NOT_FOUND", "METHOD_NOT_ALLOWED"}


def _lifespan(
    healthpay: HealthPayApp,
) -> Callable[[object], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async with healthpay.running():
            yield

    return lifespan


def in_starlette(healthpay: HealthPayApp) -> Asgi:
    """A Starlette application with HealthPay below the prefix."""
    return Starlette(
        routes=[Mount(PREFIX, app=healthpay)], lifespan=_lifespan(healthpay)
    )


def in_fastapi(healthpay: HealthPayApp) -> Asgi:
    """A FastAPI application with HealthPay below the prefix."""
    host = FastAPI(lifespan=_lifespan(healthpay))
    host.mount(PREFIX, healthpay)
    return host


def in_litestar(healthpay: HealthPayApp) -> Asgi:
    """A Litestar application with HealthPay below the prefix."""

    @asgi(PREFIX, is_mount=True, copy_scope=True)
    async def mounted(
        scope: LitestarScope, receive: LitestarReceive, send: LitestarSend
    ) -> None:
        await cast("Asgi", healthpay)(
            cast("Json", scope), cast("Json", receive), cast("Json", send)
        )

    host = Litestar(
        route_handlers=[mounted],
        lifespan=[_lifespan(healthpay)],
        openapi_config=None,
    )
    return cast("Asgi", host)


HOSTS: dict[str, tuple[Callable[[HealthPayApp], Asgi] | None, str]] = {
    "alone": (None, ""),
    "starlette": (in_starlette, PREFIX),
    "fastapi": (in_fastapi, PREFIX),
    "litestar": (in_litestar, PREFIX),
}


@pytest.fixture(params=HOSTS)
def hosted(request: pytest.FixtureRequest) -> Iterator[Service]:
    """The service alone and in each framework: the contract holds in all."""
    host, prefix = HOSTS[request.param]
    with Service(host=host, prefix=prefix).serving() as service:
        yield service
        assert_documented(service)


@pytest.fixture
def service() -> Iterator[Service]:
    """The service alone, without limits."""
    with Service().serving() as running:
        yield running
        assert_documented(running)


def assert_documented(service: Service) -> None:
    """Whatever was answered during a test stands in the OpenAPI document (H6)."""
    paths: Json = document(ROUTES)["paths"]
    for method, path, answer in service.client.seen:
        template = _template(path.rstrip("/"), paths)
        operation = paths.get(template, {}).get(method.lower())
        if operation is None:
            assert method == "HEAD" or _code(answer) in NOT_OF_A_ROUTE, (method, path)
            continue
        responses = operation["responses"]
        assert str(answer.status) in responses, (method, path, answer)
        content = responses[str(answer.status)]["content"]
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in content, (method, path, kind)
        if kind == "application/problem+json":
            codes = content[kind]["schema"]["allOf"][1]["properties"]["code"]["enum"]
            assert _code(answer) in codes, (method, path, answer.body)


def _code(answer: Answer) -> str | None:
    return answer.code if "problem" in answer.headers["content-type"] else None


def _template(path: str, paths: Json) -> str:
    parts = path.split("/")
    for template in paths:
        wanted = template.split("/")
        if len(wanted) == len(parts) and all(
            w == p or w.startswith("{") for w, p in zip(wanted, parts, strict=True)
        ):
            return str(template)
    return path
