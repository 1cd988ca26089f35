"""The page about projections does what it says, on a real broker and PostgreSQL."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from healthpay_core.ids import new_id
from tests.docs.reading import Reader
from tests.docs.test_pages import ON_POSTGRES
from tests.kafka.test_pages import KafkaTerminal
from tools.broker import Broker
from tools.postgres import PostgresServer
from tools.postgres.server import GIVEN

SHOWN = "postgresql://localhost/healthpay"


class ProjectionTerminal(KafkaTerminal):
    """A terminal where `localhost/healthpay` is a database of this test.

    Args:
        folder: Where everything happens.
        broker: The broker's address.
        prefix: What the topics' names begin with, for `healthpay`.
        database: The URL of the database.
    """

    def __init__(self, folder: Path, broker: str, prefix: str, database: str) -> None:
        super().__init__(folder, broker, prefix)
        self._database = database

    def run(self, command: str) -> str:
        """As a reader's terminal does."""
        settings = f"{SHOWN}\nHEALTHPAY_TOPIC_PREFIX={self._prefix}\nEND"
        command = command.replace(f"{SHOWN}\nEND", settings)
        # What makes the server stop quickly is no setting of a projection.
        command = command.replace("env $(", "env -u HEALTHPAY_DRAIN_S $(")
        return super().run(command.replace(SHOWN, self._database))

    def _real(self, address: re.Match[str]) -> str:
        is_database = urlsplit(self._database).port == int(address[1])
        return address[0] if is_database else super()._real(address)


@pytest.fixture
def database(postgres: PostgresServer, connection: Connection) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    name = f"page_{secrets.token_hex(6)}"
    connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    yield urlunsplit(urlsplit(postgres.url)._replace(path=f"/{name}"))
    dropped = SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name))
    connection.execute(dropped)


def test_the_page_runs_on_a_broker_and_postgresql(
    tmp_path: Path, broker: Broker, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R3, A1: tables that follow, history that stays, a rebuild: as the page says."""
    folder = tmp_path / "reader"
    folder.mkdir()
    monkeypatch.chdir(folder)
    # The programs know no such setting and would not start.
    monkeypatch.delenv(GIVEN, raising=False)
    prefix = f"page-{new_id()[:8]}"
    servers = broker.bootstrap_servers
    terminal = ProjectionTerminal(folder, servers, prefix, database)
    with closing(terminal):
        Reader(terminal).read(str(ON_POSTGRES))
