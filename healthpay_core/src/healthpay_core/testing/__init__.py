"""The test kit: what proves the core, made for the tests of its users too.

- `given(...).when(...).then(...)` tests a decision without a store;
- `Workbench` is a handler over a store in memory with a clock that is moved;
- `ScriptedStore` makes a store misbehave on purpose;
- `healthpay_core.testing.contracts` has the contract of every port, as test classes
  to inherit from; it needs pytest;
- `healthpay_core.testing.model` predicts every command by brute force;
- `healthpay_core.testing.simulation` plays whole stories beside it, faults and all;
- `healthpay_core.testing.strategies`, `payment_strategies`, `command_strategies` and
  `histories` draw what tests are made of, and `healthpay_core.testing.machine` plays
  with any command port beside the model; they need Hypothesis.

The extra ``healthpay-core[testing]`` brings pytest and Hypothesis.
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
