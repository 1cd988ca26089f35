"""The ports say `Sequence` and `Mapping`: a store may answer in what it likes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from healthpay_core import (
    NO_LIMITS,
    Append,
    AppendResult,
    CommandHandler,
    CommandPort,
    Event,
    LocalRuntime,
    OutcomeRecord,
    QueryPort,
    RecordedEvent,
    StoreQueries,
    StreamId,
    VersionConflict,
)
from healthpay_core.testing.contracts import CommandPortContract, QueryPortContract
from tests.contract.shared_store import SharedContract, SharedStore


class _Frozen(SharedStore):
    """Answers in tuples and in mappings that nobody can change."""

    def read(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[RecordedEvent]:
        return tuple(super().read(stream, after, limit))

    def facts(
        self, stream: StreamId, after: int = 0, limit: int | None = None
    ) -> Sequence[tuple[int, Event]]:
        return tuple(super().facts(stream, after, limit))

    def feed(self, after: int = 0, limit: int = 1000) -> Sequence[RecordedEvent]:
        return tuple(super().feed(after, limit))

    def versions(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        return MappingProxyType(dict(super().versions(streams)))

    def outcomes(self, command_ids: Sequence[str]) -> Mapping[str, OutcomeRecord]:
        return MappingProxyType(dict(super().outcomes(command_ids)))

    def append(self, append: Append) -> AppendResult:
        result = super().append(append)
        if isinstance(result, VersionConflict):
            return VersionConflict(actual=MappingProxyType(dict(result.actual)))
        return result


class TestFrozenStore(SharedContract):
    """A store of tuples keeps the contract."""

    kind = _Frozen


class TestPortOfFrozenStore(CommandPortContract):
    """A port over a store of tuples keeps the contract."""

    def make_port(self) -> CommandPort:
        self.store = _Frozen()
        return self._port()

    def reopen_port(self, port: CommandPort) -> CommandPort:
        return self._port()

    def _port(self) -> CommandPort:
        return LocalRuntime(CommandHandler(self.store, policy=NO_LIMITS))


class TestQueriesOfFrozenStore(QueryPortContract):
    """Queries of a store of tuples keep the contract."""

    def make_ports(self) -> tuple[CommandPort, QueryPort]:
        store = _Frozen()
        handler = CommandHandler(store, policy=NO_LIMITS)
        return LocalRuntime(handler), StoreQueries(store)
