"""Refusals and faults: members of a problem document, and compact records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from healthpay_core import Fault, NotDone, Refusal, refusals
from healthpay_wire.instants import format_instant
from healthpay_wire.names import camel
from healthpay_wire.strict import INSTANT_FIELDS, strict_converter
from healthpay_wire.upcasters import Members

_CONVERTER = strict_converter(detailed=False)


def _leaves(cls: type[NotDone]) -> Iterator[type[NotDone]]:
    for child in cls.__subclasses__():
        if child in (Refusal, Fault):
            yield from _leaves(child)
        elif child.__module__ == refusals.__name__ and hasattr(child, "code"):
            yield child


BY_CODE: Final[Mapping[str, type[NotDone]]] = {
    cls.code.value: cls for cls in _leaves(NotDone)
}
"""The class of each code that the core answers with."""


def refusal_members(error: NotDone) -> Members:
    """The typed extensions of a problem document (E9), camelCase; no `errors`."""
    return {
        camel(name): format_instant(value)
        if name in INSTANT_FIELDS and isinstance(value, int)
        else value
        for name, value in error.details()
        if name != "errors"
    }


def pack_refusal(error: NotDone) -> list[object]:
    """A refusal as a JSON array: its code, then its members."""
    return [error.code.value, _CONVERTER.unstructure(error)]


def unpack_refusal(packed: list[object]) -> NotDone:
    """The refusal that was packed; raises what cattrs raises."""
    code, members = packed
    return _CONVERTER.structure(members, BY_CODE[str(code)])
