"""A reference model: what every command must lead to, worked out by brute force.

It shares no code with the deciders. Where they keep running sums it keeps lists
and adds them up anew each time; where they have states as types it has words.
Put it beside any `CommandPort` and compare the two after every command:

```python
model = ReferenceModel(policy)
outcome = port.execute(request)
prediction = model.play(request, now=clock.now(), today=clock.business_day(now))
assert difference(prediction, outcome) is None
```
"""

from __future__ import annotations

from healthpay_core.testing.model.model import PREDICTED, ReferenceModel
from healthpay_core.testing.model.prediction import Prediction, difference
from healthpay_core.testing.model.rows import (
    CardRow,
    HoldRow,
    Outflow,
    PaymentRow,
    Rows,
    TransferRow,
    WalletRow,
)

__all__ = [
    "PREDICTED",
    "CardRow",
    "HoldRow",
    "Outflow",
    "PaymentRow",
    "Prediction",
    "ReferenceModel",
    "Rows",
    "TransferRow",
    "WalletRow",
    "difference",
]
