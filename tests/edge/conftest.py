"""The servers that the edge is tested on, each started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from examples.proofs import prove
from healthpay_core import StoreQueries
from healthpay_sql import SqliteEventStore
from tests.edge.servers import SERVERS


@pytest.fixture(scope="session", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The server's name and address; its store is whole at the end."""
    store = tmp_path_factory.mktemp(request.param) / "healthpay.db"
    with SERVERS[request.param](store) as running:
        yield request.param, running.url
        assert running.stop() == 0
    with SqliteEventStore(store) as after:
        faults = [f for p in prove(after, StoreQueries(after)) for f in p.faults]
    assert faults == []
