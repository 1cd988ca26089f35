"""Exact money: an integer of minor units beside its currency (rules M1-M8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from healthpay_core.catalogue import Code
from healthpay_core.currency import MINOR_UNIT_DIGITS
from healthpay_core.refusals import (
    AmountOverflow,
    CurrencyMismatch,
    InvalidAmount,
    Refusal,
    UnsupportedCurrency,
    ValidationFailed,
)
from healthpay_core.result import Err, Ok

MAX_AMOUNT: Final = 2**53 - 1
"""The largest amount of one operation, of a balance and of a sum, minor units (M5)."""


def amount_refusal(amount: int, currency: str) -> Refusal | None:
    """Say why an amount cannot be moved, or None when it can.

    Returns:
        `ValidationFailed` when it is no plain int (M1), `UnsupportedCurrency`
        when the currency has no minor unit (M2), `InvalidAmount` below 1 (M6),
        `AmountOverflow` above `MAX_AMOUNT` (M5), in that order.
    """
    if type(amount) is not int:
        return ValidationFailed.at("/amount", "must be an integer of minor units")
    if currency not in MINOR_UNIT_DIGITS:
        return UnsupportedCurrency(currency=currency)
    if amount < 1:
        return InvalidAmount(requested_amount=amount)
    if amount > MAX_AMOUNT:
        return AmountOverflow(max_amount=MAX_AMOUNT)
    return None


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency, such as piastres of EGP.

    Args:
        amount: Minor units, -(2**53-1) to 2**53-1; `type(amount) is int`.
        currency: ISO 4217 code with a minor unit (M2).

    Raises:
        TypeError: The amount is a bool, a float or anything but an int (M1).
        ValueError: The currency has no minor unit, or the amount is too large.
    """

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            raise TypeError(
                f"Money.amount must be int, not {type(self.amount).__name__}"
            )
        if self.currency not in MINOR_UNIT_DIGITS:
            raise ValueError(
                f"{Code.UNSUPPORTED_CURRENCY}: {self.currency!r} has no minor unit"
            )
        if abs(self.amount) > MAX_AMOUNT:
            raise ValueError(f"{Code.AMOUNT_OVERFLOW}: beyond {MAX_AMOUNT}")

    @staticmethod
    def parse(
        text: str, currency: str
    ) -> Ok[Money] | Err[InvalidAmount | UnsupportedCurrency | AmountOverflow]:
        """Read a decimal text exactly, such as ``"125.50"`` (M7).

        Returns:
            `InvalidAmount` for anything but ASCII digits with at most one point
            and a leading minus, or with more digits than the currency has
            (never rounded); `UnsupportedCurrency`; `AmountOverflow`.
        """
        digits = MINOR_UNIT_DIGITS.get(currency)
        if digits is None:
            return Err(UnsupportedCurrency(currency=currency))
        whole, point, fraction = text.removeprefix("-").partition(".")
        numeral = whole + fraction
        if not (numeral.isascii() and numeral.isdigit() and whole):
            return Err(InvalidAmount(requested_text=text[:64]))
        if len(fraction) > digits or (point and not fraction):
            return Err(InvalidAmount(requested_text=text[:64]))
        if len(numeral) > 32:
            return Err(AmountOverflow(max_amount=MAX_AMOUNT))
        amount = int(whole + fraction.ljust(digits, "0"))
        if amount > MAX_AMOUNT:
            return Err(AmountOverflow(max_amount=MAX_AMOUNT))
        return Ok(Money(-amount if text.startswith("-") else amount, currency))

    def __str__(self) -> str:
        digits = MINOR_UNIT_DIGITS[self.currency]
        sign = "-" if self.amount < 0 else ""
        numeral = str(abs(self.amount)).rjust(digits + 1, "0")
        if not digits:
            return f"{self.currency} {sign}{numeral}"
        return f"{self.currency} {sign}{numeral[:-digits]}.{numeral[-digits:]}"

    def plus(self, other: Money) -> Ok[Money] | Err[CurrencyMismatch | AmountOverflow]:
        """Add; `CurrencyMismatch` across currencies (M4), `AmountOverflow` (M5)."""
        if self.currency != other.currency:
            return Err(CurrencyMismatch.between(self.currency, other.currency))
        total = self.amount + other.amount
        if abs(total) > MAX_AMOUNT:
            return Err(AmountOverflow(max_amount=MAX_AMOUNT))
        return Ok(Money(total, self.currency))

    def minus(self, other: Money) -> Ok[Money] | Err[CurrencyMismatch | AmountOverflow]:
        """Subtract; refusals as of `plus`."""
        return self.plus(Money(-other.amount, other.currency))

    def at_least(self, other: Money) -> Ok[bool] | Err[CurrencyMismatch]:
        """Compare; `CurrencyMismatch` across currencies (M4)."""
        if self.currency != other.currency:
            return Err(CurrencyMismatch.between(self.currency, other.currency))
        return Ok(self.amount >= other.amount)

    def split(self, ratios: Sequence[int]) -> tuple[Money, ...]:
        """Divide by whole-number ratios with the largest remainder (M8).

        The parts always sum to the whole; ties go to the earlier part.

        Raises:
            ValueError: No ratio, a negative one, or all of them zero.
        """
        total = sum(ratios)
        if not ratios or min(ratios) < 0 or total == 0:
            raise ValueError("ratios must be whole numbers >= 0, one of them > 0")
        sign = -1 if self.amount < 0 else 1
        shares = [divmod(abs(self.amount) * ratio, total) for ratio in ratios]
        rest = abs(self.amount) - sum(share for share, _ in shares)
        by_remainder = sorted(range(len(shares)), key=lambda i: -shares[i][1])
        lucky = set(by_remainder[:rest])
        return tuple(
            Money(sign * (share + (i in lucky)), self.currency)
            for i, (share, _) in enumerate(shares)
        )
