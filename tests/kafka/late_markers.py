"""A proxy on the wire that has end markers of transactions arrive late.

It stands between producers and a node, and knows of Kafka's protocol no more than it
needs: the heads of requests, and whose transaction is ended how.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Literal, NamedTuple, Self

PRODUCE: Final = 0
END_TXN: Final = 26
CONCURRENT_TRANSACTIONS: Final = 51
REFUSED: Final = frozenset({47, 90})
"""INVALID_PRODUCER_EPOCH and PRODUCER_FENCED."""

Way = Literal["cut", "twice"]
"""How a marker comes late: its connection breaks, and what was under way arrives
afterwards; or it arrives in time, and once more."""

_FLEXIBLE_PRODUCE: Final = 9
_AMID: Final = 2
_PATIENCE_S: Final = 10.0


class Request(NamedTuple):
    """The head of a request, and what of its body is needed."""

    api: int
    number: int
    producer: str
    commits: bool


def read_request(frame: bytes) -> Request:
    """A request of any kind; `producer` is empty where it does not matter."""
    api, version, number, client = struct.unpack_from(">hhih", frame)
    at = 10 + max(0, client)
    producer, commits = "", False
    if api == PRODUCE and version >= _FLEXIBLE_PRODUCE:
        # No tagged fields, then a compact string: its length and one.
        size = frame[at + 1] - 1
        producer = frame[at + 2 : at + 2 + max(0, size)].decode()
    elif api in (PRODUCE, END_TXN):
        (size,) = struct.unpack_from(">h", frame, at)
        producer = frame[at + 2 : at + 2 + max(0, size)].decode()
        if api == END_TXN:
            commits = frame[at + 2 + size + 10] == 1
    return Request(api, number, producer, commits)


@dataclass(slots=True)
class _Late:
    """A marker that is under way."""

    producer: str
    frame: bytes
    produced: int = 0
    first: int = -1
    first_answered: threading.Event = field(default_factory=threading.Event)


class LateMarkers:
    """Has an end marker arrive when its producer is amid a later transaction.

    `codes` are the node's answers to those that came late; none does before `holds`.

    Args:
        listens_at: The port that clients are told.
        forwards_to: The node's.
        way: How a marker comes late.
        commits: Whether markers that commit are late, or those that abort.
    """

    def __init__(
        self, listens_at: int, forwards_to: int, *, way: Way, commits: bool = True
    ) -> None:
        self.codes: list[int] = []
        self.holds: bool = False
        self._listens_at = listens_at
        self._forwards_to = forwards_to
        self._way = way
        self._commits = commits
        self._late: _Late | None = None
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", listens_at))

    @property
    def servers(self) -> str:
        """What clients are told."""
        return f"127.0.0.1:{self._listens_at}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for each in (self._server, *self._sockets):
            _close(each)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                node = self._connect()
                self._sockets += [client, node]
                for pump in (self._requests, self._answers):
                    threading.Thread(
                        target=pump, args=(client, node), daemon=True
                    ).start()

    def _connect(self) -> socket.socket:
        node = socket.create_connection(("127.0.0.1", self._forwards_to))
        node.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return node

    def _requests(self, client: socket.socket, node: socket.socket) -> None:
        with suppress(OSError):
            for frame in _frames(client):
                request = read_request(frame)
                if request.api == END_TXN and self._hold(request, frame):
                    break
                if request.api == PRODUCE:
                    self._produce(request)
                node.sendall(_framed(frame))
        _close(client)
        _close(node)

    def _answers(self, client: socket.socket, node: socket.socket) -> None:
        with suppress(OSError):
            for frame in _frames(node):
                late = self._late
                if late is not None and frame[:4] == struct.pack(">i", late.first):
                    late.first_answered.set()
                client.sendall(_framed(frame))
        _close(client)

    def _hold(self, request: Request, frame: bytes) -> bool:
        """Take a marker, if none is under way; whether its connection is cut."""
        with self._lock:
            is_free = self.holds and self._late is None
            if not is_free or request.commits != self._commits:
                return False
            self._late = _Late(request.producer, frame)
            return self._way == "cut"

    def _produce(self, request: Request) -> None:
        """Before the second record of a later transaction the marker arrives."""
        late = self._late
        if late is None or request.producer != late.producer:
            return
        late.produced += 1
        if late.produced == 1:
            late.first = request.number
        elif late.produced == _AMID:
            late.first_answered.wait(_PATIENCE_S)
            self.codes.append(self._deliver(late.frame))
            self._late = None

    def _deliver(self, frame: bytes) -> int:
        """Have the marker arrive; the node's answer to it."""
        with closing(self._connect()) as node:
            while True:
                node.sendall(_framed(frame))
                answer = next(_frames(node), None)
                if answer is None:
                    raise ConnectionError("the node ended amid a late marker")
                (code,) = struct.unpack_from(">h", answer, 8)
                if code != CONCURRENT_TRANSACTIONS:
                    return int(code)


def _frames(source: socket.socket) -> Iterator[bytes]:
    """Those that are whole: who closes its end may do so amid one."""
    stream = source.makefile("rb")
    while len(head := stream.read(4)) == 4:
        (size,) = struct.unpack(">i", head)
        if len(frame := stream.read(size)) < size:
            return
        yield frame


def _framed(frame: bytes) -> bytes:
    return struct.pack(">i", len(frame)) + frame


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
