"""What a text of a body must be; each check also says it as JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, TypeAlias, TypeVar
from unicodedata import category

from healthpay_core import is_id

Schema: TypeAlias = Mapping[str, object]
T = TypeVar("T", str, str | None)
N = TypeVar("N", int, int | None)


class Text:
    """1 to `max_length` characters without control characters and surrogates.

    A missing optional member is None and passes.
    """

    def __init__(self, max_length: int) -> None:
        self._max_length = max_length
        self._fault = f"must be 1 to {max_length} characters"
        self.schema: Schema = {
            "type": "string",
            "minLength": 1,
            "maxLength": max_length,
            "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
        }

    def __call__(self, _: object, __: object, value: T) -> None:
        if value is None:
            return
        if not 0 < len(value) <= self._max_length:
            raise ValueError(self._fault)
        if not value.isprintable() and any(category(c) in _UNFIT for c in value):
            raise ValueError("must not contain control characters")


class Id:
    """A UUID in canonical lower-case text."""

    schema: ClassVar[Schema] = {
        "type": "string",
        "format": "uuid",
        "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    }

    def __call__(self, _: object, __: object, value: T) -> None:
        if value is None:
            return
        if not is_id(value):
            raise ValueError("must be a UUID in canonical lower-case text")


class CurrencyCode:
    """Three capital letters; whether ISO 4217 has them, the domain says (M2)."""

    schema: ClassVar[Schema] = {"type": "string", "pattern": "^[A-Z]{3}$"}

    def __call__(self, _: object, __: object, value: str) -> None:
        if not (len(value) == 3 and value.isascii() and value.isalpha()):
            raise ValueError("must be a currency code of three capital letters")
        if not value.isupper():
            raise ValueError("must be a currency code of three capital letters")


class FourDigits:
    """The last four digits of a card's number."""

    schema: ClassVar[Schema] = {"type": "string", "pattern": "^[0-9]{4}$"}

    def __call__(self, _: object, __: object, value: str) -> None:
        if not (len(value) == 4 and value.isascii() and value.isdigit()):
            raise ValueError("must be four digits")


class MinorUnits:
    """Any JSON integer: its range is the domain's to judge (M5, M6)."""

    schema: ClassVar[Schema] = {"type": "integer", "minimum": 1, "maximum": 2**53 - 1}

    def __call__(self, _: object, __: object, value: N) -> None:
        """The exact type has been checked by the strict converter (M1)."""


class Whole:
    """A JSON integer within bounds; a missing optional member passes."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high
        self._fault = f"must be {low} to {high}"
        self.schema: Schema = {"type": "integer", "minimum": low, "maximum": high}

    def __call__(self, _: object, __: object, value: N) -> None:
        if value is None:
            return
        if not self._low <= value <= self._high:
            raise ValueError(self._fault)


class Texts:
    """A list of texts, each as `Text` wants it, at most `most` of them."""

    def __init__(self, max_length: int, *, most: int) -> None:
        self._each = Text(max_length)
        self._most = most
        self.schema: Schema = {
            "type": "array",
            "items": self._each.schema,
            "minItems": 1,
            "maxItems": most,
        }

    def __call__(
        self, instance: object, attribute: object, value: tuple[str, ...] | None
    ) -> None:
        if value is None:
            return
        if not 0 < len(value) <= self._most:
            raise ValueError(f"must hold 1 to {self._most} texts")
        for item in value:
            self._each(instance, attribute, item)


def required_when(member: str, value: str, *names: str) -> Schema:
    """JSON Schema for texts that must be there when another member says so."""
    due = {name: {"type": "string"} for name in names}
    return {
        "if": {"properties": {member: {"const": value}}},
        "then": {"required": list(names), "properties": due},
    }


_UNFIT: Final = frozenset({"Cc", "Cs"})
