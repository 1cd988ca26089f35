"""HTTP/1.1 as uvicorn speaks it, with the ends of requests watched more closely.

Uvicorn 0.54 with httptools waits for ever for the rest of a request, takes a head of
any length, reads the body of a request that offers an upgrade as another request, puts
trailers among the headers, and drops answers to clients that have closed their half.
"""

from __future__ import annotations

from asyncio import Transport
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import httptools
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
    RequestResponseCycle,
)

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from uvicorn._types import ASGI3Application

MAX_HEAD_BYTES: Final = 65_536
_OF_UPGRADES: Final = (b"upgrade", b"http2-settings")
_INVALID: Final = (b"400 Bad Request", b"Invalid HTTP request received.")
_TOO_LONG: Final = (b"431 Request Header Fields Too Large", b"The head is too long.")
_TOO_SLOW: Final = (b"408 Request Timeout", b"The request took too long to come.")


class _HeadTooLong(Exception):
    """Ends the reading of a connection from within the parser."""


def watched(*, read_timeout_s: float) -> type[WatchedHttp]:
    """The protocol with a time to read a request; uvicorn wants a class."""

    class Http(WatchedHttp):
        pass

    Http.read_timeout_s = read_timeout_s
    return Http


class WatchedHttp(HttpToolsProtocol):
    """One connection.

    - A request that is not complete `read_timeout_s` after its first byte is answered
      408, one whose header lines are longer than `MAX_HEAD_BYTES` 431.
    - Upgrades are not taken: the request is served as if none were offered.
    - Trailers are read and forgotten.
    - What was taken is answered before the connection ends, also when the client has
      closed its half or sends nonsense after it.
    """

    read_timeout_s: float = 30.0

    _timer: TimerHandle | None = None
    _running: RequestResponseCycle | None = None
    _is_reading: bool = False
    _is_in_head: bool = False
    _head_bytes: int = 0
    _waited_bytes: int = 0
    _is_ending: bool = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # As uvicorn has it.
        super().connection_made(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_ending:
            return
        was_in_head = self._is_in_head
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            is_long = isinstance(error.__context__, _HeadTooLong)
            self._end(_TOO_LONG if is_long else _INVALID)
            return
        if was_in_head and self._is_in_head:
            self._waited_bytes += len(data)
            if self._waited_bytes > MAX_HEAD_BYTES:
                self._end(_TOO_LONG)
                return
        if self._is_reading and self._timer is None:
            self._await_request()

    def eof_received(self) -> bool:  # type: ignore[override]  # As asyncio has it.
        """Stay half open while there is something to answer."""
        return self._last_to_answer() is not None

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # The parser has skipped the body, if there is one.
                data = b"".join(self._head_again()) + data[upgrade.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            else:
                return

    def _head_again(self) -> Iterator[bytes]:
        """The head of the request, without its offer of an upgrade."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise httptools.HttpParserError("a tunnel is not taken")
        version = self.parser.get_http_version().encode()
        yield b"%b %b HTTP/%b\r\n" % (method, self.url, version)
        for name, value in self.headers:
            if name == b"connection":
                tokens = [token.strip() for token in value.lower().split(b",")]
                kept = [token for token in tokens if token not in _OF_UPGRADES]
                yield b"connection: %b\r\n" % b", ".join(kept)
            elif name not in _OF_UPGRADES:
                yield b"%b: %b\r\n" % (name, value)
        yield b"\r\n"

    def on_message_begin(self) -> None:
        # Not before: empty lines between requests keep no connection open.
        self._unset_keepalive_if_required()
        super().on_message_begin()
        self._is_reading = self._is_in_head = True
        self._head_bytes = self._waited_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_in_head:
            return
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD_BYTES:
            raise _HeadTooLong
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_headers_complete()
            self._is_in_head = False

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            self._is_reading = False
            self._stop_timer()
            super().on_message_complete()

    def _start_asgi_task(
        self, cycle: RequestResponseCycle, app: ASGI3Application
    ) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _await_request(self) -> None:
        self._timer = self.loop.call_later(
            self.read_timeout_s, lambda: self._end(_TOO_SLOW)
        )

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, reason: tuple[bytes, bytes]) -> None:
        """Read no more; refuse what is incomplete unless others are answered first."""
        self._stop_timer()
        self._is_ending = True
        if self.transport.is_closing() or self._last_to_answer() is not None:
            return
        is_in_body = self._is_reading and not self._is_in_head
        if not (is_in_body and self.cycle.response_started):
            status, text = reason
            head = b"HTTP/1.1 %b\r\nConnection: close\r\nContent-Type: text/plain\r\n"
            length = b"Content-Length: %d\r\n\r\n" % len(text)
            self.transport.write(head % status + length + text)
        self.transport.close()

    def _last_to_answer(self) -> RequestResponseCycle | None:
        """The last complete request that has no answer yet, which is to end all."""
        last: RequestResponseCycle | None = self.cycle
        if last is not None and last.more_body and self.pipeline:
            # Complete it will never be, and it has not begun.
            self.pipeline.popleft()
            last = self.pipeline[0][0] if self.pipeline else self._running
        if last is None or last.response_complete or last.more_body:
            return None
        last.keep_alive = False
        return last
