"""The server is killed under load, again and again; nothing it said is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from healthpay_sql import SqliteEventStore
from tests.simulation.driving import ServerProcess
from tests.simulation.ledger import Ledger
from tests.simulation.load import load_until_killed, send_all, settle

FILES = 5
KILLS_PER_FILE = 10
SEED = 20_261_125


@pytest.mark.crash
@pytest.mark.parametrize("number", range(FILES))
def test_what_was_acknowledged_survives_ten_sigkills_exactly_once(
    tmp_path: Path, number: int
) -> None:
    """I7, I4, A2: after SIGKILL each acknowledged command is stored, and once.

    Five files, ten kills each: fifty.
    """
    file, ledger, random = tmp_path / "healthpay.db", Ledger(), Random(SEED + number)
    with ServerProcess(file) as server:
        asyncio.run(send_all(server.url, ledger, ledger.opening(6)))
    were_in_doubt = 0
    for kill in range(KILLS_PER_FILE + 1):
        with ServerProcess(file) as server:
            were_in_doubt += len(ledger.in_doubt)
            asyncio.run(settle(server.url, ledger, random))
            with SqliteEventStore(file) as store:
                ledger.check(store)
            if kill < KILLS_PER_FILE:
                load = load_until_killed(
                    [server.url], server.kill, ledger, random, seed=kill
                )
                asyncio.run(load)
    assert were_in_doubt > KILLS_PER_FILE, "the kills hit nothing under way"
