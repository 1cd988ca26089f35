"""The test kit: what proves the core, made for the tests of its users too.

- `given(...).when(...).then(...)` tests a decision without a store;
- `Workbench` is a handler over a store in memory with a clock that is moved;
- `EventStoreContract` and its siblings are the contracts of the ports, as test
  classes to inherit from;
- `ScriptedStore` makes a store misbehave on purpose;
- `healthpay_core.testing.strategies` has Hypothesis strategies; it needs the
  extra ``healthpay-core[testing]``, as the contracts need pytest.
"""

from healthpay_core.testing.builders import (
    NOW,
    after,
    card_id,
    command_id,
    context,
    create,
    deposit,
    funded,
    hold,
    instant,
    issue,
    issued,
    opened,
    payment,
    payment_id,
    request,
    transfer,
    transfer_id,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.given_when_then import Given, Verdict, given
from healthpay_core.testing.saga_driver import SagaDriver
from healthpay_core.testing.stores import ScriptedStore
from healthpay_core.testing.workbench import Workbench

__all__ = [
    "NOW",
    "Given",
    "SagaDriver",
    "ScriptedStore",
    "Verdict",
    "Workbench",
    "after",
    "card_id",
    "command_id",
    "context",
    "create",
    "deposit",
    "funded",
    "given",
    "hold",
    "instant",
    "issue",
    "issued",
    "opened",
    "payment",
    "payment_id",
    "request",
    "transfer",
    "transfer_id",
    "wallet_id",
    "withdrawal",
]
