"""Payments and cards over HTTP: how to get there, and to each of their codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from healthpay_core import (
    Code,
    CommandRequest,
    EligibleAmounts,
    InitiatePayment,
    ManualClock,
    new_id,
)
from tests.http.client import Answer, Json, Service

# 2026-11-25, noon UTC.
NOON = 1_795_608_000_000_000


@dataclass
class Shop:
    """A payer with 500, a merchant, and an active card of the payer."""

    service: Service
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    payer: str = ""
    merchant: str = ""
    card: str = ""

    def __post_init__(self) -> None:
        self.service.handler.clock = self.clock
        self.payer = self.service.open(500)
        self.merchant = self.service.open(walletType="merchant")
        self.card = self.issue()
        self.on_card("activate")

    def issue(self, **more: Json) -> str:
        """A new card; its id."""
        answer = self.send_card(**more)
        assert answer.status == 201, answer.body
        return str(answer.json["medcard"]["cardId"])

    def send_card(self, **more: Json) -> Answer:
        """The order to issue a card."""
        body = {
            "walletId": self.payer,
            "cardToken": "tok_1",
            "last4": "4242",
            "expMonth": 12,
            "expYear": 2026,
            "form": "virtual",
            "controls": {"limits": {"daily": 300}},
            **more,
        }
        return self.service.post("/v1/medcards", body)

    def on_card(self, name: str, body: Json = None, card: str = "") -> Answer:
        """A step of a card's life."""
        return self.service.post(f"/v1/medcards/{card or self.card}/{name}", body)

    def send_payment(self, **more: Json) -> Answer:
        """The order to initiate a payment of 200 by card."""
        body = {
            "payerWalletId": self.payer,
            "merchantWalletId": self.merchant,
            "amount": 200,
            "currency": "EGP",
            "method": "medcard",
            "cardId": self.card,
            "merchantCategory": "pharmacies",
            **more,
        }
        return self.service.post("/v1/payments", body)

    def initiated(self, **more: Json) -> str:
        """A payment that is agreed on; its id."""
        answer = self.send_payment(**more)
        assert answer.status == 201, answer.body
        return str(answer.json["payment"]["paymentId"])

    def on(self, payment: str, name: str, body: Json = None) -> Answer:
        """A step of a payment's life."""
        return self.service.post(f"/v1/payments/{payment}/{name}", body)

    def authorized(self, **more: Json) -> str:
        """A payment with its money held; its id."""
        payment = self.initiated(**more)
        answer = self.on(payment, "authorize", {"expiresInSeconds": 60})
        assert answer.status == 200, answer.body
        return payment

    def captured(self, **more: Json) -> str:
        """A payment that the merchant got; its id."""
        payment = self.authorized(**more)
        assert self.on(payment, "capture").status == 200
        return payment

    def after(self, payment: str, *names: str) -> str:
        """The payment after these steps."""
        for name in names:
            assert self.on(payment, name).status == 200
        return payment

    def partly_eligible(self) -> str:
        """A payment of which only 50 of 200 is health care; HTTP has no such member."""
        payment = new_id()
        order = InitiatePayment(
            payment_id=payment,
            payer_wallet_id=self.payer,
            merchant_wallet_id=self.merchant,
            amount=200,
            currency="EGP",
            eligible_amounts=EligibleAmounts(dental=50),
        )
        self.service.handler.handle(CommandRequest(command=order))
        return payment


def _suspended(shop: Shop, reason: str) -> str:
    shop.on_card("suspend", {"reasonCode": reason})
    return shop.card


def _later(shop: Shop, payment: str) -> str:
    shop.clock.advance(seconds=60)
    return payment


def _next_year(shop: Shop) -> str:
    card = shop.issue()
    shop.clock.advance(days=60)
    return card


CASES: dict[Code, Callable[[Shop], Answer]] = {
    Code.PAYMENT_NOT_AUTHORIZED: lambda s: s.on(s.initiated(), "capture"),
    Code.PAYMENT_NOT_FOUND: lambda s: s.on(new_id(), "capture"),
    Code.PAYMENT_ALREADY_EXISTS: lambda s: s.send_payment(paymentId=s.initiated()),
    Code.PAYEE_NOT_MERCHANT: lambda s: s.send_payment(
        merchantWalletId=s.service.open()
    ),
    Code.PAYMENT_ALREADY_CAPTURED: lambda s: s.on(s.captured(), "capture"),
    Code.PAYMENT_ALREADY_VOIDED: lambda s: s.on(
        s.after(s.authorized(), "void"), "capture"
    ),
    Code.PAYMENT_NOT_VOIDABLE: lambda s: s.on(s.captured(), "void"),
    Code.PAYMENT_NOT_CAPTURED: lambda s: s.on(s.authorized(), "refund"),
    Code.PAYMENT_ALREADY_REFUNDED: lambda s: s.on(
        s.after(s.captured(), "refund"), "refund"
    ),
    Code.AUTHORIZATION_EXPIRED: lambda s: s.on(_later(s, s.authorized()), "capture"),
    Code.CAPTURE_EXCEEDS_AUTHORIZED: lambda s: s.on(
        s.authorized(), "capture", {"amount": 201}
    ),
    Code.REFUND_EXCEEDS_CAPTURED: lambda s: s.on(
        s.captured(), "refund", {"amount": 201}
    ),
    Code.AMOUNT_NOT_ELIGIBLE: lambda s: s.on(s.partly_eligible(), "authorize"),
    Code.MEDCARD_NOT_FOUND: lambda s: s.on_card("activate", card=new_id()),
    Code.MEDCARD_ALREADY_EXISTS: lambda s: s.send_card(cardId=s.card),
    Code.CARD_NOT_ACTIVE: lambda s: s.on(s.initiated(cardId=s.issue()), "authorize"),
    Code.CARD_EXPIRED: lambda s: s.on_card("activate", card=_next_year(s)),
    Code.CARD_NOT_RESUMABLE: lambda s: s.on_card(
        "activate", card=_suspended(s, "stolen")
    ),
    Code.MERCHANT_CATEGORY_NOT_ALLOWED: lambda s: s.on(
        s.initiated(merchantCategory="jewellers"), "authorize"
    ),
    Code.CARD_LIMIT_EXCEEDED: lambda s: s.on(s.initiated(amount=301), "authorize"),
}
"""How to get each code of payments and cards out of a real service."""
