"""HealthPay mounted in a FastAPI service, beside the service's own routes.

`python -m examples.embed_fastapi` serves it on 127.0.0.1:8000, without
authentication: put yours in front of the mount before anybody else reaches it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from healthpay_core import CommandHandler, LocalRuntime, StoreQueries
from healthpay_http import Backend, HealthPayApp
from healthpay_sql import SqliteEventStore


def service(file: Path) -> FastAPI:
    """A FastAPI service with HealthPay's API under `/pay`."""

    @asynccontextmanager
    async def resources() -> AsyncIterator[Backend]:
        with SqliteEventStore(file) as store:
            handler = CommandHandler(store, snapshots=store)
            with closing(LocalRuntime(handler)) as runtime:
                yield Backend(runtime, StoreQueries(store, store))

    pay = HealthPayApp(resources)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Nobody runs the lifespan of a mounted application: its host does.
        async with pay.running():
            yield

    app = FastAPI(title="A clinic", lifespan=lifespan)

    @app.get("/appointments")
    async def appointments() -> list[str]:
        return []

    app.mount("/pay", pay)
    return app


if __name__ == "__main__":
    uvicorn.run(service(Path("clinic.db")), host="127.0.0.1", port=8000)
