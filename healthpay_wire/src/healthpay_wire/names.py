"""Member names on the wire: camelCase, with the exceptions in one table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_RENAMED: Final[Mapping[tuple[str, str], str]] = {
    ("WalletKycLevelChanged", "from_level"): "from",
    ("WalletKycLevelChanged", "to_level"): "to",
    ("TransferFailed", "failure_code"): "code",
    ("PaymentFailed", "failure_code"): "code",
}


@lru_cache(maxsize=512)
def camel(name: str) -> str:
    """``balance_after`` to ``balanceAfter``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def member_name(class_name: str, field: str) -> str:
    """The wire name of a field of a class."""
    return _RENAMED.get((class_name, field)) or camel(field)
