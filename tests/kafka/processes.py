"""A process of each kind for each of its steps, every one with wallets of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from healthpay_core import (
    AuthorizePayment,
    CapturePayment,
    CloseWallet,
    Command,
    CommandRequest,
    RefundPayment,
    SuspendWallet,
    VoidPayment,
)
from healthpay_core.testing import (
    card_id,
    funded,
    issue,
    issued,
    opened,
    payment,
    payment_id,
    request,
    transfer,
    wallet_id,
)

Orders: TypeAlias = tuple[Command, ...]
"""What must be there before a process; the last one is its root."""


STAKE: Final = 3
"""What each of them moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One that is to meet something at a step.

    Attributes:
        before: What must be done first.
        root: What the caller asks.
        step: The class of the step's command.
        end: The type of its last event.
    """

    before: Orders
    root: CommandRequest
    step: str
    end: str


def _transfer(key: str) -> Orders:
    payer, payee = wallet_id(f"{key}/payer"), wallet_id(f"{key}/payee")
    return (*funded(payer, 10), *opened(payee), transfer(payer, payee, STAKE, name=key))


def _refused_transfer(key: str) -> Orders:
    """To a wallet that takes nothing: what was held is given back (T7)."""
    *before, order = _transfer(key)
    payee = wallet_id(f"{key}/payee")
    return (*before, SuspendWallet(wallet_id=payee, reason_code="fraud"), order)


def _closing(key: str) -> Orders:
    *before, _ = _transfer(key)
    payer, payee = wallet_id(f"{key}/payer"), wallet_id(f"{key}/payee")
    return (*before, CloseWallet(wallet_id=payer, sweep_to=payee))


def _issuing(key: str) -> Orders:
    payer = wallet_id(f"{key}/payer")
    return (*funded(payer, 10), issue(card_id(key), payer))


def _agreeing(key: str) -> Orders:
    payer, shop = wallet_id(f"{key}/payer"), wallet_id(f"{key}/shop")
    card = card_id(key)
    agreed = payment(payer, shop, STAKE, name=key, card=card)
    shop_opened = opened(shop, wallet_type="merchant")
    return (*funded(payer, 10), *shop_opened, *issued(card, payer), agreed)


def _authorizing(key: str) -> Orders:
    return (*_agreeing(key), AuthorizePayment(payment_id=payment_id(key)))


def _capturing(key: str) -> Orders:
    return (*_authorizing(key), CapturePayment(payment_id=payment_id(key)))


def _voiding(key: str) -> Orders:
    return (*_authorizing(key), VoidPayment(payment_id=payment_id(key)))


def _refunding(key: str) -> Orders:
    return (*_capturing(key), RefundPayment(payment_id=payment_id(key)))


_OF_TRANSFERS: Final = "BeginTransfer PlaceHold ReceiveTransfer CaptureHold"
_OF_CLOSINGS: Final = "BeginSweep BeginTransfer ReceiveTransfer EndSweep"
_OF_AUTHORIZATIONS: Final = "BeginOperation ConfirmMedCard ConfirmWallet PlaceHold"
_OF_REFUNDS: Final = "BeginOperation PlaceHold SettleCredit CaptureHold"
KINDS: Final[Sequence[tuple[Callable[[str], Orders], str, str]]] = (
    (_transfer, f"{_OF_TRANSFERS} CompleteTransfer", "transfer.completed"),
    (_refused_transfer, "ReleaseHold FailTransfer", "transfer.failed"),
    (_closing, f"{_OF_CLOSINGS} CompleteTransfer", "transfer.completed"),
    (_issuing, "ConfirmWallet RecordIssue", "medcard.issued"),
    (_agreeing, "ConfirmWallet ConfirmMedCard RecordInitiation", "payment.initiated"),
    (_authorizing, f"{_OF_AUTHORIZATIONS} EndOperation", "payment.authorized"),
    (
        _capturing,
        "BeginOperation SettleCredit CaptureHold EndOperation",
        "payment.captured",
    ),
    (_refunding, f"{_OF_REFUNDS} EndOperation", "payment.refunded"),
    (_voiding, "BeginOperation ReleaseHold EndOperation", "payment.voided"),
)
"""How to begin it, the steps that it takes, and its last event."""


def processes() -> Iterator[Process]:
    """One of each kind for each of its steps."""
    for orders, steps, end in KINDS:
        for step in steps.split():
            key = f"{orders.__name__}/{step}"
            *before, root = orders(key)
            yield Process(
                before=tuple(before),
                root=request(root, key, fingerprint=b"f"),
                step=step,
                end=f"healthpay.{end}.v1",
            )
