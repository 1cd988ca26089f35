"""The strict converter: exact types, camelCase, no unknown members.

cattrs turns ``10.99`` into 10, ``"7"`` into 7 and ``True`` into 1 unless exact
hooks stand in the way (rules M1, M9); here they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Final, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

import attrs
from cattrs import BaseValidationError, Converter, ForbiddenExtraKeysError
from cattrs.errors import (
    AttributeValidationNote,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import (
    make_dict_structure_fn,
    make_dict_unstructure_fn,
    override,
)

from healthpay_core import Err, Ok, Problem
from healthpay_core.refusals import ValidationFailed
from healthpay_wire.instants import format_instant, parse_instant
from healthpay_wire.names import camel, member_name

T = TypeVar("T")
Hook = Callable[[object, object], object]

_MOST_FAULTS: Final = 100
"""Of one list; more of them tell nobody more."""
INSTANT_FIELDS: Final = frozenset(
    {"expires_at", "expired_at", "completed_at", "resets_at"}
)
"""Fields whose integers are instants: RFC 3339 on the wire."""

_KINDS: Final[Mapping[type, str]] = {
    int: "must be a JSON integer",
    str: "must be a string",
    bool: "must be true or false",
}


def strict_converter(*, detailed: bool = True) -> Converter:
    """A converter for dataclasses and attrs classes, by the wire's rules.

    Args:
        detailed: Collect every fault; False is faster and stops at the first.
    """
    converter = Converter(forbid_extra_keys=True, detailed_validation=detailed)
    for kind in (int, str, bool):
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook_factory(
        _is_sequence, lambda kind: _from_list(converter, kind, detailed)
    )
    converter.register_structure_hook_factory(_is_literal, _one_of)
    converter.register_structure_hook_factory(
        _is_record, lambda cls: _structure_record(cls, converter, detailed)
    )
    converter.register_unstructure_hook_factory(
        _is_record, lambda cls: _unstructure_record(cls, converter)
    )
    return converter


@lru_cache(maxsize=1)
def _detailed() -> Converter:
    return strict_converter()


@lru_cache(maxsize=1)
def _quick() -> Converter:
    return strict_converter(detailed=False)


def structure(cls: type[T], value: object) -> Ok[T] | Err[ValidationFailed]:
    """Build a `cls` from parsed JSON, or say every fault and its place (E7)."""
    try:
        return Ok(_quick().structure(value, cls))
    except Exception:
        return _with_all_faults(cls, value)


def _with_all_faults(cls: type[T], value: object) -> Ok[T] | Err[ValidationFailed]:
    if not isinstance(value, dict):
        return Err(ValidationFailed.at("", "must be a JSON object"))
    try:
        return Ok(_detailed().structure(value, cls))
    except Exception as error:
        problems = tuple(dict.fromkeys(_problems(error, "")))
        return Err(ValidationFailed(errors=problems))


def _is_record(cls: object) -> bool:
    kind = get_origin(cls) or cls
    return isinstance(kind, type) and (attrs.has(kind) or is_dataclass(kind))


def _is_literal(kind: object) -> bool:
    return get_origin(kind) is Literal


def _is_sequence(kind: object) -> bool:
    return get_origin(kind) in (tuple, frozenset, list)


def _exactly(kind: type) -> Hook:
    text = _KINDS[kind]

    def hook(value: object, _: object) -> object:
        if type(value) is not kind:
            raise TypeError(text)
        return value

    return hook


def _from_list(converter: Converter, kind: object, detailed: bool) -> Hook:
    # Without this a string becomes a tuple of its letters.
    build = get_origin(kind) or list
    element = _first_argument(kind)
    item_hook = converter.get_structure_hook(element)

    def hook(value: object, _: object) -> object:
        if type(value) is not list:
            raise TypeError("must be a JSON array")
        if detailed:
            return build(_each(value, lambda item: item_hook(item, element)))
        return build(item_hook(item, element) for item in value)

    return hook


def _each(items: list[object], hook: Callable[[object], object]) -> list[object]:
    """Every item's fault is found, and each knows its index."""
    built: list[object] = []
    faults: list[Exception] = []
    for index, item in enumerate(items):
        try:
            built.append(hook(item))
        except Exception as error:
            error.add_note(IterableValidationNote(f"item {index}", index, object))
            faults.append(error)
            if len(faults) == _MOST_FAULTS:
                break
    if faults:
        raise IterableValidationError("items", faults, list)
    return built


def _one_of(kind: object) -> Hook:
    allowed = frozenset(get_args(kind))
    text = "must be one of " + ", ".join(map(str, get_args(kind)))

    def hook(value: object, _: object) -> object:
        if type(value) is not str or value not in allowed:
            raise TypeError(text)
        return value

    return hook


def _first_argument(kind: object) -> object:
    return get_args(kind)[0]


def _record_fields(cls: type) -> list[tuple[str, Callable[..., object] | None]]:
    if attrs.has(cls):
        return [(f.name, f.validator) for f in attrs.fields(cls)]
    return [(f.name, None) for f in fields(cls)]


def _structure_record(cls: type, converter: Converter, detailed: bool) -> Hook:
    overrides = {}
    hints = get_type_hints(cls)
    for name, validator in _record_fields(cls):
        rename = member_name(cls.__name__, name)
        if name in INSTANT_FIELDS:
            overrides[name] = override(rename=rename, struct_hook=read_instant)
        elif detailed and validator is not None:
            hook = _validated(cls, name, hints[name], validator, converter)
            overrides[name] = override(rename=rename, struct_hook=hook)
        else:
            overrides[name] = override(rename=rename)
    built = cast(
        "Hook",
        make_dict_structure_fn(
            cls,
            converter,
            **overrides,  # type: ignore[arg-type]  # overrides by field name
        ),
    )
    if not detailed:
        return built

    def hook_with_shape(value: object, kind: object) -> object:
        if not isinstance(value, dict):
            raise TypeError("must be a JSON object")
        return built(value, kind)

    return hook_with_shape


def _validated(
    cls: type,
    name: str,
    kind: object,
    validator: Callable[..., object],
    converter: Converter,
) -> Hook:
    """Validate each field where it is structured, so that all faults are found."""
    attribute = next(a for a in attrs.fields(cls) if a.name == name)

    def hook(value: object, _: object) -> object:
        built: object = converter.get_structure_hook(kind)(value, kind)
        validator(None, attribute, built)
        return built

    return hook


def read_instant(value: object, _: object = None) -> int | None:
    """Microseconds of an RFC 3339 time; null is none."""
    if value is None:
        return None
    instant = parse_instant(value) if isinstance(value, str) else None
    if instant is None:
        raise TypeError("must be an RFC 3339 time with an offset")
    return instant


def _write_instant(value: int | None) -> str | None:
    return None if value is None else format_instant(value)


def _unstructure_record(
    cls: type, converter: Converter
) -> Callable[[object], dict[str, object]]:
    overrides = {
        name: override(
            rename=member_name(cls.__name__, name),
            unstruct_hook=_write_instant if name in INSTANT_FIELDS else None,
        )
        for name, _ in _record_fields(cls)
    }
    built: Callable[[object], dict[str, object]] = make_dict_unstructure_fn(
        cls,
        converter,
        _cattrs_omit_if_default=True,
        **overrides,  # type: ignore[arg-type]  # overrides by field name
    )
    return built


def _problems(error: BaseException, pointer: str) -> Iterator[Problem]:
    if isinstance(error, BaseValidationError):
        for inner in error.exceptions:
            yield from _problems(inner, pointer + _place(inner))
    elif isinstance(error, ForbiddenExtraKeysError):
        for extra in sorted(error.extra_fields):
            yield Problem(f"{pointer}/{_escaped(extra)}", "is not a known member")
    elif isinstance(error, KeyError):
        name = camel(str(error.args[0])) if error.args else ""
        missing = pointer if pointer.endswith(f"/{name}") else f"{pointer}/{name}"
        yield Problem(missing, "is required")
    else:
        yield Problem(pointer, _sentence(error))


def _place(error: BaseException) -> str:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            owner = str(note).partition("class ")[2].partition(" @")[0]
            return "/" + _escaped(member_name(owner.rpartition(".")[2], note.name))
        if isinstance(note, IterableValidationNote):
            return f"/{_escaped(str(note.index))}"
    return ""


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")[:128]


def _sentence(error: BaseException) -> str:
    text = str(error.args[0]) if error.args else ""
    return text if text.startswith(("must", "is ")) else "is not valid"


__all__ = ["INSTANT_FIELDS", "read_instant", "strict_converter", "structure"]
