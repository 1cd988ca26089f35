"""What one command may leave in a store: its events, whole and in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_TRANSFER: Final = (
    "transfer.initiated",
    "wallet.debited",
    "wallet.credited",
    "transfer.completed",
)
_HELD: Final = ("wallet.hold_placed", "payment.authorized")
_PAID: Final = ("wallet.debited", "wallet.credited")
_FEE: Final = "wallet.debited"
_FREED: Final = "wallet.hold_released"
_CAPTURED: Final = "payment.captured"

WHOLE: Final = frozenset(
    {
        _TRANSFER,
        (*_TRANSFER, "wallet.closed"),
        _HELD,
        (*_HELD, *_PAID, _CAPTURED),
        (*_PAID, _CAPTURED),
        (*_PAID, _FREED, _CAPTURED),
        (*_PAID, _FEE, _CAPTURED),
        (*_PAID, _FEE, _FREED, _CAPTURED),
        (_FREED, "payment.voided"),
        (_FREED, "payment.failed"),
        (*_PAID, "payment.refunded"),
    }
)
_ALONE: Final = frozenset({"payment.initiated", "payment.failed"})
_NEVER_ALONE: Final = frozenset({"wallet.hold_placed", "wallet.hold_released"})


def is_whole(types: Sequence[str]) -> bool:
    """Whether events of these types are one whole effect of one command."""
    if len(types) != 1:
        return tuple(types) in WHOLE
    name = types[0]
    public = name.startswith(("wallet.", "medcard.")) and name not in _NEVER_ALONE
    return public or name in _ALONE
