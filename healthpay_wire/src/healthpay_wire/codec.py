"""Events to canonical bytes and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from types import MappingProxyType
from typing import Final, cast

import orjson
from returns.result import Failure, Result, safe

from healthpay_core import EVENT_TYPES, Event, StreamCorrupted
from healthpay_wire.decoders import Decoder, decoder_of
from healthpay_wire.strict import strict_converter
from healthpay_wire.upcasters import Members, Upcaster, build_chains

_CONVERTER = strict_converter(detailed=False)
_ENCODERS: Final[Mapping[type, Callable[[Event], Members]]] = MappingProxyType(
    {cls: _CONVERTER.get_unstructure_hook(cls) for cls in EVENT_TYPES}
)
_CLASSES: Final[Mapping[str, type[Event]]] = MappingProxyType(
    {kind.name: cls for cls, kind in EVENT_TYPES.items()}
)
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
    decode = members_decoder(name, version)
    try:
        return decode(orjson.loads(data))
    except Exception as error:
        raise StreamCorrupted(f"{name} version {version} cannot be read") from error


@lru_cache(maxsize=256)
def members_decoder(name: str, version: int) -> Decoder[Event]:
    """What makes an event of the parsed `data` of a version (A4).

    It raises an exception when the members are not what the version prescribes.

    Raises:
        StreamCorrupted: The type or version is not known.
    """
    upcasters = _CHAINS.get((name, version))
    if upcasters is None:
        raise StreamCorrupted(f"{name} version {version} is not known")
    # As one class, because a union of classes is no `Hashable` to mypy.
    decode: Decoder[Event] = decoder_of(cast("type", _CLASSES[name]))
    if not upcasters:
        return decode
    return lambda members: decode(_upcast(cast("Members", members), upcasters))


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
