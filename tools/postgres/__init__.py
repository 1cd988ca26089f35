"""A PostgreSQL server for tests: found or installed, started on loopback, removed."""

from tools.postgres.binaries import PostgresMissing, binaries
from tools.postgres.server import PostgresServer, PostgresWontStart, running

__all__ = [
    "PostgresMissing",
    "PostgresServer",
    "PostgresWontStart",
    "binaries",
    "running",
]
