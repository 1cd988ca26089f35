"""The outcome of a decision: `Ok` carries what was decided, `Err` the refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

T_co = TypeVar("T_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Ok(Generic[T_co]):
    """A value that was reached."""

    value: T_co


@dataclass(frozen=True, slots=True)
class Err(Generic[E_co]):
    """A reason why no value was reached; a value itself, never raised."""

    error: E_co


Result: TypeAlias = Ok[T_co] | Err[E_co]
"""Made for `match`, or `isinstance` and an early return on the hot path."""
