"""The model itself: keys first, then each command by its own rules (E2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias, get_args

from healthpay_core.catalogue import Code
from healthpay_core.clock import BusinessDay
from healthpay_core.domain import Command
from healthpay_core.medcard import commands as c
from healthpay_core.outcome import CommandRequest
from healthpay_core.payment import commands as p
from healthpay_core.payment import steps as s
from healthpay_core.policy import LimitPolicy
from healthpay_core.testing.model import (
    cards,
    closing,
    obligations,
    operations,
    payments,
    transfers,
    wallets,
)
from healthpay_core.testing.model.prediction import (
    Effect,
    Prediction,
    Refuse,
    View,
)
from healthpay_core.testing.model.rows import (
    CardRow,
    PaymentRow,
    Rows,
    TransferRow,
    WalletRow,
)
from healthpay_core.testing.model.rules import possible_amount
from healthpay_core.transfer import commands as t
from healthpay_core.wallet import commands as w

_Check: TypeAlias = Callable[..., None]
_Row: TypeAlias = WalletRow | TransferRow | PaymentRow | CardRow
_Rule: TypeAlias = Callable[..., Effect | None]

_UNDECIDED: Final = (Code.IDEMPOTENCY_KEY_REUSED,)
MONEY_STEPS: Final = (
    w.PlaceHold,
    w.ReleaseHold,
    w.CaptureHold,
    w.ReceiveTransfer,
    w.SettleCredit,
    w.SettleDebit,
    w.EndSweep,
)
_STEPS: Final = (
    *get_args(w.Obligation),
    *get_args(t.TransferStep),
    *get_args(s.PaymentStep),
    c.ConfirmMedCard,
    c.RecordIssue,
)
_CREATING: Final = (
    w.CreateWallet,
    t.TransferFunds,
    t.BeginTransfer,
    p.InitiatePayment,
    s.RecordInitiation,
    c.IssueMedCard,
    c.RecordIssue,
)


class ReferenceModel:
    """Predicts every command; what was predicted is made so by `commit`.

    Args:
        policy: The limits in force.

    Attributes:
        rows: All that it knows, to look at.
    """

    def __init__(self, policy: LimitPolicy) -> None:
        self.rows: Rows = Rows(policy)
        self._answers: dict[str, tuple[bytes | Command, Prediction]] = {}
        rows = self.rows
        self._tables: dict[str, Mapping[str, _Row]] = {
            "wallet": rows.wallets,
            "transfer": rows.transfers,
            "payment": rows.payments,
            "medcard": rows.cards,
        }

    def predict(
        self, request: CommandRequest, *, now: int, today: BusinessDay
    ) -> Prediction:
        """What must become of a request now; changes nothing."""
        known = self._answers.get(request.command_id)
        if known is not None:
            asked, answer = known
            if asked not in (b"", _asked(request)):
                return Prediction(Code.IDEMPOTENCY_KEY_REUSED)
            return replace(answer, replayed=True, effect=None)
        self.rows.now, self.rows.today = now, today
        try:
            return Prediction(None, effect=self._decide(request))
        except Refuse as refusal:
            return Prediction(refusal.code, refusal.facts)

    def commit(self, request: CommandRequest, prediction: Prediction) -> Prediction:
        """Make so what was predicted last; the prediction with its view."""
        of_saga = isinstance(request.command, MONEY_STEPS)
        kept = prediction.pinned or (of_saga and prediction.code not in _UNDECIDED)
        if prediction.replayed or not kept:
            return prediction
        if prediction.effect is not None:
            prediction.effect()
            prediction.effect = None
        if prediction.code is None:
            prediction.view = self.view(request.command)
        self._answers[request.command_id] = (_asked(request), prediction)
        return prediction

    def play(
        self, request: CommandRequest, *, now: int, today: BusinessDay
    ) -> Prediction:
        """Predict, and make it so."""
        return self.commit(request, self.predict(request, now=now, today=today))

    def view(self, command: Command) -> View | None:
        """What the resource of a command looks like; None when it is not there."""
        row = self._row(command)
        return None if row is None else row.view()

    def status(self, command: Command) -> str:
        """The status of the resource of a command, or ``none``."""
        row = self._row(command)
        return "none" if row is None else row.status

    def _row(self, command: Command) -> _Row | None:
        kind, member = _RESOURCES.get(type(command), _WALLET)
        return self._tables[kind].get(getattr(command, member))

    def _decide(self, request: CommandRequest) -> Effect | None:
        command = request.command
        _static(command)
        creates = isinstance(command, _CREATING)
        if not creates:
            self._exists(command)
        if request.expected_version is not None:
            row = self._row(command)
            version = 0 if row is None else row.version
            if version != request.expected_version:
                raise Refuse(Code.VERSION_MISMATCH, current_version=version)
        if isinstance(command, w.CloseWallet):
            return wallets.close(command, self.rows)
        return _RULES[type(command)](command, self.rows)

    def _exists(self, command: Command) -> None:
        if self._row(command) is None:
            if isinstance(command, w.ReceiveTransfer):
                raise Refuse(Code.DESTINATION_WALLET_NOT_FOUND)
            if isinstance(command, w.PlaceHold) and command.party == "source":
                raise Refuse(Code.SOURCE_WALLET_NOT_FOUND)
            if isinstance(command, w.ConfirmWallet):
                raise Refuse(Code.WALLET_NOT_FOUND, party=command.party)
            kind, _ = resource_of(command)
            raise Refuse(_NOT_FOUND[kind])


def resource_of(command: Command) -> tuple[str, str]:
    """The kind and the id of what a command is about."""
    kind, member = _RESOURCES.get(type(command), _WALLET)
    return kind, getattr(command, member)


def _asked(request: CommandRequest) -> bytes | Command:
    """What must be the same under an id (I3); of a step the id says it all (T6)."""
    if isinstance(request.command, _STEPS):
        return request.fingerprint
    return request.fingerprint or request.command


def _static(command: Command) -> None:
    check = _CHECKS.get(type(command))
    if check is not None:
        check(command)


def _check_amount(
    command: w.PlaceHold
    | w.CaptureHold
    | w.ReceiveTransfer
    | w.SettleCredit
    | w.SettleDebit,
) -> None:
    possible_amount(command.amount, command.currency)


def _check_order(command: s.RecordInitiation | s.BeginOperation) -> None:
    payments.check(command.order)


_NOT_FOUND: Final = {
    "wallet": Code.WALLET_NOT_FOUND,
    "transfer": Code.TRANSFER_NOT_FOUND,
    "payment": Code.PAYMENT_NOT_FOUND,
    "medcard": Code.MEDCARD_NOT_FOUND,
}
_WALLET: Final = ("wallet", "wallet_id")
_TRANSFER: Final = ("transfer", "transfer_id")
_PAYMENT: Final = ("payment", "payment_id")
_CARD: Final = ("medcard", "card_id")
_RESOURCES: Final[dict[type, tuple[str, str]]] = {
    t.TransferFunds: _TRANSFER,
    t.BeginTransfer: _TRANSFER,
    t.CompleteTransfer: _TRANSFER,
    t.FailTransfer: _TRANSFER,
    p.InitiatePayment: _PAYMENT,
    p.AuthorizePayment: _PAYMENT,
    p.CapturePayment: _PAYMENT,
    p.VoidPayment: _PAYMENT,
    p.ExpireAuthorization: _PAYMENT,
    p.FailPayment: _PAYMENT,
    p.RefundPayment: _PAYMENT,
    s.RecordInitiation: _PAYMENT,
    s.BeginOperation: _PAYMENT,
    s.EndOperation: _PAYMENT,
    s.RefuseOperation: _PAYMENT,
    c.IssueMedCard: _CARD,
    c.ActivateMedCard: _CARD,
    c.SuspendMedCard: _CARD,
    c.CancelMedCard: _CARD,
    c.ExpireMedCard: _CARD,
    c.ConfirmMedCard: _CARD,
    c.RecordIssue: _CARD,
}
_CHECKS: Final[dict[type, _Check]] = {
    w.CreateWallet: wallets.check_create,
    w.CreditWallet: wallets.check_movement,
    w.DebitWallet: wallets.check_movement,
    w.CloseWallet: wallets.check_close,
    w.PlaceHold: _check_amount,
    w.CaptureHold: _check_amount,
    w.ReceiveTransfer: _check_amount,
    w.SettleCredit: _check_amount,
    w.SettleDebit: _check_amount,
    t.TransferFunds: transfers.check_transfer,
    t.BeginTransfer: transfers.check_transfer,
    p.InitiatePayment: payments.check,
    p.AuthorizePayment: payments.check,
    p.CapturePayment: payments.check,
    p.RefundPayment: payments.check,
    s.RecordInitiation: _check_order,
    s.BeginOperation: _check_order,
    c.IssueMedCard: cards.check_issue,
    c.RecordIssue: cards.check_issue,
}
_RULES: Final[dict[type, _Rule]] = {
    w.CreateWallet: wallets.create,
    w.ActivateWallet: wallets.activate,
    w.SuspendWallet: wallets.suspend,
    w.ChangeWalletKycLevel: wallets.change_level,
    w.CreditWallet: wallets.credit,
    w.DebitWallet: wallets.debit,
    w.PlaceHold: obligations.place_hold,
    w.ReleaseHold: obligations.release_hold,
    w.CaptureHold: obligations.capture_hold,
    w.ReceiveTransfer: obligations.receive,
    w.SettleCredit: obligations.settle_credit,
    w.SettleDebit: obligations.settle_debit,
    w.ConfirmWallet: obligations.confirm,
    w.BeginSweep: closing.begin,
    w.EndSweep: closing.end,
    t.TransferFunds: transfers.transfer,
    t.BeginTransfer: transfers.begin,
    t.CompleteTransfer: transfers.end,
    t.FailTransfer: transfers.end,
    p.InitiatePayment: payments.initiate,
    p.AuthorizePayment: payments.authorize,
    p.CapturePayment: payments.capture,
    p.VoidPayment: payments.give_back,
    p.ExpireAuthorization: payments.give_back,
    p.FailPayment: payments.fail,
    p.RefundPayment: payments.refund,
    s.RecordInitiation: operations.record,
    s.BeginOperation: operations.begin,
    s.EndOperation: operations.end,
    s.RefuseOperation: operations.refuse,
    c.IssueMedCard: cards.issue,
    c.ActivateMedCard: cards.activate,
    c.SuspendMedCard: cards.suspend,
    c.CancelMedCard: cards.cancel,
    c.ExpireMedCard: cards.expire,
    c.ConfirmMedCard: cards.confirm,
    c.RecordIssue: cards.record,
}

PREDICTED: Final = frozenset({*_RULES, w.CloseWallet})
"""The types of the commands that the model knows."""
