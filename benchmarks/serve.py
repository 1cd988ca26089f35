"""A server to be measured: `python -m benchmarks.serve healthpay|floor`.

Prints its port once it listens; uvicorn with httptools and uvloop, one process.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
import uvloop

from benchmarks import workload
from benchmarks.floors import asgi_floor
from benchmarks.measure import settle_garbage
from healthpay_core import CommandHandler, LocalRuntime, StoreQueries

if TYPE_CHECKING:
    from healthpay_http import Backend


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve")
    parser.add_argument("what", choices=("healthpay", "floor"))
    parser.add_argument("--store", type=Path, help="the SQLite file")
    parser.add_argument("--wallets", type=int, default=0, help="opened beforehand")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options))


async def _serve(options: argparse.Namespace) -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    async with AsyncExitStack() as stack:
        app: Any = asgi_floor
        if options.what == "healthpay":
            app = await stack.enter_async_context(_healthpay(options))
        config = uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
        )
        settle_garbage()
        print(listening.getsockname()[1], flush=True)
        await uvicorn.Server(config).serve(sockets=[listening])


@asynccontextmanager
async def _healthpay(options: argparse.Namespace) -> AsyncIterator[object]:
    from healthpay_http import HealthPayApp

    app = HealthPayApp(lambda: _resources(options.store, options.wallets))
    async with app.running():
        yield app


@asynccontextmanager
async def _resources(path: Path, wallets: int) -> AsyncIterator[Backend]:
    from healthpay_http import Backend
    from healthpay_sql import SqliteEventStore

    with SqliteEventStore(path, synchronous="FULL") as store:
        handler = CommandHandler(store, snapshots=store)
        workload.open_wallets(handler, workload.wallet_ids(wallets))
        runtime = LocalRuntime(handler)
        yield Backend(runtime, StoreQueries(store, store))
        runtime.close()


if __name__ == "__main__":
    main()
