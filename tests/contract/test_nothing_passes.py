"""Adapters that do nothing fail every test but those that ask for nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pytest

from healthpay_core import (
    Append,
    Appended,
    AppendResult,
    CommandPort,
    CommandRequest,
    Event,
    EventStore,
    Outcome,
    OutcomeRecord,
    RecordedEvent,
    Snapshot,
    SnapshotStore,
    StreamId,
)
from healthpay_core.outcome import rejected
from healthpay_core.refusals import StoreUnavailable
from healthpay_core.testing.contracts import (
    CommandPortContract,
    Contract,
    EventStoreContract,
    SnapshotStoreContract,
)

T = TypeVar("T")


class _NoStore:
    """Says yes to everything and keeps nothing."""

    def read(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        return []

    def facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        return []

    def versions(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        return dict.fromkeys(streams, 0)

    def append(self, append: Append) -> AppendResult:
        return Appended(last_position=0)

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        return {}

    def epoch(self) -> int:
        return 0

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        return []

    def load_snapshot(self, stream: StreamId) -> Snapshot | None:
        return None

    def save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        pass


class _NoStoreContract(EventStoreContract):
    def reopen(self, store: EventStore) -> EventStore:
        return _NoStore()

    def second(self, store: EventStore) -> EventStore:
        return _NoStore()


class _NoSnapshotsContract(SnapshotStoreContract):
    def reopen_snapshots(self, snapshots: SnapshotStore) -> SnapshotStore:
        return _NoStore()


class _NoPort:
    """Takes nothing."""

    async def submit(self, request: CommandRequest) -> Outcome:
        return self.execute(request)

    def execute(self, request: CommandRequest) -> Outcome:
        return rejected(request, StoreUnavailable())


class _NoPortContract(CommandPortContract):
    def reopen_port(self, port: CommandPort) -> CommandPort:
        return _NoPort()


@pytest.mark.parametrize(
    ("contract", "make", "passes"),
    [
        (
            _NoStoreContract(),
            _NoStore,
            [
                "test_own_appends_leave_the_epoch_alone",
            ],
        ),
        (_NoSnapshotsContract(), _NoStore, ["test_no_snapshot_is_none"]),
        (_NoPortContract(), _NoPort, []),
    ],
    ids=["store", "snapshots", "port"],
)
def test_who_does_nothing_fails(
    contract: Contract,
    make: Callable[[], object],
    passes: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """V1, A1, V5: no test passes of itself."""
    monkeypatch.setattr("healthpay_core.testing.appends.PATIENCE_S", 0.2)
    passed: list[str] = []
    for name in contract.asks():
        question: Callable[..., None] = getattr(contract, name)
        try:
            question(make())
        except AssertionError:
            continue
        passed.append(name)
    assert passed == passes
