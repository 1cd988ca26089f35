"""Which command comes next: any that makes sense, and many that do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Final, Literal, TypeAlias, TypeVar

from healthpay_core.clock import ManualClock
from healthpay_core.domain import Command
from healthpay_core.medcard import commands as c
from healthpay_core.medcard.events import CardControls, CardLimits, CardSuspensionReason
from healthpay_core.payment import commands as p
from healthpay_core.payment.events import EligibleAmounts
from healthpay_core.policy import KycLevel, WalletType
from healthpay_core.testing.model import PaymentRow, ReferenceModel
from healthpay_core.testing.simulation.names import Names
from healthpay_core.testing.simulation.steps import PAYMENT_COMMANDS
from healthpay_core.transfer.commands import TransferFunds
from healthpay_core.wallet import commands as w
from healthpay_core.wallet.events import CreditReason, DebitReason

T = TypeVar("T")
PaymentOrder: TypeAlias = Callable[[str], p.PaymentCommand]

LARGEST: Final = 2**53 - 1
CATEGORIES: Final = ("pharmacies", "doctors", "doctors", "dentists", "casinos")
TYPES: Final[tuple[WalletType, ...]] = ("personal", "business", "merchant", "merchant")
CREDITS: Final[tuple[CreditReason, ...]] = (
    *("deposit", "deposit", "deposit", "cashback", "refund", "reversal"),
    *("adjustment", "transfer_in"),
)
DEBITS: Final[tuple[DebitReason, ...]] = (
    *("withdrawal", "withdrawal", "withdrawal", "fee", "payment", "reversal"),
    *("adjustment", "transfer_out"),
)
SUSPENSIONS: Final[tuple[CardSuspensionReason, ...]] = (
    "lost",
    "stolen",
    "user_request",
    "admin",
)
LEVELS: Final[tuple[KycLevel, ...]] = (
    "basic",
    "basic",
    "enhanced",
    "full",
    "full",
    "unverified",
)


class Orders:
    """Draws commands, knowing what the model has.

    Attributes:
        hot: Wallets of sagas that stopped halfway; others meddle with them.
    """

    def __init__(
        self, draw: Random, names: Names, model: ReferenceModel, clock: ManualClock
    ) -> None:
        self._draw, self._names = draw, names
        self._rows, self._clock = model.rows, clock
        self.hot: list[str] = []
        self._wallets: list[str] = []
        self._payments: list[str] = []
        self._cards: list[str] = []
        self._transfers: list[str] = []
        kinds: tuple[tuple[Callable[[], Command], int], ...] = (
            (self.create, 3),
            (self._activate, 8),
            (self._suspend, 3),
            (self._close, 2),
            (self._level, 3),
            (self._credit, 16),
            (self._debit, 10),
            (self.transfer, 12),
            (self._initiate, 9),
            (self.payment_step, 32),
            (self._issue, 3),
            (self._card_step, 7),
        )
        authorize, capture, refund = self._authorize, self._capture, self._refund
        void, expire, fail = self._void, self._expire, self._fail
        self._any_order: tuple[PaymentOrder, ...] = (
            *(authorize, authorize, authorize, capture, capture, capture),
            *(refund, refund, void, expire, fail),
        )
        self._sensible: dict[str, tuple[PaymentOrder, ...]] = {
            "initiated": (authorize, authorize, authorize, fail),
            "authorized": (capture, capture, capture, refund, void, expire, fail),
            "captured": (refund,),
            "partially_refunded": (refund,),
        }
        self._kinds = [make for make, weight in kinds for _ in range(weight)]

    def any(self) -> Command:
        """Any public command."""
        if self.hot and self._chance(0.15):
            return self._meddle(self._one(self.hot))
        return self._one(self._kinds)()

    def opening(self) -> list[Command]:
        """A few wallets with money, so that something can happen."""
        commands: list[Command] = []
        for number, wallet_type in enumerate(("personal", "merchant", "personal")):
            wallet_id = self._new(self._wallets, "wallet")
            commands += [
                w.CreateWallet(
                    wallet_id=wallet_id,
                    owner_id="owner",
                    wallet_type="merchant" if wallet_type == "merchant" else "personal",
                    currency="EGP",
                    kyc_level="full" if number else "enhanced",
                ),
                w.ActivateWallet(wallet_id=wallet_id),
                w.CreditWallet(
                    wallet_id=wallet_id, amount=900, currency="EGP", reason="deposit"
                ),
            ]
        return commands

    def create(self) -> Command:
        """A wallet, new or not."""
        again = self._wallets and self._chance(0.3)
        wallet_id = self._wallet() if again else self._new_wallet()
        return w.CreateWallet(
            wallet_id=wallet_id,
            owner_id="owner",
            wallet_type=self._one(TYPES),
            currency="EGP"
            if self._chance(0.9)
            else self._one(("USD", "KWD", "XXX", "egp")),
            kyc_level=self._one(LEVELS),
        )

    def transfer(self) -> TransferFunds:
        """A transfer between any two wallets, or one and itself."""
        reused = self._transfers and self._chance(0.08)
        transfer_id = (
            self._one(self._transfers)
            if reused
            else self._new(self._transfers, "transfer")
        )
        source = self._wallet()
        return TransferFunds(
            transfer_id=transfer_id,
            source_wallet_id=source,
            destination_wallet_id=self._wallet(),
            amount=self._amount(),
            currency=self._currency(source),
            reference=self._reference(),
        )

    def payment_step(self) -> p.PaymentCommand:
        """Any order on a payment that is there, or is not."""
        payment_id = self._payment()
        payment = self._rows.payments.get(payment_id)
        orders = self._any_order
        if payment is not None and self._chance(0.55):
            orders = self._sensible.get(payment.status, orders)
        return self._one(orders)(payment_id)

    def _authorize(self, payment_id: str) -> p.PaymentCommand:
        seconds = self._one((None, None, 60, 3600, 90_000, 2_592_000, 0, 2_592_001))
        return p.AuthorizePayment(payment_id=payment_id, expires_in_s=seconds)

    def _capture(self, payment_id: str) -> p.PaymentCommand:
        return p.CapturePayment(
            payment_id=payment_id,
            amount=None if self._chance(0.4) else self._amount(),
            final=self._chance(0.5),
            fee=None if self._chance(0.7) else self._amount(),
        )

    def _refund(self, payment_id: str) -> p.PaymentCommand:
        amount = None if self._chance(0.4) else self._amount()
        return p.RefundPayment(payment_id=payment_id, amount=amount)

    def _void(self, payment_id: str) -> p.PaymentCommand:
        reasons: tuple[Literal["merchant", "payer"], ...] = ("merchant", "payer")
        return p.VoidPayment(payment_id=payment_id, reason=self._one(reasons))

    def _expire(self, payment_id: str) -> p.PaymentCommand:
        return p.ExpireAuthorization(payment_id=payment_id)

    def _fail(self, payment_id: str) -> p.PaymentCommand:
        return p.FailPayment(payment_id=payment_id)

    def saga(self) -> Command:
        """What runs as a saga."""
        if self._chance(0.3):
            return self.transfer()
        return self._initiate() if self._chance(0.15) else self.payment_step()

    def refundable(self) -> PaymentRow | None:
        """A payment of which something can be returned."""
        rows = self._rows.payments
        found = [
            rows[key]
            for key in self._payments
            if key in rows and rows[key].captured > rows[key].refunded
        ]
        return self._one(found) if found else None

    def somewhere(self) -> str:
        """A wallet to move money to."""
        return self._wallet()

    def stopped(self, command: Command) -> None:
        """A saga stops halfway: its wallets are hot for a while."""
        if isinstance(command, TransferFunds):
            self.hot += (command.source_wallet_id, command.destination_wallet_id)
        elif isinstance(command, PAYMENT_COMMANDS):
            payment = self._rows.payments.get(command.payment_id)
            if payment is not None:
                order = payment.order
                self.hot += (order.payer_wallet_id, order.merchant_wallet_id)
        del self.hot[:-6]

    def _meddle(self, wallet_id: str) -> Command:
        draw = self._draw.random()
        if draw < 0.55:
            sweep_to = self._wallet()
            return w.CloseWallet(wallet_id=wallet_id, sweep_to=sweep_to)
        if draw < 0.75:
            return w.SuspendWallet(wallet_id=wallet_id, reason_code="fraud")
        if draw < 0.9:
            level = self._one(LEVELS)
            return w.ChangeWalletKycLevel(wallet_id=wallet_id, kyc_level=level)
        return self.payment_step()

    def _activate(self) -> Command:
        return w.ActivateWallet(wallet_id=self._wallet())

    def _suspend(self) -> Command:
        return w.SuspendWallet(wallet_id=self._wallet(), reason_code="other")

    def _close(self) -> Command:
        sweep_to = self._wallet() if self._chance(0.5) else None
        return w.CloseWallet(wallet_id=self._wallet(), sweep_to=sweep_to)

    def _level(self) -> Command:
        return w.ChangeWalletKycLevel(
            wallet_id=self._wallet(), kyc_level=self._one(LEVELS)
        )

    def _credit(self) -> Command:
        wallet_id = self._wallet()
        amount = self._amount() * (12 if self._chance(0.5) else 1)
        return w.CreditWallet(
            wallet_id=wallet_id,
            amount=amount,
            currency=self._currency(wallet_id),
            reason=self._one(CREDITS),
            reference=self._reference(),
        )

    def _debit(self) -> Command:
        wallet_id = self._wallet()
        return w.DebitWallet(
            wallet_id=wallet_id,
            amount=self._amount(),
            currency=self._currency(wallet_id),
            reason=self._one(DEBITS),
            reference=self._reference(),
        )

    def _initiate(self) -> p.InitiatePayment:
        reused = self._payments and self._chance(0.1)
        payment_id = (
            self._payment() if reused else self._new(self._payments, "payment", 9)
        )
        payer, card_id = self._wallet(), None
        card = self._rows.cards.get(self._card()) if self._chance(0.5) else None
        if card is not None:
            card_id = card.order.card_id
            if self._chance(0.95):
                payer = card.order.wallet_id
        elif self._chance(0.03):
            card_id = self._names.id("card of nobody")
        odd = self._chance(0.03)
        return p.InitiatePayment(
            payment_id=payment_id,
            payer_wallet_id=payer,
            merchant_wallet_id=self._merchant(),
            amount=self._amount(),
            currency=self._currency(payer),
            method="medcard" if (card_id is not None) is not odd else "wallet",
            capture_method=self._one(("manual", "manual", "automatic")),
            card_id=card_id,
            merchant_category=self._one(CATEGORIES) if card_id else None,
            eligible_amounts=self._eligible() if self._chance(0.25) else None,
            partial_approval=self._chance(0.5),
            reference=self._reference(),
        )

    def _eligible(self) -> EligibleAmounts:
        if self._chance(0.5):
            return EligibleAmounts(clinic=self._below(40), dental=self._below(40))
        return EligibleAmounts(vision=3, total_healthcare=self._below(80) - 1)

    def _issue(self) -> Command:
        reused = self._cards and self._chance(0.15)
        today = self._clock.business_day(self._clock.now()).date
        months = int(today[:4]) * 12 + int(today[5:7]) - 1
        months += self._one((0, 0, 0, 1, 1, 2, 6, -1))
        odd = self._chance(0.04)
        limits = [self._below(200) if self._chance(0.3) else None for _ in range(6)]
        return c.IssueMedCard(
            card_id=self._card() if reused else self._new(self._cards, "card", 6),
            wallet_id=self._wallet(),
            card_token="token",  # noqa: S106
            last4="12x4" if odd else "1234",
            exp_month=months % 12 + 1,
            exp_year=months // 12,
            form="virtual",
            controls=CardControls(
                allowed_categories=("doctors", "casinos")
                if self._chance(0.15)
                else None,
                blocked_categories=("dentists",) if self._chance(0.15) else None,
                limits=CardLimits(
                    per_authorization=limits[0],
                    daily=limits[1],
                    weekly=limits[2],
                    monthly=limits[3],
                    yearly=limits[4],
                    all_time=limits[5],
                )
                if self._chance(0.5)
                else CardLimits(),
            ),
        )

    def _card_step(self) -> Command:
        card_id, draw = self._card(), self._draw.random()
        if draw < 0.55:
            return c.ActivateMedCard(card_id=card_id)
        if draw < 0.75:
            reason = self._one(SUSPENSIONS)
            return c.SuspendMedCard(card_id=card_id, reason_code=reason)
        if draw < 0.85:
            return c.CancelMedCard(card_id=card_id, reason="admin")
        return c.ExpireMedCard(card_id=card_id)

    def _wallet(self) -> str:
        draw = self._draw.random()
        if not self._wallets or draw < 0.02:
            return self._names.id("wallet of nobody")
        if draw < 0.65:
            rows = self._rows.wallets
            active = [
                key
                for key in self._wallets
                if key in rows and rows[key].status == "active"
            ]
            if active:
                return self._one(active)
        return self._one(self._wallets)

    def _merchant(self) -> str:
        rows, draw = self._rows.wallets, self._draw.random()
        if draw < 0.06:
            return self._wallet()
        merchants = [
            key
            for key in self._wallets
            if key in rows and rows[key].wallet_type == "merchant"
        ]
        if draw < 0.7:
            active = [key for key in merchants if rows[key].status == "active"]
            merchants = active or merchants
        return self._one(merchants) if merchants else self._wallet()

    def _payment(self) -> str:
        return self._known(self._payments, self._rows.payments, "payment of nobody")

    def _card(self) -> str:
        return self._known(self._cards, self._rows.cards, "card of nobody")

    def _known(self, pool: list[str], rows: Mapping[str, object], nobody: str) -> str:
        if self._chance(0.97):
            known = [key for key in pool if key in rows]
            if known:
                return self._one(known)
        return self._names.id(nobody)

    def _new_wallet(self) -> str:
        rows = self._rows.wallets
        if len(self._wallets) > 6:
            gone = [
                key
                for key in self._wallets
                if key not in rows or rows[key].status == "closed"
            ]
            self._wallets.remove(self._one(gone or self._wallets))
        return self._new(self._wallets, "wallet")

    def _new(self, pool: list[str], kind: str, most: int = 8) -> str:
        found = self._names.new(kind)
        pool.append(found)
        if len(pool) > most:
            del pool[self._below(most // 2)]
        return found

    def _currency(self, wallet_id: str) -> str:
        if self._chance(0.03):
            return self._one(("USD", "KWD", "XXX"))
        row = self._rows.wallets.get(wallet_id)
        return "EGP" if row is None else row.currency

    def _reference(self) -> str | None:
        if self._chance(0.6):
            return None
        return "r" + str(self._below(12)) if self._chance(0.97) else ""

    def _amount(self) -> int:
        draw = self._draw.random()
        if draw < 0.88:
            return 1 + self._below(60)
        if draw < 0.96:
            return 1 + self._below(1_000)
        return self._one((0, -1, LARGEST, LARGEST, LARGEST + 1))

    def _chance(self, probability: float) -> bool:
        return self._draw.random() < probability

    def _below(self, end: int) -> int:
        return int(self._draw.random() * end)

    def _one(self, of: tuple[T, ...] | list[T]) -> T:
        return of[int(self._draw.random() * len(of))]
