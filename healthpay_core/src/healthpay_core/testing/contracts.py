"""The contracts of the ports, as tests to inherit; pytest is needed."""

from __future__ import annotations

from healthpay_core.testing.answering_contract import AnsweringContract
from healthpay_core.testing.appending_contract import AppendingContract
from healthpay_core.testing.callers_contract import CallersContract
from healthpay_core.testing.capabilities import Capability, Contract
from healthpay_core.testing.clock_contract import ClockContract
from healthpay_core.testing.observer_contract import ObserverContract
from healthpay_core.testing.query_contract import QueryPortContract
from healthpay_core.testing.reading_contract import ReadingContract
from healthpay_core.testing.sharing_contract import SharingContract
from healthpay_core.testing.snapshot_contract import SnapshotStoreContract

__all__ = [
    "Capability",
    "ClockContract",
    "CommandPortContract",
    "Contract",
    "EventStoreContract",
    "ObserverContract",
    "QueryPortContract",
    "SnapshotStoreContract",
]


class EventStoreContract(AppendingContract, ReadingContract, SharingContract):
    """What every event store must do.

    Inherit, name the class `Test...`, and say how a store is made, closed, opened
    again after it was closed, and opened a second time beside the first, and which
    hashes it makes:

    ```python
    class TestMyStore(EventStoreContract):
        @pytest.fixture(autouse=True)
        def _path(self, tmp_path: Path) -> None:
            self.path = tmp_path / "events"

        def make_store(self) -> EventStore:
            return MyStore(self.path)

        def close_store(self, store: EventStore) -> None:
            assert isinstance(store, MyStore)
            store.close()

        def reopen(self, store: EventStore) -> EventStore:
            self.close_store(store)
            return MyStore(self.path)

        def second(self, store: EventStore) -> EventStore:
            return MyStore(self.path)

        def digest(self, prev_hash: bytes, envelope: EventEnvelope) -> bytes:
            return my_digest(prev_hash, envelope)
    ```

    `close_store` may be left out where there is nothing to let go of.

    What a store cannot do it declares, with the reason; it is then tested to
    refuse it cleanly. What is neither there nor declared fails:

    ```python
    class TestMyCache(EventStoreContract, without={Capability.REOPEN: "a cache"}):
        ...
    ```
    """


class CommandPortContract(AnsweringContract, CallersContract):
    """What every command port must do, for threads and for asyncio.

    Inherit, name the class `Test...`, and say how a port is made over an empty
    store, without limits; and how it is closed and made again over what it stored:

    ```python
    class TestMyPort(CommandPortContract):
        @pytest.fixture(autouse=True)
        def _path(self, tmp_path: Path) -> None:
            self.path = tmp_path / "events"

        def make_port(self) -> CommandPort:
            return MyPort(self.path)

        def close_port(self, port: CommandPort) -> None:
            assert isinstance(port, MyPort)
            port.close()

        def reopen_port(self, port: CommandPort) -> CommandPort:
            self.close_port(port)
            return MyPort(self.path)
    ```

    `close_port` may be left out where there is nothing to let go of.

    A port whose transfers are sagas declares to be without
    `Capability.MULTI_STREAM`: then a transfer's answer names the events of its own
    stream alone, and the money has moved all the same.
    """
