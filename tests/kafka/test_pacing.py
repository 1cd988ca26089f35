"""Workers take turns; one that hangs holds nobody up."""

from __future__ import annotations

import threading

import pytest

from healthpay_kafka.pacing import Pace


def test_so_many_have_a_turn_and_the_next_waits() -> None:
    """Spec kafka, Processor: who waits goes on as soon as somebody has ended."""
    pace = Pace(2)
    inside, leave = threading.Semaphore(0), threading.Event()

    def hold() -> None:
        with pace.turn() as is_mine:
            assert is_mine
            inside.release()
            leave.wait(30)

    holders = [threading.Thread(target=hold) for _ in range(2)]
    for holder in holders:
        holder.start()
        assert inside.acquire(timeout=30)
    with pace.turn() as is_mine:
        assert not is_mine
    leave.set()
    for holder in holders:
        holder.join()
    # A turn that was none is not given back.
    with pace.turn() as first, pace.turn() as second, pace.turn() as third:
        assert (first, second, third) == (True, True, False)


def test_a_turn_ends_with_an_error_too() -> None:
    """A worker that fails does not keep its turn."""
    pace = Pace(1)
    with pytest.raises(RuntimeError), pace.turn():
        raise RuntimeError
    with pace.turn() as is_mine:
        assert is_mine
    with pytest.raises(ValueError, match="at least 1"):
        Pace(0)
