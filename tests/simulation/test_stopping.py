"""The server stops when it is asked to, and answers first what it has taken."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from healthpay_sql import SqliteEventStore
from tests.simulation.driving import Connection, ServerProcess
from tests.simulation.ledger import Ledger
from tests.simulation.load import run_load, send_all

pytestmark = pytest.mark.crash

ENOUGH = 200
"""Answers, not seconds, after which a server that works is stopped."""
DRAIN_S = 10
"""Long enough for some commands on a slow machine."""


def test_sigterm_under_load_loses_no_answer_and_ends_well(tmp_path: Path) -> None:
    """I7: what the server has read it answers; then it closes the store, code 0."""
    file, ledger = tmp_path / "healthpay.db", Ledger()
    with ServerProcess(file) as server:
        asyncio.run(send_all(server.url, ledger, ledger.opening(4)))
        asyncio.run(_load_then_stop(server, ledger))
        assert server.process.wait(timeout=60) == 0
    assert not file.with_name("healthpay.db-wal").exists(), "the store was not closed"
    # What was still on its way to the server was never read: nothing of it is
    # there, and every command that is there was answered.
    ledger.in_doubt.clear()
    with SqliteEventStore(file) as store:
        ledger.check(store)


def test_readiness_ends_before_the_server_does(tmp_path: Path) -> None:
    """H8: after SIGTERM `/readyz` says 503 while commands are still answered."""
    file, ledger = tmp_path / "healthpay.db", Ledger()
    with ServerProcess(file, HEALTHPAY_DRAIN_S=str(DRAIN_S)) as server:
        asyncio.run(_watch_it_drain(server, ledger))
        assert server.process.wait(timeout=60) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_stops_at_once_with_code_zero(number: signal.Signals) -> None:
    """An open connection without a request does not hold the server up."""
    # Were it held up, it would be for an hour.
    with ServerProcess(None, HEALTHPAY_STOP_TIMEOUT_S="3600") as server:
        asyncio.run(_stop_with_an_idle_connection(server, number))


def test_a_file_that_is_no_store_is_refused_at_start(tmp_path: Path) -> None:
    """The server names the file and the reason, and serves nothing."""
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE somebody_elses (x)")
    with pytest.raises(AssertionError, match=r"HEALTHPAY_STORE: .*other\.db"):
        ServerProcess(file)


async def _load_then_stop(server: ServerProcess, ledger: Ledger) -> None:
    load = asyncio.create_task(
        run_load([server.url], ledger, connections=8, seed=1, limit=10_000)
    )
    while len(ledger.answers) < ENOUGH and not load.done():
        await asyncio.sleep(0.002)
    server.process.send_signal(signal.SIGTERM)
    await load
    assert len(ledger.answers) >= ENOUGH, "there was no load"


async def _watch_it_drain(server: ServerProcess, ledger: Ledger) -> None:
    line = await Connection.open(server.url)
    assert (await line.get("/readyz")).status == 200
    server.process.send_signal(signal.SIGTERM)
    while (await line.get("/readyz")).status == 200:
        await asyncio.sleep(0.01)
    assert (await line.get("/readyz")).status == 503
    assert (await line.get("/livez")).status == 200
    await send_all(server.url, ledger, ledger.opening(1))
    assert all(answer.is_committed for _, answer in ledger.answers.values())
    line.close()


async def _stop_with_an_idle_connection(
    server: ServerProcess, number: signal.Signals
) -> None:
    line = await Connection.open(server.url)
    assert (await line.get("/livez")).status == 200
    server.process.send_signal(number)
    assert await asyncio.to_thread(server.process.wait, 60) == 0
    line.close()
