"""A PostgreSQL for the whole session, and a view of its own for each test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from examples.projection.settings import Settings
from healthpay_kafka import Topics
from tools.broker import Broker
from tools.postgres import PostgresServer, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server; the run fails when there is none."""
    with running() as server:
        yield server


@pytest.fixture
def connection(postgres: PostgresServer) -> Iterator[Connection]:
    """A connection of the test's own, for looking at rows."""
    with psycopg.connect(postgres.url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def settings(
    postgres: PostgresServer,
    broker: Broker,
    made_topics: Topics,
    connection: Connection,
) -> Iterator[Settings]:
    """A projection of this test's topics into a view of this test."""
    told = Settings(
        bootstrap_servers=broker.bootstrap_servers,
        postgres=postgres.url,
        topic_prefix=made_topics.prefix,
        view=f"view_{secrets.token_hex(6)}",
        log_level="debug",
    )
    yield told
    for suffix in ("", "_next", "_old"):
        name = Identifier(told.view + suffix)
        connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))
