"""Several servers on one file take commands for the same wallets at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from healthpay_sql import SqliteEventStore
from tests.simulation.driving import Connection, ServerProcess
from tests.simulation.ledger import Ledger
from tests.simulation.load import run_load, send_all


@pytest.mark.crash
def test_two_servers_on_one_file_lose_and_double_nothing(tmp_path: Path) -> None:
    """V1, V2, I4, T4: both decide on the same wallets; every effect stands once.

    One command in ten goes to both at the same time, with the same key.
    """
    file, ledger = tmp_path / "healthpay.db", Ledger()
    with ServerProcess(file) as one, ServerProcess(file) as two:
        asyncio.run(send_all(one.url, ledger, ledger.opening(4)))
        urls = [one.url, two.url]
        load = run_load(urls, ledger, connections=8, seed=2, limit=150)
        asyncio.run(load)
        assert len(ledger.answers) == 4 * 3 + 8 * 150
        with SqliteEventStore(file) as store:
            ledger.check(store)
        for url in urls:
            asyncio.run(_shows_what_is_expected(url, ledger))


async def _shows_what_is_expected(url: str, ledger: Ledger) -> None:
    """Each server sees what the other has stored."""
    connection, expected = await Connection.open(url), ledger.expected_balances()
    for wallet in ledger.wallets:
        answer = await connection.get(f"/v1/wallets/{wallet}")
        assert orjson.loads(answer.body)["wallet"]["balance"] == expected[wallet]
    connection.close()
