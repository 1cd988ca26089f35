"""Several servers on one file take commands for the same wallets at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Self

import orjson
import pytest

from healthpay_sql import SqliteEventStore
from tests.simulation.driving import Connection, ServerProcess
from tests.simulation.ledger import Ledger
from tests.simulation.load import load_until_killed, run_load, send_all, settle

SEED = 20_261_127
KILLS = 5
KILLS_IN_SOAK = 100


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


@pytest.mark.crash
def test_either_of_two_servers_may_be_killed_under_load(
    tmp_path: Path, is_soak: bool, tell: Callable[[str], None]
) -> None:
    """I7, I4, V1, T4: the other goes on; what either has said is there, once."""
    file, ledger, random = tmp_path / "healthpay.db", Ledger(), Random(SEED)
    kills = KILLS_IN_SOAK if is_soak else KILLS
    were_in_doubt = 0
    with Pair(file) as pair:
        asyncio.run(send_all(pair.urls[0], ledger, ledger.opening(4)))
        for kill in range(kills):
            number = kill % 2
            end = partial(pair.kill, number)
            load = load_until_killed(pair.urls, end, ledger, random, seed=kill)
            asyncio.run(load)
            were_in_doubt += len(ledger.in_doubt)
            # The one that lives is asked first, the one that comes back later.
            asyncio.run(settle(pair.urls[1 - number], ledger, random))
            with SqliteEventStore(file) as store:
                ledger.check(store)
            pair.restart(number)
            for url in pair.urls:
                asyncio.run(_shows_what_is_expected(url, ledger))
    tell(
        f"two servers: {kills} SIGKILLs, {len(ledger.answers)} commands decided,"
        f" {were_in_doubt} in doubt at a kill, 0 lost or doubled"
    )
    assert were_in_doubt > kills // 2, "the kills hit nothing under way"


class Pair:
    """Two servers on one file; either may be started anew."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._servers = [ServerProcess(file), ServerProcess(file)]

    @property
    def urls(self) -> list[str]:
        return [server.url for server in self._servers]

    def kill(self, number: int) -> None:
        self._servers[number].kill()

    def restart(self, number: int) -> None:
        self._servers[number] = ServerProcess(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.kill()


async def _shows_what_is_expected(url: str, ledger: Ledger) -> None:
    """Each server sees what the other has stored."""
    connection, expected = await Connection.open(url), ledger.expected_balances()
    for wallet in ledger.wallets:
        answer = await connection.get(f"/v1/wallets/{wallet}")
        assert orjson.loads(answer.body)["wallet"]["balance"] == expected[wallet]
    connection.close()
