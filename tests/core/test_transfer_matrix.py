"""Every state of a transfer meets every order that a transfer takes (T1, T2, T7)."""

from __future__ import annotations

from typing import Final

import pytest

from healthpay_core import (
    BeginTransfer,
    Code,
    Command,
    CompleteTransfer,
    FailTransfer,
    TransferFunds,
    transfer_stream,
)
from healthpay_core.testing import Workbench, funded, opened, transfer_id, wallet_id

A, B = wallet_id("source"), wallet_id("destination")
ID = transfer_id("the one")

FUNDS = TransferFunds(
    transfer_id=ID,
    source_wallet_id=A,
    destination_wallet_id=B,
    amount=5,
    currency="EGP",
)
BEGIN = BeginTransfer(
    transfer_id=ID,
    source_wallet_id=A,
    destination_wallet_id=B,
    amount=5,
    currency="EGP",
)
COMPLETE = CompleteTransfer(
    transfer_id=ID, source_event_id="s", destination_event_id="d"
)
FAIL = FailTransfer(
    transfer_id=ID, stage="hold", failure_code="WALLET_CLOSED", hold_released=False
)
STATES: Final[dict[str, tuple[Command, ...]]] = {
    "absent": (),
    "initiated": (BEGIN,),
    "completed": (BEGIN, COMPLETE),
    "failed": (BEGIN, FAIL),
    "completed at once": (FUNDS,),
}
ORDERS: Final[dict[str, Command]] = {
    "transfer": FUNDS,
    "begin": BEGIN,
    "complete": COMPLETE,
    "fail": FAIL,
}
TAKEN, ENDED = Code.TRANSFER_ALREADY_EXISTS, Code.INVALID_STATE_TRANSITION
UNKNOWN = Code.TRANSFER_NOT_FOUND
CELLS: Final[dict[tuple[str, str], Code | str]] = {
    ("absent", "transfer"): "completed",
    ("absent", "begin"): "initiated",
    ("absent", "complete"): UNKNOWN,
    ("absent", "fail"): UNKNOWN,
    ("initiated", "transfer"): TAKEN,
    ("initiated", "begin"): TAKEN,
    ("initiated", "complete"): "completed",
    ("initiated", "fail"): "failed",
    ("completed", "transfer"): TAKEN,
    ("completed", "begin"): TAKEN,
    ("completed", "complete"): ENDED,
    ("completed", "fail"): ENDED,
    ("failed", "transfer"): TAKEN,
    ("failed", "begin"): TAKEN,
    ("failed", "complete"): ENDED,
    ("failed", "fail"): ENDED,
    ("completed at once", "transfer"): TAKEN,
    ("completed at once", "begin"): TAKEN,
    ("completed at once", "complete"): ENDED,
    ("completed at once", "fail"): ENDED,
}


@pytest.fixture
def bench() -> Workbench:
    """A source with 100 and an empty destination."""
    made = Workbench()
    made.do(*funded(A, 100), *opened(B))
    return made


def test_the_matrix_is_whole() -> None:
    """T7: no cell is left out."""
    assert set(CELLS) == {(state, order) for state in STATES for order in ORDERS}


@pytest.mark.parametrize(("state", "order"), CELLS)
def test_each_cell(bench: Workbench, state: str, order: str) -> None:
    """T1, T7, E3: completed and failed are final; a refusal writes nothing."""
    if STATES[state]:
        bench.do(*STATES[state])
    before = len(bench.store.read(transfer_stream(ID)))
    expected = CELLS[state, order]
    if isinstance(expected, Code):
        bench.refuse(ORDERS[order], expected)
        assert len(bench.store.read(transfer_stream(ID))) == before
    else:
        bench.do(ORDERS[order])
        assert bench.transfer(ID).status == expected


def test_a_saga_does_not_begin_between_one_wallet_and_itself(bench: Workbench) -> None:
    """T2, M6: what needs no state is refused before anything is written."""
    itself = BeginTransfer(
        transfer_id=ID,
        source_wallet_id=A,
        destination_wallet_id=A,
        amount=5,
        currency="EGP",
    )
    bench.refuse(itself, Code.SELF_TRANSFER_NOT_ALLOWED)
    nothing = BeginTransfer(
        transfer_id=ID,
        source_wallet_id=A,
        destination_wallet_id=B,
        amount=0,
        currency="EGP",
    )
    bench.refuse(nothing, Code.INVALID_AMOUNT)
