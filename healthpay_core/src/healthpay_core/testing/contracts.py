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

    Inherit, name the class `Test...`, and say how a store is made, opened again
    after it was closed, and opened a second time beside the first:

    ```python
    class TestMyStore(EventStoreContract):
        def make_store(self) -> EventStore:
            return MyStore(self.path)

        def reopen(self, store: EventStore) -> EventStore:
            store.close()
            return MyStore(self.path)

        def second(self, store: EventStore) -> EventStore:
            return MyStore(self.path)
    ```

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
        def make_port(self) -> CommandPort:
            return MyPort(self.path)

        def reopen_port(self, port: CommandPort) -> CommandPort:
            port.close()
            return MyPort(self.path)
    ```

    A port whose transfers are sagas declares to be without
    `Capability.MULTI_STREAM`: then a transfer's answer names the events of its own
    stream alone, and the money has moved all the same.
    """
