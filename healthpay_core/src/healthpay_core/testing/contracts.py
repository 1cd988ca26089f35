"""The contracts of the ports, as tests to inherit; pytest is needed."""

from __future__ import annotations

from healthpay_core.testing.appending_contract import AppendingContract
from healthpay_core.testing.capabilities import Capability, Contract
from healthpay_core.testing.port_contracts import (
    ClockContract,
    CommandPortContract,
    SnapshotStoreContract,
)
from healthpay_core.testing.reading_contract import ReadingContract
from healthpay_core.testing.sharing_contract import SharingContract

__all__ = [
    "Capability",
    "ClockContract",
    "CommandPortContract",
    "Contract",
    "EventStoreContract",
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
