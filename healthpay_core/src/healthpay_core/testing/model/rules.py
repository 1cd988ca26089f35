"""The rules that wallets, transfers and payments have in common, one by one.

Each raises `Refuse`, or returns; the order in which they are asked is rule E2.
"""

from __future__ import annotations

from datetime import date as calendar_date
from typing import Final

from healthpay_core.catalogue import Code
from healthpay_core.currency import MINOR_UNIT_DIGITS
from healthpay_core.ids import derive_id
from healthpay_core.medcard.events import CardLimits
from healthpay_core.policy import Limits
from healthpay_core.testing.model.prediction import Refuse
from healthpay_core.testing.model.rows import HoldRow, Outflow, Rows, WalletRow

LARGEST: Final = 9_007_199_254_740_991
"""2^53-1 (M5)."""

_UNLIMITED: Final = Limits()
_NOTHING: Final = Limits(per_transaction=0, per_day=0, per_month=0, max_balance=0)


def possible_amount(amount: int, currency: str = "EGP") -> None:
    """M1, M2, M6, M5."""
    if type(amount) is not int:
        raise Refuse(Code.VALIDATION_ERROR)
    if currency not in MINOR_UNIT_DIGITS:
        raise Refuse(Code.UNSUPPORTED_CURRENCY)
    if amount <= 0:
        raise Refuse(Code.INVALID_AMOUNT)
    if amount > LARGEST:
        raise Refuse(Code.AMOUNT_OVERFLOW)


def active(wallet: WalletRow, party: str | None = None) -> None:
    """W5, W8: only an active wallet takes something new on."""
    if wallet.status == "closed":
        raise Refuse(Code.WALLET_CLOSED, party=party)
    if wallet.status != "active":
        raise Refuse(Code.WALLET_NOT_ACTIVE, party=party, current_status=wallet.status)


def open_to_settle(wallet: WalletRow, party: str | None = None) -> None:
    """W5: what was owed is settled with an active or a suspended wallet."""
    if wallet.status != "suspended":
        active(wallet, party)


def not_closing(wallet: WalletRow) -> None:
    """W7: nothing comes into a wallet that a saga is emptying."""
    if wallet.holds and sweep_hold_of(wallet.wallet_id) in wallet.holds:
        raise Refuse(Code.INVALID_STATE_TRANSITION, current_status=wallet.status)


def sweep_hold_of(wallet_id: str) -> str:
    """The name of the hold that empties a wallet."""
    return derive_id(wallet_id + "/sweep/hold")


def same_currency(wallet: WalletRow, currency: str, party: str | None = None) -> None:
    """M4."""
    if wallet.currency != currency:
        raise Refuse(Code.CURRENCY_MISMATCH, party=party)


def new_reference(
    rows: Rows, wallet: WalletRow, reason: str, reference: str | None
) -> None:
    """C7."""
    if not rows.policy.unique_references or not reference:
        return
    if (reason, reference) in wallet.references:
        raise Refuse(Code.DUPLICATE_REFERENCE)


def claim(rows: Rows, wallet: WalletRow, reason: str, reference: str | None) -> None:
    """The reference is taken from now on (C7)."""
    if rows.policy.unique_references and reference:
        wallet.references.add((reason, reference))


def funds(wallet: WalletRow, amount: int, party: str | None = None) -> None:
    """C3."""
    available = wallet.balance - wallet.held
    if available < amount:
        raise Refuse(
            Code.INSUFFICIENT_FUNDS,
            available_amount=available,
            requested_amount=amount,
            party=party,
        )


def room(wallet: WalletRow, amount: int) -> None:
    """M5: of a balance."""
    if wallet.balance + amount > LARGEST:
        raise Refuse(Code.AMOUNT_OVERFLOW)


def sum_of_outflows(wallet: WalletRow, outflows: list[int], amount: int) -> None:
    """M5: of all that went out; where the funds are short, that is said instead."""
    if wallet.balance - wallet.held >= amount and sum(outflows) + amount > LARGEST:
        raise Refuse(Code.AMOUNT_OVERFLOW)


def counting_day(rows: Rows, wallet: WalletRow) -> str:
    """Today; or the last counted day, when the clock was set back since (K8)."""
    return max([rows.today.date, *(outflow.date for outflow in wallet.outflows)])


def may_send_at_all(rows: Rows, wallet: WalletRow, party: str | None = None) -> None:
    """K10: a level that is limited to nothing is too low."""
    limits = _limits(rows, wallet)
    if 0 in (
        limits.per_transaction,
        limits.per_day,
        limits.per_month,
        limits.daily_count,
        limits.monthly_count,
    ):
        raise Refuse(
            Code.KYC_LEVEL_INSUFFICIENT, kyc_level=wallet.kyc_level, party=party
        )


def may_receive_at_all(
    rows: Rows, wallet: WalletRow, reason: str, party: str | None = None
) -> None:
    """K10, with the exemption of K7."""
    if reason != "refund" and _limits(rows, wallet).max_balance == 0:
        raise Refuse(
            Code.KYC_LEVEL_INSUFFICIENT, kyc_level=wallet.kyc_level, party=party
        )


def outflow_limits(
    rows: Rows, wallet: WalletRow, amount: int, party: str | None = None
) -> None:
    """K3: all outflows of the day and of the month, added up anew."""
    limits, today = _limits(rows, wallet), rows.today
    day = counting_day(rows, wallet)
    of_day = [o.amount for o in wallet.outflows if o.date == day]
    of_month = [o.amount for o in wallet.outflows if o.date[:7] == day[:7]]
    for name, limit, used, asked, resets_at in (
        ("per_transaction", limits.per_transaction, 0, amount, None),
        ("daily", limits.per_day, sum(of_day), amount, today.ends_at),
        ("monthly", limits.per_month, sum(of_month), amount, today.month_ends_at),
        ("daily_count", limits.daily_count, len(of_day), 1, today.ends_at),
        ("monthly_count", limits.monthly_count, len(of_month), 1, today.month_ends_at),
    ):
        if limit is not None and used + asked > limit:
            raise Refuse(
                Code.LIMIT_EXCEEDED,
                limit_name=name,
                limit_amount=limit,
                used_amount=used,
                requested_amount=asked,
                resets_at=resets_at,
                party=party,
            )
    sum_of_outflows(wallet, of_month, amount)


def balance_limit(
    rows: Rows, wallet: WalletRow, amount: int, reason: str, party: str | None = None
) -> None:
    """K6, with the exemption of K7; then M5."""
    limit = _limits(rows, wallet).max_balance
    if limit is not None and reason != "refund" and wallet.balance + amount > limit:
        raise Refuse(
            Code.LIMIT_EXCEEDED,
            limit_name="max_balance",
            limit_amount=limit,
            used_amount=wallet.balance,
            requested_amount=amount,
            party=party,
        )
    room(wallet, amount)


def card_limits(
    rows: Rows, wallet: WalletRow, card_id: str, limits: CardLimits, amount: int
) -> None:
    """D8: the limit with the least left is named, of equals the first."""
    day, today = counting_day(rows, wallet), rows.today
    spent = [o for o in wallet.outflows if o.card_id == card_id]
    of_day = sum(o.amount for o in spent if o.date == day)
    of_week = sum(o.amount for o in spent if _week(o.date) == _week(day))
    of_month = sum(o.amount for o in spent if o.date[:7] == day[:7])
    of_year = sum(o.amount for o in spent if o.date[:4] == day[:4])
    passed: list[tuple[int, str, int, int, int | None]] = []
    for name, limit, used, resets_at in (
        ("per_authorization", limits.per_authorization, 0, None),
        ("daily", limits.daily, of_day, today.ends_at),
        ("weekly", limits.weekly, of_week, today.week_ends_at),
        ("monthly", limits.monthly, of_month, today.month_ends_at),
        ("yearly", limits.yearly, of_year, today.year_ends_at),
        ("all_time", limits.all_time, sum(o.amount for o in spent), None),
    ):
        if limit is not None and used + amount > limit:
            passed.append((limit - used, name, limit, used, resets_at))
    if not passed:
        sum_of_outflows(wallet, [o.amount for o in spent], amount)
        return
    least = min(left for left, *_ in passed)
    _, name, limit, used, resets_at = next(p for p in passed if p[0] == least)
    raise Refuse(
        Code.CARD_LIMIT_EXCEEDED,
        limit_name=name,
        limit_amount=limit,
        used_amount=used,
        requested_amount=amount,
        resets_at=resets_at,
    )


def count(
    rows: Rows, wallet: WalletRow, amount: int, card_id: str | None = None
) -> Outflow:
    """Note an outflow, gross (K3)."""
    outflow = Outflow(counting_day(rows, wallet), amount, card_id)
    wallet.outflows.append(outflow)
    return outflow


def hold(
    rows: Rows, wallet: WalletRow, hold_id: str, amount: int, card_id: str | None = None
) -> None:
    """Set money aside: one event of the wallet."""
    wallet.holds[hold_id] = HoldRow(amount, count(rows, wallet, amount, card_id))
    wallet.version += 1


def release(wallet: WalletRow, hold_id: str) -> None:
    """Give the rest back, also to the windows that counted it (K4): one event."""
    row = wallet.holds.pop(hold_id)
    row.outflow.amount -= row.amount
    wallet.version += 1


def take_from_hold(wallet: WalletRow, hold_id: str, amount: int) -> None:
    """Debit out of a hold, which counts no second time (K5): one event."""
    row = wallet.holds[hold_id]
    row.amount -= amount
    if row.amount == 0:
        del wallet.holds[hold_id]
    wallet.balance -= amount
    wallet.version += 1


def _limits(rows: Rows, wallet: WalletRow) -> Limits:
    row = rows.policy.rows.get((wallet.wallet_type, wallet.kyc_level, wallet.currency))
    if row is not None:
        return row
    return _NOTHING if wallet.kyc_level == "unverified" else _UNLIMITED


def _week(date: str) -> tuple[int, int]:
    return calendar_date.fromisoformat(date).isocalendar()[:2]
