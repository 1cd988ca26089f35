"""Requests that are not what they should be, as the bytes that a client sends.

Each shape wraps a command, the outer one, and most hide another one, the inner one,
where two readers may disagree on where the first ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

Shape: TypeAlias = Callable[[bytes, bytes], bytes]
"""From the paths of the outer and the inner command to what is sent."""

BODY: Final = b'{"amount":7,"currency":"EGP","reason":"deposit"}'
AMOUNT: Final = 7
LONG: Final = b"x" * 100_000
_PLAIN: Final = (b"Host: h", b"Content-Type: application/json")


def request(
    path: bytes,
    *lines: bytes,
    key: bytes = b"outer",
    body: bytes = BODY,
    start: bytes = b"POST %b HTTP/1.1",
) -> bytes:
    """A credit with these header lines; nothing is added but what any has."""
    head = (start % path, *_PLAIN, b"Idempotency-Key: " + key + path[-43:-7], *lines)
    return b"\r\n".join((*head, b"", body))


def credit(
    path: bytes, *, key: bytes = b"outer", more: tuple[bytes, ...] = ()
) -> bytes:
    """A credit as it should be."""
    return request(path, *more, b"Content-Length: %d" % len(BODY), key=key)


def _inner(path: bytes) -> bytes:
    return credit(path, key=b"inner")


def _framed(*lines: bytes) -> Shape:
    """Lines about the length of a body, and a request after it."""
    return lambda outer, inner: request(outer, *lines) + _inner(inner)


def _coded(*lines: bytes) -> Shape:
    """Lines about the coding of a body in one good chunk, and a request after it."""

    def shape(outer: bytes, inner: bytes) -> bytes:
        return request(outer, *lines, body=_chunk(BODY) + LAST) + _inner(inner)

    return shape


def _chunk(data: bytes, size: bytes | None = None) -> bytes:
    return (b"%x" % len(data) if size is None else size) + b"\r\n" + data + b"\r\n"


def _byte(value: int) -> bytes:
    return _chunk(bytes((value,)))


def _chunks(body: bytes) -> Shape:
    """A body of such chunks before the last one, and a request after it."""
    return lambda outer, inner: (
        request(outer, CHUNKED, body=body + LAST) + _inner(inner)
    )


def _trailed(line: bytes) -> Shape:
    body = _chunk(BODY) + b"0\r\n" + line + b"\r\n\r\n"
    return lambda outer, inner: request(outer, CHUNKED, body=body) + _inner(inner)


def _lines(*lines: bytes) -> Shape:
    return lambda outer, _: credit(outer, more=lines)


def _started(start: bytes) -> Shape:
    return lambda outer, _: request(outer, LENGTH, start=start)


def _after_the_end(outer: bytes, inner: bytes) -> bytes:
    return credit(outer, more=(b"Connection: close",)) + _inner(inner)


def _cl_te(outer: bytes, inner: bytes) -> bytes:
    body = b"0\r\n\r\n" + _inner(inner)
    length = b"Content-Length: %d" % len(body)
    return request(outer, length, CHUNKED, body=body)


def _te_cl(outer: bytes, inner: bytes) -> bytes:
    body = _chunk(_inner(inner)) + LAST
    length = b"Content-Length: %d" % (body.index(b"\r\n") + 2)
    return request(outer, CHUNKED, length, body=body)


def _in_body(*lines: bytes, start: bytes = b"POST %b HTTP/1.1", size: int = 0) -> Shape:
    """The inner command is the body of the outer one, whatever it is asked."""

    def shape(outer: bytes, inner: bytes) -> bytes:
        body = _inner(inner).ljust(size)
        length = b"Content-Length: %d" % len(body)
        return request(outer, *lines, length, body=body, start=start)

    return shape


def _upgrade(*lines: bytes) -> Shape:
    """An upgrade is offered, and another command follows."""
    offer = (b"Connection: Upgrade, HTTP2-Settings", *lines)
    return lambda outer, inner: credit(outer, more=offer) + _inner(inner)


def _without(line: bytes) -> Shape:
    return lambda outer, _: credit(outer).replace(line + b"\r\n", b"")


N: Final = len(BODY)
CHUNKED: Final = b"Transfer-Encoding: chunked"
LAST: Final = b"0\r\n\r\n"
LENGTH: Final = b"Content-Length: %d" % N
REFUSED: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        "length and coding": _cl_te,
        "coding and length": _te_cl,
        "length and coding identity": _framed(LENGTH, b"Transfer-Encoding: identity"),
        "two lengths": _framed(LENGTH, b"Content-Length: 0"),
        "two lengths, the first 0": _framed(b"Content-Length: 0", LENGTH),
        "a list of lengths": _framed(LENGTH + b", 0"),
        "a length with a plus": _framed(b"Content-Length: +%d" % N),
        "a negative length": _framed(b"Content-Length: -%d" % N),
        "a hexadecimal length": _framed(b"Content-Length: 0x%x" % N),
        "an underscore in a length": _framed(b"Content-Length: 4_%d" % (N - 40)),
        "a space in a length": _framed(b"Content-Length: 4 %d" % (N - 40)),
        "a length past 64 bits": _framed(b"Content-Length: %d" % (2**64 + N)),
        "an empty length": _framed(b"Content-Length:"),
        "a space before the colon": _framed(b"Content-Length : %d" % N),
        "a space before a coding's colon": _coded(b"Transfer-Encoding : chunked"),
        "an unknown coding": _coded(b"Transfer-Encoding: xchunked"),
        "a coding after chunked": _coded(CHUNKED + b", identity"),
        "chunked and something else": _coded(CHUNKED, b"Transfer-Encoding: x"),
        "a vertical tab before chunked": _coded(b"Transfer-Encoding: \x0bchunked"),
        "a coding in a folded line": _coded(b"X: y", b" " + CHUNKED),
        "a coding with a NUL": _coded(CHUNKED + b"\x00"),
        "a coding in quotes": _coded(b'Transfer-Encoding: "chunked"'),
        "a coding with an underscore": _coded(b"Transfer_Encoding: chunked"),
        "a chunk of negative size": _chunks(_chunk(BODY, b"-30")),
        "a chunk of size 0x": _chunks(_chunk(BODY, b"0x%x" % N)),
        "a chunk of no hexadecimal size": _chunks(_chunk(BODY, b"zz")),
        "a chunk of a size past 64 bits": _chunks(_chunk(BODY, b"1%016x" % N)),
        "a chunk without a size": _chunks(_chunk(BODY, b"")),
        "a chunk longer than its size": _chunks(_chunk(BODY, b"%x" % (N - 1))),
        "a chunk shorter than its size": _chunks(_chunk(BODY, b"%x" % (N + 1))),
        "a chunk with bare line feeds": _chunks(b"%x\n%b\n" % (N, BODY)),
        "a NUL in a header's value": _lines(b"X: a\x00b"),
        "a NUL in a header's name": _lines(b"X\x00Y: ab"),
        "a bare CR in a header": _lines(b"X: a\rY: b"),
        "a header without a colon": _lines(b"nothing"),
        "a header without a name": _lines(b": value"),
        "a folded header": _lines(b"X: a", b" b"),
        "ten thousand headers": _lines(
            *[b"X-%d: %050d" % (n, n) for n in range(10_000)]
        ),
        "a target of 100 KB": _started(b"POST %b?" + LONG + b" HTTP/1.1"),
        "a tunnel": _started(b"CONNECT %b HTTP/1.1"),
        "a space in the target": _started(b"POST %b /x HTTP/1.1"),
        "a space before the method": _started(b" POST %b HTTP/1.1"),
        "a method in lower case": _started(b"post %b HTTP/1.1"),
        "a version from the future": _started(b"POST %b HTTP/3.7"),
        "the preface of HTTP/2": lambda _, inner: (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _inner(inner)
        ),
        "a TLS greeting": lambda _, __: b"\x16\x03\x01\x02\x00" + bytes(512),
        "a body that is a request": _in_body(),
        "a body too long that is a request": _in_body(size=70_000),
        "an upgrade whose body is a request": _in_body(
            b"Connection: Upgrade", b"Upgrade: h2c"
        ),
    }
)
"""Nothing may come of these, neither of the outer nor of the inner command."""

TAKEN: Final[Mapping[str, tuple[Shape, int, int]]] = MappingProxyType(
    {
        "two at once": (lambda o, i: credit(o) + _inner(i), 1, 1),
        "the same one twice": (lambda o, _: credit(o) * 2, 1, 0),
        "after empty lines": (lambda o, _: b"\r\n\r\n" + credit(o), 1, 0),
        "chunked": (_chunks(_chunk(BODY)), 1, 1),
        "in chunks of a byte": (_chunks(b"".join(map(_byte, BODY))), 1, 1),
        "chunks with extensions": (_chunks(_chunk(BODY, b'%x;a="b"' % N)), 1, 1),
        "a trailer that forges a key": (_trailed(b"Idempotency-Key: other"), 1, 1),
        "a trailer that forges a version": (_trailed(b'If-Match: "99"'), 1, 1),
        "an absolute target": (_started(b"POST http://elsewhere%b HTTP/1.1"), 1, 0),
        "HTTP/1.0": (_started(b"POST %b HTTP/1.0"), 1, 0),
        "an upgrade to HTTP/2": (
            _upgrade(b"Upgrade: h2c", b"HTTP2-Settings: AA"),
            1,
            1,
        ),
        "an upgrade to WebSocket": (_upgrade(b"Upgrade: websocket"), 1, 1),
        "an unknown expectation": (_lines(b"Expect: 200-ok"), 1, 0),
        "one after the end": (_after_the_end, 1, 0),
        "a query with a body": (
            _in_body(start=b"GET /livez?%b HTTP/1.1"),
            0,
            0,
        ),
    }
)
"""Odd but clear: so many effects of the outer and of the inner command."""

EITHER: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        "the same length twice": _framed(LENGTH, LENGTH),
        "chunked twice": _coded(CHUNKED, CHUNKED),
        "a coding before chunked": _coded(b"Transfer-Encoding: gzip, chunked"),
        "a chunk size with a space": _chunks(_chunk(BODY, b"%x " % N)),
        "a chunk extension of 100 KB": _chunks(_chunk(BODY, b"%x;" % N + LONG)),
        "a bare LF after a header": _lines(b"X: a\nY: b"),
        "a header line of 100 KB": _lines(b"X: " + LONG),
        "a tunnel to a host": _started(b"CONNECT h:80%b HTTP/1.1"),
        "a target with a star": _started(b"POST *%b HTTP/1.1"),
        "HTTP/0.9": _started(b"POST %b"),
        "no host": _without(b"Host: h"),
        "two hosts": _lines(b"Host: g"),
    }
)
"""RFCs leave it open, or servers differ: refused, or taken as they acknowledge."""
