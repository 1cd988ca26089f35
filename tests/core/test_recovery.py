"""Commands whose record is gone are answered from their events (rules I3, I8, E4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from healthpay_core import (
    Append,
    AppendResult,
    Code,
    CommandRequest,
    Committed,
    EventStore,
    Outcome,
    OutcomeRecord,
    RecordedEvent,
    Rejected,
    StoreFault,
    StreamCorrupted,
    StreamId,
    replays,
    wallet_stream,
)
from healthpay_core.testing import (
    ScriptedStore,
    Workbench,
    deposit,
    funded,
    request,
    wallet_id,
    withdrawal,
)

A, B = wallet_id("a"), wallet_id("b")


class _Forgetful(ScriptedStore):
    """A store whose outcomes have expired; how it is read is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.expired = False
        self.read_raises: Exception | None = None
        self.pages: list[int | None] = []

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        return {} if self.expired else super().outcomes(command_ids)

    def read(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        self.pages.append(limit)
        if self.read_raises is not None:
            raise self.read_raises
        return super().read(stream, after, limit)


def _done_and_forgotten() -> tuple[_Forgetful, CommandRequest, Committed]:
    """A withdrawal that was followed by others, and whose record is gone."""
    store = _Forgetful()
    bench = Workbench(store)
    bench.do(*funded(A, 10), *funded(B, 10))
    order = request(withdrawal(A, 4), "k", fingerprint=b"asked")
    first = bench.do(order)
    bench.do(*(withdrawal(A, 1) for _ in range(5)))
    store.expired = True
    return store, order, first


def test_the_resource_is_as_it_was_right_after_the_command() -> None:
    """I8, I4: what came later is not in the answer of the command."""
    store, order, first = _done_and_forgotten()
    again = Workbench(store).do(order)
    assert again == replace(first, replayed=True)
    record = replays.recover(store, order)
    assert record is not None
    assert record.fingerprint == b"asked"
    assert record.meta == store.read(wallet_stream(A))[3].envelope.meta


def test_a_long_stream_is_read_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """I8: page after page to the end, never all at once."""
    store, order, first = _done_and_forgotten()
    monkeypatch.setattr(replays, "_PAGE", 2)
    store.pages.clear()
    assert Workbench(store).do(order) == replace(first, replayed=True)
    assert store.pages == [2] * 6


def _codes(outcomes: Sequence[Outcome]) -> list[Code | None]:
    return [o.error.code if isinstance(o, Rejected) else None for o in outcomes]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_others_of_the_batch_are_committed_beside_it(place: int) -> None:
    """I8, T9: wherever it stands in the batch, it alone is a replay."""
    store, order, _ = _done_and_forgotten()
    batch = [request(deposit(B, 1)), request(deposit(B, 2))]
    batch.insert(place, order)
    outcomes = Workbench(store).handle(*batch)
    replayed = [isinstance(o, Committed) and o.replayed for o in outcomes]
    assert replayed == [n == place for n in range(3)]
    assert Workbench(store).wallet(B).balance == 13


@pytest.mark.parametrize("error", [StoreFault("gone"), StreamCorrupted("strange")])
@pytest.mark.parametrize("place", [0, 1])
def test_what_cannot_be_found_again_is_a_conflict(error: Exception, place: int) -> None:
    """I8, E4: it is not done twice, and spoils nothing beside it."""
    store, order, _ = _done_and_forgotten()
    store.read_raises = error
    batch = [request(deposit(B, 1))]
    batch.insert(place, order)
    outcomes = Workbench(store).handle(*batch)
    codes: list[Code | None] = [None]
    codes.insert(place, Code.CONCURRENCY_CONFLICT)
    assert _codes(outcomes) == codes


def test_a_raced_key_of_another_request_is_reused() -> None:
    """I3, I11: who loses the race with another request is not told its answer."""
    store = ScriptedStore()
    slow, fast = Workbench(store), Workbench(store)
    slow.do(*funded(A, 10))

    def step(behind: EventStore, append: Append) -> AppendResult:
        store.somebody_else += 1
        fast.do(request(withdrawal(A, 4), "k", fingerprint=b"x"))
        return behind.append(append)

    store.script.append(step)
    other = request(withdrawal(A, 5), "k", fingerprint=b"y")
    slow.refuse(other, Code.IDEMPOTENCY_KEY_REUSED)
    assert slow.wallet(A).balance == 6


def test_a_raced_key_on_other_streams_is_reused() -> None:
    """I3, I11: also where only the key is in the way, and no version."""
    store = ScriptedStore()
    slow, fast = Workbench(store), Workbench(store)
    slow.do(*funded(A, 10), *funded(B, 10))

    def step(behind: EventStore, append: Append) -> AppendResult:
        fast.do(request(deposit(B, 4), "k", fingerprint=b"x"))
        return behind.append(append)

    store.script.append(step)
    other = request(withdrawal(A, 5), "k", fingerprint=b"y")
    slow.refuse(other, Code.IDEMPOTENCY_KEY_REUSED)
    assert (slow.wallet(A).balance, slow.wallet(B).balance) == (10, 14)
