"""One request, as far as every endpoint needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from healthpay_http import headers as h
from healthpay_http.asgi import HttpScope

# What stands for itself in a path besides letters and digits (RFC 3986, 3.3).
_IN_PATHS: Final = "/-._~!$&'()*+,;=:@"


class Call:
    """A request's head: the path without the mount's prefix, ids, the trace.

    Attributes:
        path: Below the mount, without one trailing slash.
        path_id: The id in the path, as it came; empty where there is none.
        correlation_id: The caller's, else made from the trace.
        traceparent: Of this request's own span (H5).
    """

    __slots__ = (
        "_scope",
        "correlation_id",
        "headers",
        "method",
        "path",
        "path_id",
        "traceparent",
    )

    def __init__(self, scope: HttpScope) -> None:
        self._scope = scope
        self.method: str = scope["method"]
        self.path: str = _local_path(scope)
        self.path_id: str = ""
        headers: Mapping[bytes, bytes] = h.by_name(scope["headers"])
        self.headers: Mapping[bytes, bytes] = headers
        trace_id, traceparent = h.trace(headers.get(b"traceparent"))
        self.traceparent: str = traceparent
        self.correlation_id: str = h.correlation_id(
            headers.get(b"x-correlation-id"), trace_id
        )

    @property
    def query_string(self) -> str:
        """What follows the question mark, as it came."""
        return self._scope.get("query_string", b"").decode("latin-1")

    @property
    def shown_id(self) -> str:
        """The id in the path, fit to be shown whatever the client sent."""
        return self.path_id[:64].encode("utf-8", "replace").decode()

    @property
    def instance(self) -> str:
        """The path as a URI reference that leads here, through the mount."""
        return self.prefix + quote(self.path, errors="replace")[:512]

    @property
    def prefix(self) -> str:
        """Where the app is mounted, as the client sees it, fit to be in a URI.

        Litestar cuts the path and does not say so in `root_path`; the raw path
        still has it. Behind a proxy that cuts it, only `root_path` has it.
        """
        asked = unquote_to_bytes(self._scope.get("raw_path", b"")).rstrip(b"/")
        local = self.path.encode("utf-8", "replace").rstrip(b"/")
        if asked.endswith(local) and len(asked) > len(local):
            return quote(asked.removesuffix(local), safe=_IN_PATHS)
        root = self._scope.get("root_path", "").rstrip("/")
        return quote(root, safe=_IN_PATHS, errors="replace")


def _local_path(scope: HttpScope) -> str:
    path = scope["path"]
    root = scope.get("root_path", "").rstrip("/")
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        path = path[len(root) :]
    if len(path) > 1 and path[-1] == "/":
        path = path[:-1]
    return path or "/"
