"""The contracts of the ports, as tests to inherit; pytest is needed."""

from __future__ import annotations

from healthpay_core.testing.appending_contract import AppendingContract
from healthpay_core.testing.port_contracts import (
    ClockContract,
    CommandPortContract,
    SnapshotStoreContract,
)
from healthpay_core.testing.reading_contract import ReadingContract

__all__ = [
    "ClockContract",
    "CommandPortContract",
    "EventStoreContract",
    "SnapshotStoreContract",
]


class EventStoreContract(AppendingContract, ReadingContract):
    """What every event store must do.

    Inherit, name the class `Test...`, and say how a store is made:

    ```python
    class TestMyStore(EventStoreContract):
        def make_store(self) -> EventStore:
            return MyStore()
    ```

    A store that outlives its process also says `reopen`; one that several
    processes share also says `second`.
    """
