"""What the fuzzer starts from: the golden bytes, and a good input of each kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, cast

import orjson

from healthpay_http.schemas import body_schema
from tests.fuzz.targets import BODIES, ID

CORPUS: Final = Path(__file__).parent / "corpus"
GOLDEN: Final = Path(__file__).parents[1] / "wire" / "golden"
HEADER_VALUES: Final = (
    b"Idempotency-Key\nkey-1",
    b'Idempotency-Key\n"a \\"quoted\\" key"',
    b'Idempotency-Key\n"a\\\\key"',
    b'If-Match\n"3"',
    b'If-Match\nW/"3"',
    b"traceparent\n00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    b"traceparent\ncc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-new",
    b"X-Correlation-Id\ncall-7",
    b"at\n2026-11-25T00:00:00.000000Z",
    b"at\n2026-11-25T02:00:00.5+02:00",
)


def seeds(target: str) -> Iterator[bytes]:
    """Good inputs of a target, and what it was once caught with."""
    yield from {"body": _bodies, "envelope": _envelopes, "headers": _headers}[target]()
    for file in corpus(target):
        yield file.read_bytes()


def corpus(target: str) -> list[Path]:
    """The inputs that are kept for ever; crashes are written beside them."""
    return sorted(file for file in (CORPUS / target).iterdir() if file.is_file())


def _headers() -> Iterator[bytes]:
    yield from HEADER_VALUES


def _bodies() -> Iterator[bytes]:
    for operation, cls in BODIES.items():
        members = orjson.dumps(_example(body_schema(cls)))
        yield operation.encode() + b"\n" + members


def _envelopes() -> Iterator[bytes]:
    for file in sorted(GOLDEN.iterdir()):
        yield from file.read_bytes().splitlines()


def _example(schema: Mapping[str, object]) -> object:
    """A value that a schema of a body allows, with every member."""
    if "enum" in schema:
        return cast("list[object]", schema["enum"])[0]
    kind = schema["type"]
    plain = kind[0] if isinstance(kind, list) else kind
    if plain == "object":
        properties = cast("Mapping[str, Mapping[str, object]]", schema["properties"])
        return {name: _example(member) for name, member in properties.items()}
    if plain == "array":
        return [_example(cast("Mapping[str, object]", schema["items"]))]
    if plain == "string":
        by_pattern = {"^[A-Z]{3}$": "EGP"}
        if schema.get("format") == "uuid":
            return ID
        return by_pattern.get(str(schema.get("pattern")), "text")
    return True if plain == "boolean" else schema["minimum"]
