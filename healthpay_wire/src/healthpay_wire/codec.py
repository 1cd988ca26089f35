"""Events to canonical bytes and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from types import MappingProxyType
from typing import Final, cast

import orjson
from returns.result import Failure, Result, safe

from healthpay_core import EVENT_TYPES, Event, StreamCorrupted
from healthpay_wire.strict import strict_converter
from healthpay_wire.upcasters import Members, Upcaster, build_chains

_CONVERTER = strict_converter(detailed=False)
_ENCODERS: Final[Mapping[type, Callable[[Event], Members]]] = MappingProxyType(
    {cls: _CONVERTER.get_unstructure_hook(cls) for cls in EVENT_TYPES}
)
_CLASSES: Final = {kind.name: cls for cls, kind in EVENT_TYPES.items()}
_DECODERS: Final = {
    kind.name: (cls, _CONVERTER.get_structure_hook(cls))
    for cls, kind in EVENT_TYPES.items()
}
_CHAINS: Final = build_chains()


def encode_data(event: Event) -> bytes:
    """The canonical bytes of an event's `data`: sorted members, no spaces."""
    return orjson.dumps(_ENCODERS[type(event)](event), option=orjson.OPT_SORT_KEYS)


def decode_data(name: str, version: int, data: bytes) -> Event:
    """An event from its stored `data`, upcast to the current version (A4).

    Raises:
        StreamCorrupted: The type or version is not known, or the bytes are not
            what the version prescribes.
    """
    upcasters = _CHAINS.get((name, version))
    if upcasters is None:
        raise StreamCorrupted(f"{name} version {version} is not known")
    cls, decode = _DECODERS[name]
    try:
        members = orjson.loads(data)
        if upcasters:
            members = _upcast(members, upcasters)
        return cast("Event", decode(members, cls))
    except Exception as error:
        raise StreamCorrupted(f"{name} version {version} cannot be read") from error


def is_current(name: str, version: int) -> bool:
    """Whether a stored version is the one that is written today."""
    return version == EVENT_TYPES[_CLASSES[name]].version


def _upcast(members: Members, upcasters: tuple[Upcaster, ...]) -> Members:
    return reduce(lambda data, upcaster: upcaster(data), upcasters, members)


def parse_members(data: bytes) -> Result[Members, Exception]:
    """A JSON object from bytes; the railway's first stop when decoding records."""
    return safe(orjson.loads)(data).bind(_as_members)


def _as_members(value: object) -> Result[Members, Exception]:
    if isinstance(value, dict):
        return Result.from_value(value)
    return Failure(TypeError("must be a JSON object"))
