"""`Ok` and `Err`: values made for `match`."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from healthpay_core import Err, Ok, Result


def _half(number: int) -> Result[int, str]:
    return Err("odd") if number % 2 else Ok(number // 2)


def _said(result: Result[int, str]) -> str:
    match result:
        case Ok(value):
            return f"ok {value}"
        case Err(error):
            return f"err {error}"


def test_a_result_is_matched_by_its_two_cases() -> None:
    """E8: what happened is told by type, never by text."""
    assert [_said(_half(4)), _said(_half(3))] == ["ok 2", "err odd"]


def test_results_are_values() -> None:
    """V5: results compare by what they carry, and cannot be changed."""
    assert Ok(1) == Ok(1) != Ok(2)
    assert _half(2) != _half(3)
    with pytest.raises(FrozenInstanceError):
        Ok(1).value = 2  # type: ignore[misc]
