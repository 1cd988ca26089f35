"""Ids that follow from a payment's own."""

from __future__ import annotations

from healthpay_core.ids import derive_id


def hold_id_of(payment_id: str) -> str:
    """The hold of a payment: there is one at most (P3)."""
    return derive_id(f"{payment_id}/hold")


def refund_hold_id_of(operation_id: str) -> str:
    """The hold of a refund in saga form, at the merchant."""
    return derive_id(f"{operation_id}/refund hold")
