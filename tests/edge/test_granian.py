"""Granian, the second server: the same promises under load and at its end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from healthpay_sql import SqliteEventStore
from tests.edge.servers import GranianProcess
from tests.simulation.driving import Connection
from tests.simulation.ledger import Ledger
from tests.simulation.load import run_load, send_all

ROUTES = ("/livez", "/readyz", "/health", "/metrics", "/docs", "/openapi.json")


@pytest.mark.crash
def test_granian_serves_the_same_under_load_and_ends_well(tmp_path: Path) -> None:
    """I4, I7, H8: replays are byte for byte the first answer, and nothing is lost.

    Each command in ten is sent twice, on purpose.
    """
    file, ledger = tmp_path / "healthpay.db", Ledger()
    with GranianProcess(file) as server:
        asyncio.run(send_all(server.url, ledger, ledger.opening(4)))
        load = run_load([server.url], ledger, connections=8, seed=3, limit=100)
        asyncio.run(load)
        asyncio.run(_has_its_routes(server.url))
        assert server.stop() == 0
    assert not file.with_name("healthpay.db-wal").exists(), "the store was not closed"
    assert len(ledger.answers) == 4 * 3 + 8 * 100
    with SqliteEventStore(file) as store:
        ledger.check(store)


async def _has_its_routes(url: str) -> None:
    line = await Connection.open(url)
    for path in ROUTES:
        assert (await line.get(path)).status == 200, path
    unknown = await line.get("/v1/nothing")
    assert (unknown.status, unknown.code) == (404, "ROUTE_NOT_FOUND")
    line.close()
