"""The sweep beside the server goes on, whatever befalls one of its turns."""

from __future__ import annotations

import asyncio

import pytest

from examples.server.stores import repeated
from healthpay_core import (
    InMemoryEventStore,
    ManualClock,
    StoreFault,
    StreamCorrupted,
    Sweeper,
    wallet_stream,
)
from healthpay_core.sweeps import Swept
from healthpay_core.testing import NOW, wallet_id

FAULTS = (
    StoreFault("gone"),
    StreamCorrupted("a version is missing", wallet_stream(wallet_id("a")), 1),
    ZeroDivisionError("a bug"),
)


class _Failing(Sweeper):
    """Fails a few times, each time otherwise."""

    def __init__(self) -> None:
        store, clock = InMemoryEventStore(), ManualClock(NOW)
        super().__init__(lambda _: None, store, clock)  # type: ignore[arg-type, return-value]  # is never asked
        self.turns = 0

    def sweep(self) -> Swept:
        self.turns += 1
        if self.turns <= len(FAULTS):
            raise FAULTS[self.turns - 1]
        return Swept(authorizations=0, cards=0)


@pytest.mark.parametrize("turns", [len(FAULTS) + 2])
def test_no_fault_ends_the_sweeps(turns: int) -> None:
    """P8, D5: a fault of the store, a broken stream, a bug: there is a next turn."""
    sweeper = _Failing()

    async def until_then() -> None:
        async with repeated(sweeper, 0.001):
            while sweeper.turns < turns:
                await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(until_then(), 60))
