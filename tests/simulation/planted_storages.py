"""Storages by name, as the command line wants them: each with one bug."""

from __future__ import annotations

import os

from healthpay_core import EventStore
from healthpay_core.testing.simulation import MemoryStorage
from tests.simulation.planted_stores import Gap


class GapStorage(MemoryStorage):
    """Its streams have gaps."""

    def __init__(self) -> None:
        super().__init__(Gap)


class DeadlyStorage(MemoryStorage):
    """Ends the process that opens it."""

    def open(self) -> EventStore:
        os._exit(3)
