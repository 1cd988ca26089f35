"""What a step of a saga was refused, it is refused for ever (T6, T7)."""

from __future__ import annotations

import pytest

from healthpay_core import (
    Code,
    CommandRequest,
    Outcome,
    Rejected,
    TransferSaga,
    Unknown,
)
from healthpay_core.outcome import unknown
from healthpay_core.testing import (
    Workbench,
    funded,
    opened,
    request,
    transfer,
    transfer_id,
    wallet_id,
)
from healthpay_core.transfer.saga import step_id

A, B = wallet_id("a"), wallet_id("b")


def test_a_failed_transfer_stays_failed_when_its_source_appears() -> None:
    """T7: the same request again moves nothing, though now it could."""
    bench = Workbench()
    bench.do(*opened(B))
    saga = TransferSaga(bench.handler.handle, bench.store)
    command = transfer(A, B, 4, name="t")
    asked = request(command)
    first = saga.run(asked, command)
    assert isinstance(first, Rejected)
    assert first.error.code is Code.SOURCE_WALLET_NOT_FOUND
    bench.do(*funded(A, 10))
    assert saga.run(asked, command) == first
    assert (bench.wallet(A).held, bench.wallet(B).balance) == (0, 0)
    assert bench.transfer(transfer_id("t")).status == "failed"


@pytest.mark.parametrize("cut", ["release", "fail"])
def test_a_refused_credit_is_not_tried_again_after_a_crash(cut: str) -> None:
    """T6, T7: the destination appears between two steps, and gets nothing."""
    bench = Workbench()
    bench.do(*funded(A, 10))
    lost = step_id(transfer_id("t"), cut)

    def execute(sent: CommandRequest) -> Outcome:
        if sent.command_id == lost:
            return unknown(sent)
        return bench.handler.handle(sent)

    command = transfer(A, B, 4, name="t")
    asked = request(command)
    cut_off = TransferSaga(execute, bench.store).run(asked, command)
    assert isinstance(cut_off, Unknown)
    bench.do(*opened(B))
    ended = TransferSaga(bench.handler.handle, bench.store).run(asked, command)
    assert isinstance(ended, Rejected)
    assert ended.error.code is Code.DESTINATION_WALLET_NOT_FOUND
    assert (bench.wallet(A).balance, bench.wallet(A).held) == (10, 0)
    assert bench.wallet(B).balance == 0
