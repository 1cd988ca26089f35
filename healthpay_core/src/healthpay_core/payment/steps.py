"""The steps of a payment's sagas on its own stream: internal, never public."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from healthpay_core.payment.commands import (
    AuthorizePayment,
    CapturePayment,
    ExpireAuthorization,
    FailPayment,
    InitiatePayment,
    RefundPayment,
    VoidPayment,
)

Operation: TypeAlias = (
    AuthorizePayment
    | CapturePayment
    | RefundPayment
    | VoidPayment
    | ExpireAuthorization
    | FailPayment
)
"""What a saga does to a payment that exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordInitiation:
    """Write that a payment is agreed on, its parties having been confirmed (P1).

    Refused with `PaymentAlreadyExists`.
    """

    payment_id: str
    order: InitiatePayment


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginOperation:
    """Begin a saga: the payment takes no other order until it ends.

    Refused with `PaymentNotFound`, `InvalidStateTransition` while another is
    under way, and with what the payment itself refuses of `order`.
    """

    payment_id: str
    operation_id: str
    order: Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOperation:
    """End a saga: write what it did.

    Refused with `InvalidStateTransition` unless it is under way.
    """

    payment_id: str
    operation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseOperation:
    """End a saga that a wallet or the card refused; all was undone.

    Refused with `InvalidStateTransition` unless it is under way.
    """

    payment_id: str
    operation_id: str
    failure_code: str


PaymentStep: TypeAlias = (
    RecordInitiation | BeginOperation | EndOperation | RefuseOperation
)
