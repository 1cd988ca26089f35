"""The ASGI 3 types that the application speaks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import NotRequired, TypeAlias, TypedDict

Scope: TypeAlias = MutableMapping[str, object]
Message: TypeAlias = MutableMapping[str, object]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Header: TypeAlias = tuple[bytes, bytes]


class HttpScope(TypedDict):
    """What a server or a host framework says of one request."""

    method: str
    path: str
    headers: Sequence[Header]
    root_path: NotRequired[str]
    raw_path: NotRequired[bytes]
    query_string: NotRequired[bytes]


class ClientGone(Exception):
    """The client went away before its request was complete; nobody to answer."""
