"""Money of any size: nothing is lost, made or rounded (M5, M7, M8)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from healthpay_core import MAX_AMOUNT, Err, Money, Ok
from healthpay_core.ids import is_id
from healthpay_core.testing.strategies import currencies, ids, money

RATIOS = st.lists(st.integers(0, 10**6), min_size=1, max_size=8).filter(any)


@given(money(), RATIOS)
def test_the_parts_of_a_split_are_the_whole(whole: Money, ratios: list[int]) -> None:
    """M8: the sum is exact, and no part is a minor unit or more off its share."""
    parts = whole.split(ratios)
    assert sum(part.amount for part in parts) == whole.amount
    assert {part.currency for part in parts} == {whole.currency}
    for part, ratio in zip(parts, ratios, strict=True):
        assert abs(part.amount * sum(ratios) - whole.amount * ratio) < sum(ratios)
        assert ratio or not part.amount


@given(money())
def test_what_is_printed_is_parsed(whole: Money) -> None:
    """M7: the text of money is read back as the same money."""
    text = str(whole).removeprefix(f"{whole.currency} ")
    assert Money.parse(text, whole.currency) == Ok(whole)


@given(st.text(max_size=24), currencies())
def test_any_text_is_money_or_refused(text: str, currency: str) -> None:
    """M7: parsing never raises, and what it reads prints to the same number."""
    parsed = Money.parse(text, currency)
    if isinstance(parsed, Ok):
        again = str(parsed.value).removeprefix(f"{currency} ")
        assert Money.parse(again, currency) == parsed


@given(money(), money())
def test_sums_are_exact_or_refused(one: Money, other: Money) -> None:
    """M4, M5: a sum is that of the integers, or an error for a reason."""
    total = one.plus(other)
    if isinstance(total, Err):
        beyond = abs(one.amount + other.amount) > MAX_AMOUNT
        assert beyond or one.currency != other.currency
    else:
        assert total.value == Money(one.amount + other.amount, one.currency)
        assert total.value.minus(other) == Ok(one)


@given(ids())
def test_drawn_ids_are_canonical(text: str) -> None:
    """I8: every id, drawn or derived, is a canonical UUID."""
    assert is_id(text)
