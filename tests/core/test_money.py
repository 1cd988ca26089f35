"""Money: exact integers of one currency (rules M1-M8)."""

from __future__ import annotations

import pytest

from healthpay_core import MAX_AMOUNT, Code, Err, Money, Ok
from healthpay_core.currency import MINOR_UNIT_DIGITS
from healthpay_core.money import amount_refusal
from healthpay_core.refusals import (
    AmountOverflow,
    InvalidAmount,
    UnsupportedCurrency,
)

NOT_INTS: tuple[object, ...] = (1.0, True, "1", None, 1e2, b"1")


def _code(amount: object, currency: str = "EGP") -> Code | None:
    refusal = amount_refusal(amount, currency)  # type: ignore[arg-type]
    return None if refusal is None else refusal.code


@pytest.mark.parametrize("amount", NOT_INTS)
def test_an_amount_is_an_int_and_nothing_like_it(amount: object) -> None:
    """M1: floats, booleans and texts are no amounts, however whole they look."""
    assert _code(amount) is Code.VALIDATION_ERROR
    kind = type(amount).__name__
    with pytest.raises(TypeError, match=rf"^Money\.amount must be int, not {kind}$"):
        Money(amount, "EGP")  # type: ignore[arg-type]


EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "EGP SAR AED USD EUR GBP",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}


@pytest.mark.parametrize(
    ("digits", "code"),
    [(digits, code) for digits, codes in EXPONENTS.items() for code in codes.split()],
)
def test_exponents_are_those_of_iso_4217(digits: int, code: str) -> None:
    """M2: each currency has the minor unit that the standard gives it."""
    assert MINOR_UNIT_DIGITS[code] == digits
    one = Money.parse("1" + ("." + "0" * digits if digits else ""), code)
    assert one == Ok(Money(10**digits, code))


def test_only_the_listed_currencies_have_other_than_two_digits() -> None:
    """M2: two digits is the default, and the exceptions are exactly these."""
    for digits in (0, 3, 4):
        found = {code for code, n in MINOR_UNIT_DIGITS.items() if n == digits}
        assert found == set(EXPONENTS[digits].split())
    assert set(MINOR_UNIT_DIGITS.values()) == {0, 2, 3, 4}


@pytest.mark.parametrize("code", ["XAU", "XXX", "XTS", "egp", "EG", "", "USDT", "ABC"])
def test_codes_without_a_minor_unit_are_refused(code: str) -> None:
    """M2: precious metals, test codes and unknown codes carry no money."""
    assert _code(1, code) is Code.UNSUPPORTED_CURRENCY
    parsed = Money.parse("1", code)
    assert isinstance(parsed, Err)
    assert parsed.error == UnsupportedCurrency(currency=code)
    with pytest.raises(ValueError, match="UNSUPPORTED_CURRENCY"):
        Money(1, code)


def test_adapters_own_the_quirks_of_payment_providers() -> None:
    """M3: the core keeps ISK without minor digits and takes any digit of KWD."""
    assert Money.parse("5", "ISK") == Ok(Money(5, "ISK"))
    assert Money.parse("1.001", "KWD") == Ok(Money(1001, "KWD"))


def test_nothing_is_computed_across_currencies() -> None:
    """M4: sums, differences and comparisons need one currency."""
    egp, usd = Money(5, "EGP"), Money(3, "USD")
    for result in (egp.plus(usd), egp.minus(usd), egp.at_least(usd)):
        assert isinstance(result, Err)
        assert result.error.code is Code.CURRENCY_MISMATCH
        assert dict(result.error.details()) == {
            "expected_currency": "EGP",
            "requested_currency": "USD",
        }
    assert egp != Money(5, "USD")


def test_within_one_currency_money_is_arithmetic() -> None:
    """M4: plus, minus and comparison are those of whole numbers."""
    five, three = Money(5, "EGP"), Money(3, "EGP")
    assert five.plus(three) == Ok(Money(8, "EGP"))
    assert three.minus(five) == Ok(Money(-2, "EGP"))
    assert five.at_least(five) == Ok(True)
    assert three.at_least(five) == Ok(False)


def test_amounts_and_sums_are_bounded() -> None:
    """M5: one operation and one sum hold at most 2^53-1 minor units."""
    assert MAX_AMOUNT == 2**53 - 1
    assert _code(MAX_AMOUNT) is None
    assert _code(MAX_AMOUNT + 1) is Code.AMOUNT_OVERFLOW
    most = Money(MAX_AMOUNT, "EGP")
    assert Money(MAX_AMOUNT - 1, "EGP").plus(Money(1, "EGP")) == Ok(most)
    assert Money(-1, "EGP").minus(Money(MAX_AMOUNT - 1, "EGP")) == Ok(
        Money(-MAX_AMOUNT, "EGP")
    )
    for result in (most.plus(Money(1, "EGP")), Money(-2, "EGP").minus(most)):
        assert isinstance(result, Err)
        assert result.error == AmountOverflow(max_amount=MAX_AMOUNT)
    with pytest.raises(ValueError, match="AMOUNT_OVERFLOW"):
        Money(-MAX_AMOUNT - 1, "EGP")


@pytest.mark.parametrize("amount", [0, -1, -MAX_AMOUNT, -(10**30)])
def test_zero_and_less_are_refused(amount: int) -> None:
    """M6: only what is at least one minor unit can be moved."""
    assert _code(amount) is Code.INVALID_AMOUNT
    assert _code(1) is None


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("125.50", "EGP", 12550),
        ("125.5", "EGP", 12550),
        ("125", "EGP", 12500),
        ("0.01", "EGP", 1),
        ("-0.01", "EGP", -1),
        ("0", "EGP", 0),
        ("007", "EGP", 700),
        ("90071992547409.91", "EGP", MAX_AMOUNT),
        ("100", "JPY", 100),
        ("1.2345", "CLF", 12345),
    ],
)
def test_parsing_is_exact(text: str, currency: str, amount: int) -> None:
    """M7: a decimal text is exactly its number of minor units."""
    assert Money.parse(text, currency) == Ok(Money(amount, currency))


@pytest.mark.parametrize(
    "text",
    [
        *("1.001", "1.", ".5", "1,00", "+1", "--1", "1e2", "١٢", "1_0", "0x1"),
        *("1.0.0", "-", ".", "NaN", "½", "", " 1", "1 ", "1\n"),
    ],
)
def test_no_other_text_is_an_amount(text: str) -> None:
    """M7: more digits than the currency has are refused, never rounded."""
    parsed = Money.parse(text, "EGP")
    assert isinstance(parsed, Err)
    assert parsed.error.code is Code.INVALID_AMOUNT
    assert parsed.error.message == "The text is not an exact amount of this currency."


@pytest.mark.parametrize("text", ["90071992547409.92", "9" * 40, "9" * 10_000])
def test_parsing_is_bounded(text: str) -> None:
    """M5: a text beyond the bound overflows, however long it is."""
    parsed = Money.parse(text, "EGP")
    assert isinstance(parsed, Err)
    assert parsed.error == AmountOverflow(max_amount=MAX_AMOUNT)


@pytest.mark.parametrize("text", ["x" * 200, "0." + "0" * 200])
def test_of_a_text_that_is_no_amount_so_much_is_told(text: str) -> None:
    """M7, E9: its first 64 characters, however long it is."""
    assert Money.parse(text, "EGP") == Err(InvalidAmount(requested_text=text[:64]))


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(12550, "EGP"), "EGP 125.50"),
        (Money(-1, "EGP"), "EGP -0.01"),
        (Money(0, "EGP"), "EGP 0.00"),
        (Money(7, "JPY"), "JPY 7"),
        (Money(1, "KWD"), "KWD 0.001"),
    ],
)
def test_money_prints_with_the_digits_of_its_currency(money: Money, text: str) -> None:
    """M2: the text of money shows all minor digits."""
    assert str(money) == text


@pytest.mark.parametrize(
    ("amount", "ratios", "parts"),
    [
        (100, (1, 1, 1), (34, 33, 33)),
        (5, (3, 7), (2, 3)),
        (1, (45, 55), (0, 1)),
        (-5, (3, 7), (-2, -3)),
        (0, (1, 2), (0, 0)),
        (10, (0, 1), (0, 10)),
        (MAX_AMOUNT, (1, 1), ((MAX_AMOUNT + 1) // 2, MAX_AMOUNT // 2)),
    ],
)
def test_a_split_gives_the_rest_to_the_largest_remainders(
    amount: int, ratios: tuple[int, ...], parts: tuple[int, ...]
) -> None:
    """M8: parts follow the ratios, ties go to the first, the sum is the whole."""
    split = Money(amount, "EGP").split(ratios)
    assert tuple(part.amount for part in split) == parts
    assert sum(parts) == amount


@pytest.mark.parametrize("ratios", [(), (0, 0), (1, -1, 2)])
def test_ratios_that_divide_nothing_are_mistakes(ratios: tuple[int, ...]) -> None:
    """M8: a split needs a ratio, none below zero, not all zero."""
    with pytest.raises(ValueError, match=r"^ratios must be whole numbers >= 0"):
        Money(1, "EGP").split(ratios)
