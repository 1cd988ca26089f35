"""States in bytes: a disposable cache, read only by the version that wrote it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import orjson

from healthpay_core import State
from healthpay_core.medcard.state import (
    ActiveCard,
    CancelledCard,
    ExpiredCard,
    IssuedCard,
    SuspendedCard,
)
from healthpay_core.payment.state import (
    AuthorizedPayment,
    CapturedPayment,
    FailedPayment,
    InitiatedPayment,
    PartiallyRefundedPayment,
    RefundedPayment,
    VoidedPayment,
)
from healthpay_core.transfer.state import (
    CompletedTransfer,
    FailedTransfer,
    InitiatedTransfer,
)
from healthpay_core.wallet.state import (
    ActiveWallet,
    ClosedWallet,
    PendingWallet,
    SuspendedWallet,
)
from healthpay_wire.strict import strict_converter

FORMAT: Final = 1
"""Goes up when a state's shape changes; older snapshots are then ignored."""

_STATES: Final[dict[str, type[State]]] = {
    "wallet.pending": PendingWallet,
    "wallet.active": ActiveWallet,
    "wallet.suspended": SuspendedWallet,
    "wallet.closed": ClosedWallet,
    "transfer.initiated": InitiatedTransfer,
    "transfer.completed": CompletedTransfer,
    "transfer.failed": FailedTransfer,
    "payment.initiated": InitiatedPayment,
    "payment.authorized": AuthorizedPayment,
    "payment.captured": CapturedPayment,
    "payment.partially_refunded": PartiallyRefundedPayment,
    "payment.refunded": RefundedPayment,
    "payment.voided": VoidedPayment,
    "payment.failed": FailedPayment,
    "medcard.issued": IssuedCard,
    "medcard.active": ActiveCard,
    "medcard.suspended": SuspendedCard,
    "medcard.expired": ExpiredCard,
    "medcard.cancelled": CancelledCard,
}
_NAMES: Final = MappingProxyType({cls: name for name, cls in _STATES.items()})
_CONVERTER = strict_converter(detailed=False)


def encode_state(state: State) -> bytes:
    """A state as JSON with its kind and the format's number."""
    members = _CONVERTER.unstructure(state)
    return orjson.dumps([FORMAT, _NAMES[type(state)], members], default=_sorted)


def decode_state(data: bytes) -> State | None:
    """The state, or None when it was written by another format or is damaged."""
    try:
        written_as, name, members = orjson.loads(data)
        if written_as != FORMAT:
            return None
        return _CONVERTER.structure(members, _STATES[name])
    except Exception:
        # A snapshot is a cache: whatever is wrong with it, the events know better.
        return None


def _sorted(value: object) -> list[object]:
    """A set, which JSON has not, as the same list every time."""
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"no form for {type(value).__name__}")
