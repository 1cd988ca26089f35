"""The digest of a command, which stands in for a fingerprint (I2, I3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from typing import Final, cast, get_args

import pytest

from healthpay_core import (
    ActivateMedCard,
    ActivateWallet,
    AuthorizePayment,
    CancelMedCard,
    CapturePayment,
    ChangeWalletKycLevel,
    CloseWallet,
    Command,
    CommandRequest,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    ExpireAuthorization,
    ExpireMedCard,
    FailPayment,
    InitiatePayment,
    IssueMedCard,
    RefundPayment,
    SuspendMedCard,
    SuspendWallet,
    TransferFunds,
    VoidPayment,
)
from healthpay_core.fingerprints import (
    PUBLIC_COMMANDS,
    digest_of,
    fingerprint_of,
    is_repetition,
)
from healthpay_core.medcard.commands import ConfirmMedCard, RecordIssue
from healthpay_core.medcard.events import CardControls, CardLimits
from healthpay_core.payment.events import EligibleAmounts
from healthpay_core.payment.steps import EndOperation, PaymentStep
from healthpay_core.transfer.commands import TransferStep
from healthpay_core.wallet.commands import Obligation, ReleaseHold

STEPS: Final = (
    *get_args(Obligation),
    *get_args(TransferStep),
    *get_args(PaymentStep),
    ConfirmMedCard,
    RecordIssue,
)
CREDIT: Final = CreditWallet(
    wallet_id="w", amount=1000, currency="EGP", reason="deposit"
)
DEBIT: Final = DebitWallet(wallet_id="w", amount=1000, currency="EGP", reason="fee")
PAY: Final = InitiatePayment(
    payment_id="p", payer_wallet_id="w", merchant_wallet_id="m", amount=9, currency="E"
)
ISSUE: Final = IssueMedCard(
    card_id="c",
    wallet_id="w",
    card_token="t",
    last4="4242",
    exp_month=1,
    exp_year=2027,
    form="virtual",
)

TEXTS: Final[tuple[tuple[Command, str], ...]] = (
    (
        CreateWallet(
            wallet_id="w",
            owner_id="o",
            wallet_type="personal",
            currency="EGP",
            kyc_level="full",
        ),
        (
            "wallet.create(currency=3:EGP;kyc_level=4:full;owner_id=1:o;wallet_id=1:w;"
            "wallet_type=8:personal;)"
        ),
    ),
    (ActivateWallet(wallet_id="w"), "wallet.activate(wallet_id=1:w;)"),
    (
        ActivateWallet(wallet_id="w", reason_code="r", kyc_check_ref="k"),
        "wallet.activate(kyc_check_ref=1:k;reason_code=1:r;wallet_id=1:w;)",
    ),
    (
        SuspendWallet(wallet_id="w", reason_code="fraud"),
        "wallet.suspend(reason_code=5:fraud;wallet_id=1:w;)",
    ),
    (
        SuspendWallet(wallet_id="w", reason_code="fraud", note="a;b=1:c"),
        "wallet.suspend(note=7:a;b=1:c;reason_code=5:fraud;wallet_id=1:w;)",
    ),
    (CloseWallet(wallet_id="w"), "wallet.close(wallet_id=1:w;)"),
    (
        CloseWallet(wallet_id="w", reason_code="r", sweep_to="v"),
        "wallet.close(reason_code=1:r;sweep_to=1:v;wallet_id=1:w;)",
    ),
    (
        ChangeWalletKycLevel(wallet_id="w", kyc_level="full", evidence_ref=""),
        "wallet.change_kyc_level(evidence_ref=0:;kyc_level=4:full;wallet_id=1:w;)",
    ),
    (
        CREDIT,
        "wallet.credit(amount=3e8;currency=3:EGP;reason=7:deposit;wallet_id=1:w;)",
    ),
    (
        replace(CREDIT, reference="ä", counter_account="external:cash"),
        (
            "wallet.credit(amount=3e8;counter_account=13:external:cash;currency=3:EGP;"
            "reason=7:deposit;reference=1:ä;wallet_id=1:w;)"
        ),
    ),
    (
        DEBIT,
        "wallet.debit(amount=3e8;currency=3:EGP;reason=3:fee;wallet_id=1:w;)",
    ),
    (
        TransferFunds(
            transfer_id="t",
            source_wallet_id="w",
            destination_wallet_id="v",
            amount=-1,
            currency="EGP",
            reference="r",
            reverses_transfer_id="s",
        ),
        (
            "transfer.funds(amount=-1;currency=3:EGP;destination_wallet_id=1:v;"
            "reference=1:r;reverses_transfer_id=1:s;source_wallet_id=1:w;transfer_id=1:t;)"
        ),
    ),
    (
        PAY,
        (
            "payment.initiate(amount=9;currency=1:E;merchant_wallet_id=1:m;"
            "payer_wallet_id=1:w;payment_id=1:p;)"
        ),
    ),
    (
        replace(
            PAY,
            method="medcard",
            capture_method="automatic",
            card_id="c",
            merchant_category="doctors",
            eligible_amounts=EligibleAmounts(clinic=5, total_healthcare=9),
            partial_approval=True,
            reference="r",
        ),
        (
            "payment.initiate(amount=9;capture_method=9:automatic;card_id=1:c;"
            "currency=1:E;eligible_amounts=(clinic=5;total_healthcare=9;)"
            "merchant_category=7:doctors;merchant_wallet_id=1:m;method=7:medcard;"
            "partial_approval=true;payer_wallet_id=1:w;payment_id=1:p;reference=1:r;)"
        ),
    ),
    (AuthorizePayment(payment_id="p"), "payment.authorize(payment_id=1:p;)"),
    (
        AuthorizePayment(payment_id="p", expires_in_s=60),
        "payment.authorize(expires_in_s=3c;payment_id=1:p;)",
    ),
    (CapturePayment(payment_id="p"), "payment.capture(payment_id=1:p;)"),
    (
        CapturePayment(payment_id="p", amount=7, final=False, fee=1),
        "payment.capture(amount=7;fee=1;final=false;payment_id=1:p;)",
    ),
    (VoidPayment(payment_id="p"), "payment.void(payment_id=1:p;)"),
    (
        VoidPayment(payment_id="p", reason="payer"),
        "payment.void(payment_id=1:p;reason=5:payer;)",
    ),
    (ExpireAuthorization(payment_id="p"), "payment.expire(payment_id=1:p;)"),
    (FailPayment(payment_id="p"), "payment.fail(payment_id=1:p;)"),
    (
        FailPayment(payment_id="p", reason_code="r"),
        "payment.fail(payment_id=1:p;reason_code=1:r;)",
    ),
    (RefundPayment(payment_id="p"), "payment.refund(payment_id=1:p;)"),
    (
        RefundPayment(payment_id="p", amount=7, reason_code="r"),
        "payment.refund(amount=7;payment_id=1:p;reason_code=1:r;)",
    ),
    (
        ISSUE,
        (
            "medcard.issue(card_id=1:c;card_token=1:t;exp_month=1;exp_year=7eb;"
            "form=7:virtual;last4=4:4242;wallet_id=1:w;)"
        ),
    ),
    (
        replace(
            ISSUE,
            controls=CardControls(
                allowed_categories=("doctors", "dentists"),
                limits=CardLimits(daily=100),
            ),
            replaces_card_id="b",
        ),
        (
            "medcard.issue(card_id=1:c;card_token=1:t;controls=("
            "allowed_categories=[7:doctors;8:dentists;]limits=(daily=64;))exp_month=1;"
            "exp_year=7eb;form=7:virtual;last4=4:4242;replaces_card_id=1:b;wallet_id=1:w;)"
        ),
    ),
    (
        replace(ISSUE, controls=CardControls(blocked_categories=())),
        (
            "medcard.issue(card_id=1:c;card_token=1:t;controls=(blocked_categories=[])"
            "exp_month=1;exp_year=7eb;form=7:virtual;last4=4:4242;wallet_id=1:w;)"
        ),
    ),
    (ActivateMedCard(card_id="c"), "medcard.activate(card_id=1:c;)"),
    (
        ActivateMedCard(card_id="c", method="pin"),
        "medcard.activate(card_id=1:c;method=3:pin;)",
    ),
    (
        SuspendMedCard(card_id="c", reason_code="lost"),
        "medcard.suspend(card_id=1:c;reason_code=4:lost;)",
    ),
    (
        CancelMedCard(card_id="c", reason="lost"),
        "medcard.cancel(card_id=1:c;reason=4:lost;)",
    ),
    (ExpireMedCard(card_id="c"), "medcard.expire(card_id=1:c;)"),
)
"""What is hashed. Outcomes are stored with it: no line here may ever change."""


@pytest.mark.parametrize(("command", "text"), TEXTS, ids=[t for _, t in TEXTS])
def test_the_text_of_a_command_stays_what_it_is(command: Command, text: str) -> None:
    """I2: the digest is SHA-256 of this text, in every process and every release."""
    assert digest_of(command) == sha256(text.encode()).digest()


def test_every_public_command_has_its_texts() -> None:
    """I2: none is missing above, and of each name there is one command."""
    public = set(get_args(Command)) - set(STEPS)
    assert set(PUBLIC_COMMANDS.values()) == public
    assert len(PUBLIC_COMMANDS) == len(public)
    assert {type(command) for command, _ in TEXTS} == public


@pytest.mark.parametrize(
    "step",
    [
        ReleaseHold(wallet_id="w", hold_id="h", reason="failed"),
        EndOperation(payment_id="p", operation_id="o"),
        RecordIssue(card_id="c", order=ISSUE),
    ],
)
def test_a_step_has_no_digest(step: Command) -> None:
    """T6: the id of a step says it all, whatever a later release puts into it."""
    assert digest_of(step) == b""


class _Reference(str):
    """A text that shows itself as another."""

    __slots__ = ()

    def __str__(self) -> str:
        return "shown"


class _Touchy:
    """A value that will not be compared."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    __hash__ = object.__hash__


@dataclass(frozen=True)
class _Odd:
    """A value with members, as some of a command's have."""

    inner: object


ODD: Final = (
    (10**5000, f"amount={10**5000:x};"),
    (True, "amount=true;"),
    (False, "amount=false;"),
    ("10", "amount=2:10;"),
    (_Reference("one"), "amount=3:one;"),
    (Decimal(1), "amount=<Decimal>;"),
    (1.0, "amount=<float>;"),
    (_Touchy(), "amount=<_Touchy>;"),
    (_Odd, "amount=<type>;"),
    (_Odd(7), "amount=(inner=7;)"),
    (_Odd("\ud800"), "amount=(inner=1:\ud800;)"),
    ((1, None, ("a",)), "amount=[1;none;[1:a;]]"),
    ([1], "amount=[1;]"),
)


@pytest.mark.parametrize(("value", "text"), ODD, ids=[t[:20] for _, t in ODD])
def test_what_no_command_should_have_is_digested_too(value: object, text: str) -> None:
    """E2, I3: a wrong type, refused elsewhere, never breaks the comparison of keys."""
    command = replace(CREDIT, amount=cast("int", value))
    whole = f"wallet.credit({text}currency=3:EGP;reason=7:deposit;wallet_id=1:w;)"
    digest = sha256(whole.encode("utf-8", "surrogatepass")).digest()
    assert digest_of(command) == digest


@pytest.mark.parametrize("final", [1, _Touchy()])
def test_a_default_is_left_out_only_in_its_own_type(final: object) -> None:
    """I2: one is not true, and nothing odd is compared with a default."""
    command = CapturePayment(payment_id="p", final=cast("bool", final))
    assert digest_of(command) != digest_of(CapturePayment(payment_id="p"))


def test_a_given_fingerprint_is_taken_as_it_is() -> None:
    """I2: who gives one decides what is the same; else the command does."""
    assert fingerprint_of(CommandRequest(command=CREDIT, fingerprint=b"x")) == b"x"
    assert fingerprint_of(CommandRequest(command=CREDIT)) == digest_of(CREDIT)


def test_a_request_is_compared_with_what_is_stored() -> None:
    """I3, I4: with the digest, with what was given; an empty one matches anything."""
    plain = CommandRequest(command=CREDIT)
    marked = CommandRequest(command=CREDIT, fingerprint=b"x")
    assert is_repetition(plain, digest_of(CREDIT))
    assert not is_repetition(plain, digest_of(DEBIT))
    assert not is_repetition(plain, b"x")
    assert is_repetition(marked, b"x")
    assert not is_repetition(marked, digest_of(CREDIT))
    assert is_repetition(plain, b"")
    assert is_repetition(marked, b"")
