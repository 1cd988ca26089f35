"""The running server keeps the promises of its own OpenAPI document."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import orjson
import pytest

from examples.proofs import prove
from healthpay_core import EventStore, StoreQueries
from healthpay_sql import SqliteEventStore
from tests.edge.reaching import opening
from tests.edge.running import schemathesis
from tests.edge.servers import SERVERS
from tests.simulation.ledger import Ledger
from tests.simulation.load import send_all

EXAMPLES = {"positive": 12, "negative": 4}
LEAST_KINDS = 15
LIMIT_S, LONG_S = 500, 600
GENERATED = re.compile(r"(\d+) generated, \1 passed")


@pytest.mark.timeout(LIMIT_S + LONG_S + 100)
@pytest.mark.parametrize(
    ("name", "mode"),
    [("uvicorn", "positive"), ("uvicorn", "negative"), ("granian", "positive")],
)
def test_the_running_server_keeps_what_its_document_says(
    tmp_path: Path, name: str, mode: str, pytestconfig: pytest.Config
) -> None:
    """H1, H2, H6, H7, E6: every check of schemathesis, and the books are right after.

    Modes run apart: in a mixed run schemathesis 4.32 calls a request valid whose
    optional headers it took from an invalid one.
    """
    is_long = pytestconfig.pluginmanager.hasplugin("tools.soak")
    store, ledger = tmp_path / "healthpay.db", Ledger()
    with SERVERS[name](store) as server:
        asyncio.run(send_all(server.url, ledger, opening()))
        bounds = ["--max-examples", str(EXAMPLES[mode]), "--generation-deterministic"]
        if is_long:
            bounds = ["--max-time", str(LONG_S), "--seed", str(os.getpid())]
        limit_s = LIMIT_S + (LONG_S if is_long else 0)
        said = schemathesis(
            server.url, tmp_path, "--mode", mode, *bounds, limit_s=limit_s
        )
        assert server.stop() == 0
    sys.stdout.write(said)
    found = GENERATED.search(said)
    assert found is not None, said
    assert int(found[1]) > 500, said
    with SqliteEventStore(store) as after:
        assert [f for p in prove(after, StoreQueries(after)) for f in p.faults] == []
        kinds = _kinds(after, ledger)
    if mode == "positive":
        assert len(kinds) >= LEAST_KINDS, sorted(kinds)


def _kinds(store: EventStore, opened: Ledger) -> set[str]:
    """The types of the events that are there since the opening."""
    told = {
        orjson.loads(answer.body)["commandId"] for _, answer in opened.answers.values()
    }
    kinds: set[str] = set()
    position = 0
    while page := store.feed(position, 1000):
        new = (e.envelope for e in page if e.envelope.meta.command_id not in told)
        kinds |= {envelope.event_type for envelope in new}
        position = page[-1].position
    return kinds
