"""Ids: canonical lower-case UUID texts, derived ones by UUIDv5."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha1
from typing import Final, NewType, TypeAlias, cast
from uuid import UUID, uuid4

StreamId = NewType("StreamId", str)
"""``<aggregate type>/<aggregate id>``, the name of one stream of events."""

NAMESPACE: Final = UUID("6b6f3a54-9a53-5f0e-8f0a-2d9a4c0b7e11")
"""The UUIDv5 namespace of every id that HealthPay derives."""

# Hashed once: a copy of it, fed the name, costs half of hashing both anew.
_IN_NAMESPACE: Final = sha1(NAMESPACE.bytes, usedforsecurity=False)
_VARIANT: Final = {c: "89ab"[int(c, 16) & 3] for c in "0123456789abcdef"}
_CANONICAL: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)


def new_id() -> str:
    """A fresh random id, for wallets, transfers and commands."""
    return str(uuid4())


def is_id(text: str) -> bool:
    """Whether a text is a UUID in canonical lower-case form."""
    return _CANONICAL.fullmatch(text) is not None


def derive_id(name: str) -> str:
    """The UUIDv5 of a name in HealthPay's namespace: same name, same id."""
    # Hashing the bytes directly costs a quarter of `uuid.uuid5`.
    hashed = _IN_NAMESPACE.copy()
    hashed.update(name.encode())
    h = hashed.hexdigest()
    return f"{h[:8]}-{h[8:12]}-5{h[13:16]}-{_VARIANT[h[16]]}{h[17:20]}-{h[20:32]}"


def event_id(aggregate_id: str, command_id: str, index: int) -> str:
    """The id of the index-th event of a command (rule I8): repeatable."""
    return derive_id(f"{aggregate_id}/{command_id}/{index}")


# Named several times for every command: `StreamId` would be a call the more.
_Name: TypeAlias = Callable[[str], StreamId]
_of_wallet = cast("_Name", "wallet/".__add__)
_of_transfer = cast("_Name", "transfer/".__add__)
_of_payment = cast("_Name", "payment/".__add__)
_of_medcard = cast("_Name", "medcard/".__add__)


def wallet_stream(wallet_id: str) -> StreamId:
    """The stream of a wallet."""
    return _of_wallet(wallet_id)


def transfer_stream(transfer_id: str) -> StreamId:
    """The stream of a transfer."""
    return _of_transfer(transfer_id)


def payment_stream(payment_id: str) -> StreamId:
    """The stream of a payment."""
    return _of_payment(payment_id)


def medcard_stream(card_id: str) -> StreamId:
    """The stream of a card."""
    return _of_medcard(card_id)
