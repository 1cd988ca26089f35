"""Functions that structure the events of long streams, written once per class.

The strict converter is the definition of what is accepted; what is written here
accepts and refuses the same, which a property proves for every event, and is
several times faster: one function a class, every check in line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, is_dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import (
    Final,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from cattrs import Converter

from healthpay_core.making import fields_of, twin_of
from healthpay_wire.names import member_name
from healthpay_wire.strict import INSTANT_FIELDS, read_instant, strict_converter

T = TypeVar("T")
Decoder: TypeAlias = Callable[[object], T]
"""From a parsed JSON object; raises an exception when it is not as prescribed."""

_EXACT: Final[Mapping[object, str]] = {int: "int", str: "str", bool: "bool"}


@lru_cache(maxsize=256)
def decoder_of(cls: type[T]) -> Decoder[T]:
    """What decodes a class: written for it, or else the strict converter's."""
    return _written(cls, shared=False)


@lru_cache(maxsize=256)
def _shared_decoder_of(cls: type[T]) -> Decoder[T]:
    """The same for a record within others, which is often that of the last one."""
    return _written(cls, shared=True)


def _written(cls: type[T], *, shared: bool) -> Decoder[T]:
    try:
        twin = twin_of(cls)
    except TypeError:
        hook = _converter().get_structure_hook(cls)
        return lambda members: cast("T", hook(members, cls))
    return cast("Decoder[T]", _Writer(cls, twin).written(shared=shared))


@lru_cache(maxsize=1)
def _converter() -> Converter:
    return strict_converter(detailed=False)


class _Writer:
    """Writes the decoder of one frozen, slotted dataclass.

    Each field's value is read into a local, ``its_<name>``, checked, and put into an
    instance of the twin, which then becomes one of the class.
    """

    def __init__(self, cls: type, twin: type) -> None:
        self._cls = cls
        self._fields = fields_of(cls)
        self._hints = get_type_hints(cls)
        self._scope: dict[str, object] = {"_twin": twin, "_record": cls, "_last": None}
        self._plain = True

    def written(self, *, shared: bool) -> object:
        """The decoder; `shared` gives the last record again while it is equal."""
        required = [f for f in self._fields if _is_required(f)]
        optional = [f for f in self._fields if not _is_required(f)]
        lines = [
            f"_known = {len(required)}",
            *(line for field in required for line in self._read(field)),
            *(line for field in optional for line in self._read_if_there(field)),
            "if len(_members) != _known: raise ValueError('has an unknown member')",
        ]
        if not required:
            # Otherwise asking for a member by its name refuses all but objects.
            lines.insert(0, "if type(_members) is not dict: raise TypeError('object')")
        built = self._built()
        if shared and self._plain:
            built = [*self._same_as_last(), *built, "_last = _made"]
            lines.insert(0, "global _last")
        source = ["def decode(_members):", *lines, *built, "return _made"]
        # As `dataclasses` does it: of the classes, the text holds only names.
        exec("\n    ".join(source), self._scope)  # noqa: S102
        return self._scope["decode"]

    def _built(self) -> list[str]:
        names = [field.name for field in self._fields]
        return [
            "_made = _twin()",
            *(f"_made.{name} = its_{name}" for name in names),
            "_made.__class__ = _record",
        ]

    def _same_as_last(self) -> list[str]:
        names = [field.name for field in self._fields]
        equal = " and ".join(f"its_{name} == _same.{name}" for name in names)
        # Read once: another thread may put another record there.
        return ["_same = _last", f"if _same is not None and {equal}: return _same"]

    def _read(self, field: Field[object]) -> list[str]:
        """Lines that read a member and check it."""
        name = field.name
        read = f"its_{name} = _members[{member_name(self._cls.__name__, name)!r}]"
        inner, nullable = _without_none(self._hints[name])
        checks = None if name in INSTANT_FIELDS else self._checks(name, inner)
        if checks is None:
            self._plain = False
            self._scope[f"_hook_{name}"] = _hook_of(name, self._hints[name])
            return [read, f"its_{name} = _hook_{name}(its_{name})"]
        if nullable:
            return [read, f"if its_{name} is not None:", *(f"    {c}" for c in checks)]
        return [read, *checks]

    def _read_if_there(self, field: Field[object]) -> list[str]:
        name = field.name
        if field.default_factory is MISSING:
            self._scope[f"_default_{name}"] = field.default
            default = f"_default_{name}"
        else:
            self._scope[f"_make_{name}"] = field.default_factory
            default = f"_make_{name}()"
        return [
            f"if {member_name(self._cls.__name__, name)!r} in _members:",
            *(f"    {line}" for line in (*self._read(field), "_known += 1")),
            f"else: its_{name} = {default}",
        ]

    def _checks(self, name: str, kind: object) -> list[str] | None:
        """Lines that check a local; None for types that the converter knows best."""
        its, refuse = f"its_{name}", f"raise TypeError({name!r})"
        if kind in _EXACT:
            return [f"if type({its}) is not {_EXACT[kind]}: {refuse}"]
        if get_origin(kind) is Literal and all(type(a) is str for a in get_args(kind)):
            self._scope[f"_allowed_{name}"] = frozenset(get_args(kind))
            return [f"if {its} not in _allowed_{name}: {refuse}"]
        if isinstance(kind, type) and is_dataclass(kind):
            self._plain = False
            self._scope[f"_decode_{name}"] = _shared_decoder_of(kind)
            return [f"{its} = _decode_{name}({its})"]
        return None


def _is_required(field: Field[object]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _hook_of(name: str, kind: object) -> Callable[[object], object]:
    if name in INSTANT_FIELDS:
        return read_instant
    hook = _converter().get_structure_hook(kind)
    return lambda value: hook(value, kind)


def _without_none(kind: object) -> tuple[object, bool]:
    """An optional type's inner type, and that it is one."""
    if get_origin(kind) in (Union, UnionType):
        inner = [a for a in get_args(kind) if a is not NoneType]
        if len(inner) == 1 and len(get_args(kind)) == 2:
            return inner[0], True
    return kind, False
