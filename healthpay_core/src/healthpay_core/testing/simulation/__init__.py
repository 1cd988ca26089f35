"""A deterministic simulator that hunts for lost money: one seed decides everything.

Two handlers share one store that fails before, during and after its commits;
clients retry and reuse keys; the clock jumps over midnight, ends of months and
the days on which clocks change; processes restart, snapshots are lost, sagas stop
halfway. After every step the books are checked, and every answer is compared with
the reference model.

```python
failure = Simulation(storage=MyStorage).play(seed=42)
assert failure is None, Simulation(storage=MyStorage).shrink(failure).told()
```

On all cores, for five minutes, on a storage of yours (`Storage`):

```
python -m healthpay_core.testing.simulation --minutes 5 --storage my_tests:MyStorage
```
"""

from __future__ import annotations

from healthpay_core.testing.simulation.coverage import Coverage
from healthpay_core.testing.simulation.ledger import Ledger, Violation
from healthpay_core.testing.simulation.process import Handler, make_handler
from healthpay_core.testing.simulation.stores import MemoryStorage, Storage
from healthpay_core.testing.simulation.story import Failure, Simulation

__all__ = [
    "Coverage",
    "Failure",
    "Handler",
    "Ledger",
    "MemoryStorage",
    "Simulation",
    "Storage",
    "Violation",
    "make_handler",
]
