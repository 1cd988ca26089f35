"""A wallet closes with its rest moved, whatever others have done with its ids."""

from __future__ import annotations

from dataclasses import replace

import pytest

from healthpay_core import (
    NO_LIMITS,
    CloseWallet,
    CommandHandler,
    Committed,
    InMemoryEventStore,
)
from healthpay_core.domain import sweep_transfer_id
from healthpay_core.testing import (
    Workbench,
    funded,
    request,
    transfer,
    wallet_id,
)

A, B, STRANGER, FRIEND = map(wallet_id, ["a", "b", "stranger", "friend"])


@pytest.mark.parametrize("taken", [0, 1, 3])
@pytest.mark.parametrize("cached", [1, 100])
def test_a_stranger_cannot_keep_a_wallet_open(taken: int, cached: int) -> None:
    """W7, T1: whoever takes the id of the sweep's transfer, the next one is free."""
    store = InMemoryEventStore()
    bench = Workbench(store)
    bench.do(*funded(A, 10), *funded(B, 1))
    bench.do(*funded(STRANGER, 10), *funded(FRIEND, 1))
    for number in range(taken):
        chosen = sweep_transfer_id(A, number)
        bench.do(replace(transfer(STRANGER, FRIEND, 1), transfer_id=chosen))
    handler = CommandHandler(
        store, clock=bench.clock, policy=NO_LIMITS, cached_streams=cached
    )
    close = request(CloseWallet(wallet_id=A, sweep_to=B, reason_code="moved"))
    outcome = handler.handle(close)
    assert isinstance(outcome, Committed)
    moved = {event.aggregate_id for event in outcome.events} - {A, B}
    assert moved == {sweep_transfer_id(A, taken)}
    bench = Workbench(store)
    assert (bench.wallet(A).status, bench.wallet(B).balance) == ("closed", 11)


def test_ids_of_sweeps_stay_what_they_are() -> None:
    """I8: the first one is that of wallets that closed before."""
    first = sweep_transfer_id(A)
    assert first == sweep_transfer_id(A, 0)
    assert len({sweep_transfer_id(w, n) for w in (A, B) for n in range(4)}) == 8
