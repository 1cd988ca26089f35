"""Fields of commands that hold one of a few words: others are refused (C1, C5)."""

from __future__ import annotations

from functools import cache
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

from healthpay_core.refusals import ValidationFailed


def word_refusal(command: object) -> ValidationFailed | None:
    """Whether a command says something that no event could be read with.

    Type checkers see it too; who calls without one is told here.
    """
    kind: object = type(command)
    for name, pointer, words in _words_of(kind):
        if getattr(command, name) not in words:
            known = ", ".join(str(word) for word in words if word is not None)
            return ValidationFailed.at(pointer, f"must be one of: {known}")
    return None


@cache
def _words_of(kind: object) -> tuple[tuple[str, str, tuple[object, ...]], ...]:
    """The name of each such field, where it is in a body, and its words."""
    found = {name: _words(hint) for name, hint in get_type_hints(kind).items()}
    return tuple(
        (name, f"/{_camel(name)}", words) for name, words in found.items() if words
    )


def _words(hint: object) -> tuple[object, ...]:
    """The words of a type; none where it is not made of words."""
    if hint is NoneType:
        return (None,)
    if get_origin(hint) is Literal:
        return get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        parts = [_words(part) for part in get_args(hint)]
        return sum(parts, ()) if all(parts) else ()
    return ()


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.title() for part in others)
