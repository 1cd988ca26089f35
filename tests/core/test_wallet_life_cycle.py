"""The life of a wallet: every state meets every command (rules W1-W10)."""

from __future__ import annotations

from typing import Final

import pytest

from healthpay_core import (
    ActivateWallet,
    Actor,
    CaptureHold,
    ChangeWalletKycLevel,
    CloseWallet,
    Code,
    Command,
    CreditWallet,
    Facts,
    ReleaseHold,
    SuspendWallet,
    WalletActivated,
    WalletClosed,
    WalletCreated,
    WalletSuspended,
    WalletView,
)
from healthpay_core.testing import (
    Workbench,
    after,
    create,
    deposit,
    funded,
    given,
    hold,
    opened,
    request,
    transfer,
    wallet_id,
    withdrawal,
)

A, B, C = wallet_id("a"), wallet_id("b"), wallet_id("c")
SUSPEND: Final = SuspendWallet(wallet_id=A, reason_code="fraud")
RESUME: Final = ActivateWallet(wallet_id=A, reason_code="cleared")
CLOSE: Final = CloseWallet(wallet_id=A)
OTHER: Final = opened(B)

STATES: Final[dict[str, Facts]] = {
    "absent": after(*OTHER),
    "pending": after(*OTHER, create(A)),
    "pending unverified": after(*OTHER, create(A, kyc_level="unverified")),
    "active": after(*OTHER, *opened(A)),
    "active funded": after(*OTHER, *funded(A, 10)),
    "active held": after(*OTHER, *funded(A, 10), hold(A, "h", 4)),
    "suspended": after(*OTHER, *opened(A), SUSPEND),
    "suspended held": after(*OTHER, *funded(A, 10), hold(A, "h", 4), SUSPEND),
    "closed": after(*OTHER, *opened(A), CLOSE),
}

COMMANDS: Final[dict[str, Command]] = {
    "create": create(A),
    "activate": RESUME,
    "suspend": SUSPEND,
    "close": CLOSE,
    "sweep": CloseWallet(wallet_id=A, sweep_to=B),
    "level": ChangeWalletKycLevel(wallet_id=A, kyc_level="basic"),
    "credit": deposit(A, 1),
    "refund": CreditWallet(
        wallet_id=A, amount=1, currency="EGP", reason="refund", reference="r"
    ),
    "debit": withdrawal(A, 1),
    "pay": transfer(A, B, 1, name="out"),
    "get": transfer(B, A, 1, name="in"),
    "hold": hold(A, "h", 1),
    "release": ReleaseHold(wallet_id=A, hold_id="h", reason="voided"),
    "capture": CaptureHold(
        wallet_id=A,
        hold_id="h",
        amount=4,
        currency="EGP",
        reason="payment",
        counter_account="external:payment",
    ),
}

OK: Final = "ok"
NOT_FOUND: Final = "WALLET_NOT_FOUND"
EXISTS: Final = "WALLET_ALREADY_EXISTS"
STEP: Final = "INVALID_STATE_TRANSITION"
INACTIVE: Final = "WALLET_NOT_ACTIVE"
CLOSED: Final = "WALLET_CLOSED"
FUNDS: Final = "INSUFFICIENT_FUNDS"
NO_HOLD: Final = "PAYMENT_NOT_AUTHORIZED"
HOLDS: Final = "WALLET_HAS_OPEN_HOLDS"
BALANCE: Final = "WALLET_HAS_BALANCE"
NO_SOURCE: Final = "SOURCE_WALLET_NOT_FOUND"
NO_DESTINATION: Final = "DESTINATION_WALLET_NOT_FOUND"
KYC: Final = "KYC_LEVEL_INSUFFICIENT"

# One row per command, one column per state, in the order of `STATES`.
MATRIX: Final[dict[str, tuple[str, ...]]] = {
    "create": (OK, *(EXISTS,) * 8),
    "activate": (NOT_FOUND, OK, KYC, STEP, STEP, STEP, OK, OK, CLOSED),
    "suspend": (NOT_FOUND, STEP, STEP, OK, OK, OK, STEP, STEP, CLOSED),
    "close": (NOT_FOUND, OK, OK, OK, BALANCE, HOLDS, OK, HOLDS, CLOSED),
    "sweep": (NOT_FOUND, OK, OK, OK, OK, HOLDS, OK, HOLDS, CLOSED),
    "level": (NOT_FOUND, OK, OK, OK, OK, OK, OK, OK, CLOSED),
    "credit": (
        *(NOT_FOUND, INACTIVE, INACTIVE, OK, OK, OK),
        *(INACTIVE, INACTIVE, CLOSED),
    ),
    "refund": (
        *(NOT_FOUND, INACTIVE, INACTIVE, OK, OK, OK),
        *(INACTIVE, INACTIVE, CLOSED),
    ),
    "debit": (
        *(NOT_FOUND, INACTIVE, INACTIVE, FUNDS, OK, OK),
        *(INACTIVE, INACTIVE, CLOSED),
    ),
    "pay": (
        *(NO_SOURCE, INACTIVE, INACTIVE, FUNDS, OK, OK),
        *(INACTIVE, INACTIVE, CLOSED),
    ),
    "get": (
        *(NO_DESTINATION, INACTIVE, INACTIVE, FUNDS, FUNDS, FUNDS),
        *(INACTIVE, INACTIVE, CLOSED),
    ),
    "hold": (
        *(NOT_FOUND, INACTIVE, INACTIVE, FUNDS, OK, STEP),
        *(INACTIVE, INACTIVE, CLOSED),
    ),
    "release": (
        *(NOT_FOUND, NO_HOLD, NO_HOLD, NO_HOLD, NO_HOLD, OK),
        *(NO_HOLD, OK, CLOSED),
    ),
    "capture": (
        *(NOT_FOUND, NO_HOLD, NO_HOLD, NO_HOLD, NO_HOLD, OK),
        *(NO_HOLD, OK, CLOSED),
    ),
}

CELLS = [
    (state, command, answer)
    for command, row in MATRIX.items()
    for state, answer in zip(STATES, row, strict=True)
]


def test_the_matrix_is_complete() -> None:
    """W1-W8: every command has an answer in every state."""
    assert set(MATRIX) == set(COMMANDS)
    assert len(CELLS) == len(STATES) * len(COMMANDS) == 126


@pytest.mark.parametrize(("state", "command", "answer"), CELLS)
def test_every_state_answers_every_command(
    state: str, command: str, answer: str
) -> None:
    """W1-W8: what is done, or the exact code, for this command in this state."""
    verdict = given(*STATES[state]).when(COMMANDS[command])
    if answer == OK:
        assert verdict.facts
    else:
        verdict.refused(Code(answer))


def test_a_new_wallet_is_pending_and_empty() -> None:
    """W1: creation gives version 1, status pending, balance 0."""
    bench = Workbench()
    outcome = bench.do(create(A, wallet_type="business", kyc_level="basic"))
    assert outcome.resource == WalletView(
        wallet_id=A,
        owner_id="owner-1",
        wallet_type="business",
        currency="EGP",
        kyc_level="basic",
        status="pending",
        balance=0,
        held=0,
        version=1,
    )
    assert bench.wallet(A) == outcome.resource


def test_an_id_is_taken_by_the_first() -> None:
    """W2: the same id with other data, or with the same, exists already."""
    bench = Workbench()
    bench.do(create(A))
    bench.refuse(create(A, currency="USD"), Code.WALLET_ALREADY_EXISTS, wallet_id=A)
    bench.refuse(create(A), Code.WALLET_ALREADY_EXISTS)
    assert bench.wallet(A).currency == "EGP"


def test_creation_never_mints_money() -> None:
    """W3: the first money is a credit from a counter-account, after activation."""
    created, activated, credited = after(*funded(A, 100))
    assert isinstance(created[1], WalletCreated)
    assert not {"balance", "amount", "balance_after"} & set(
        WalletCreated.__dataclass_fields__
    )
    assert isinstance(activated[1], WalletActivated)
    assert getattr(credited[1], "counter_account", None) == "external:deposit"
    given(created).when(deposit(A, 100)).refused(Code.WALLET_NOT_ACTIVE)


def test_activation_needs_a_verified_level() -> None:
    """W4: a wallet below basic stays pending until its level is raised."""
    bench = Workbench()
    bench.do(create(A, kyc_level="unverified"))
    bench.refuse(RESUME, Code.KYC_LEVEL_INSUFFICIENT, kyc_level="unverified")
    bench.do(ChangeWalletKycLevel(wallet_id=A, kyc_level="basic"), RESUME)
    assert bench.wallet(A).status == "active"


def test_resuming_says_where_from_and_why() -> None:
    """W4, W9: activation records whether it was the first, and its reason."""
    given(*after(create(A))).when(ActivateWallet(wallet_id=A)).then(
        WalletActivated(from_status="pending", reason_code="activated")
    )
    given(*STATES["suspended"]).when(ActivateWallet(wallet_id=A)).then(
        WalletActivated(from_status="suspended", reason_code="resumed")
    )
    checked = ActivateWallet(wallet_id=A, reason_code="cleared", kyc_check_ref="c-1")
    given(*STATES["suspended"]).when(checked).then(
        WalletActivated(
            from_status="suspended", reason_code="cleared", kyc_check_ref="c-1"
        )
    )


def test_suspension_settles_what_is_owed() -> None:
    """W5: while suspended holds are captured and released, all the same."""
    bench = Workbench()
    bench.do(*funded(A, 10), hold(A, "h", 4), hold(A, "i", 3), SUSPEND)
    bench.do(COMMANDS["capture"])
    bench.do(ReleaseHold(wallet_id=A, hold_id="i", reason="expired"))
    view = bench.wallet(A)
    assert (view.status, view.balance, view.held) == ("suspended", 6, 0)
    bench.refuse(withdrawal(A, 1), Code.WALLET_NOT_ACTIVE, current_status="suspended")
    bench.do(RESUME, withdrawal(A, 6))


def test_only_an_empty_wallet_closes() -> None:
    """W6: money or holds keep it open, and the refusal says how much."""
    bench = Workbench()
    bench.do(*funded(A, 10), hold(A, "h", 4))
    bench.refuse(CLOSE, Code.WALLET_HAS_OPEN_HOLDS, held_amount=4, currency="EGP")
    bench.do(ReleaseHold(wallet_id=A, hold_id="h", reason="voided"))
    bench.refuse(CLOSE, Code.WALLET_HAS_BALANCE, balance=10, currency="EGP")
    bench.do(withdrawal(A, 10), CLOSE)
    assert bench.wallet(A).status == "closed"


def test_a_sweep_moves_the_rest_and_closes_at_once() -> None:
    """W7: the rest arrives elsewhere in the append that closes the wallet."""
    bench = Workbench()
    bench.do(*funded(A, 10), *opened(B))
    outcome = bench.do(CloseWallet(wallet_id=A, sweep_to=B, reason_code="moved"))
    assert [ref.event_type for ref in outcome.events] == [
        "transfer.initiated",
        "wallet.debited",
        "wallet.credited",
        "transfer.completed",
        "wallet.closed",
    ]
    assert (bench.wallet(A).status, bench.wallet(A).balance) == ("closed", 0)
    assert bench.wallet(B).balance == 10
    closed = bench.feed()[-1].envelope.data
    assert closed == WalletClosed(reason_code="moved", final_balance=0, swept_to=B)


def test_a_sweep_of_nothing_names_no_receiver() -> None:
    """W7: an empty wallet closes without a transfer, and says nobody got the rest."""
    given(*after(*opened(A))).when(CloseWallet(wallet_id=A, sweep_to=C)).then(
        WalletClosed(reason_code="closed", final_balance=0)
    )


@pytest.mark.parametrize(
    ("receiver", "code"),
    [
        ((), Code.DESTINATION_WALLET_NOT_FOUND),
        ((create(B),), Code.WALLET_NOT_ACTIVE),
        (opened(B, currency="USD"), Code.CURRENCY_MISMATCH),
    ],
)
def test_a_sweep_that_cannot_arrive_closes_nothing(
    receiver: tuple[Command, ...], code: Code
) -> None:
    """W7: when the receiver refuses, the wallet stays as it was."""
    bench = Workbench()
    bench.do(*funded(A, 10), *receiver)
    before = list(bench.feed())
    bench.refuse(CloseWallet(wallet_id=A, sweep_to=B), code)
    assert list(bench.feed()) == before


def test_a_suspended_wallet_is_not_swept() -> None:
    """W5, W7: a sweep is a transfer, which a suspended wallet does not make."""
    facts = after(*funded(A, 10), *opened(B), SUSPEND)
    given(*facts).when(CloseWallet(wallet_id=A, sweep_to=B)).refused(
        Code.WALLET_NOT_ACTIVE, party="source"
    )


def test_a_wallet_is_not_swept_into_itself() -> None:
    """W7, T2: the receiver of the rest is another wallet."""
    given(*STATES["active funded"]).when(CloseWallet(wallet_id=A, sweep_to=A)).refused(
        Code.VALIDATION_ERROR
    )


def test_every_transition_says_who_why_and_when() -> None:
    """W9: actor, reason and time stand in or beside every event of the life cycle."""
    bench = Workbench()
    clerk = Actor(type="operator", id="clerk-7")
    steps = (*opened(A), SUSPEND, RESUME, CLOSE)
    for command in steps:
        bench.clock.advance(seconds=1)
        bench.do(request(command, actor=clerk))
    envelopes = [recorded.envelope for recorded in bench.feed()]
    assert {envelope.meta.actor for envelope in envelopes} == {clerk}
    times = [envelope.meta.occurred_at for envelope in envelopes]
    assert times == sorted(set(times))
    reasons = [getattr(e.data, "reason_code", None) for e in envelopes[1:]]
    assert reasons == ["activated", "fraud", "cleared", "closed"]
    suspended = envelopes[2].data
    assert suspended == WalletSuspended(reason_code="fraud", note=None)


@pytest.mark.parametrize("wallet_type", ["personal", "business", "merchant"])
def test_wallets_have_three_types(wallet_type: str) -> None:
    """W10: the type is kept from creation on."""
    command = create(A, wallet_type=wallet_type)  # type: ignore[arg-type]
    bench = Workbench()
    bench.do(command)
    assert bench.wallet(A).wallet_type == wallet_type


def test_a_currency_without_minor_unit_makes_no_wallet() -> None:
    """M2: a wallet is kept in a currency that has a minor unit."""
    given().when(create(A, currency="XAU")).refused(
        Code.UNSUPPORTED_CURRENCY, currency="XAU"
    )
