"""What the generator has reached; too little is a failure like any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from healthpay_core.catalogue import Code
from healthpay_core.testing.simulation.setting import MAIN, OTHERS
from healthpay_core.testing.simulation.steps import FAULT_POINTS

DONE: Final = "done"

_ELSEWHERE: Final = frozenset(
    {
        # Of the HTTP edge, of the runtime's queue, and of damaged stores.
        Code.COMMAND_NOT_FOUND,
        Code.IDEMPOTENCY_KEY_MISSING,
        Code.IDEMPOTENCY_KEY_INVALID,
        Code.IDEMPOTENCY_KEY_IN_USE,
        Code.PRECONDITION_REQUIRED,
        Code.CORRUPT_STREAM,
        Code.INTERNAL_ERROR,
        Code.ROUTE_NOT_FOUND,
        Code.METHOD_NOT_ALLOWED,
        Code.BODY_TOO_LARGE,
        Code.UNSUPPORTED_MEDIA_TYPE,
        # Only a step that was never ordered by a saga could be answered with it.
        Code.TRANSFER_NOT_FOUND,
    }
)
CODES: Final = (DONE, *sorted(c.value for c in Code if c not in _ELSEWHERE))
"""What a command can be answered with here."""

_WALLET: Final = ("none", "pending", "active", "suspended", "closed")
_TRANSFER: Final = ("none", "initiated", "completed", "failed")
_PAYMENT: Final = (
    "none",
    "initiated",
    "authorized",
    "captured",
    "partially_refunded",
    "refunded",
    "voided",
    "failed",
)
_CARD: Final = ("none", "issued", "active", "suspended", "expired", "cancelled")
_ORDERS: Final = (
    (
        _WALLET,
        (
            "CreateWallet ActivateWallet SuspendWallet CloseWallet CreditWallet"
            " DebitWallet ChangeWalletKycLevel ReceiveTransfer"
        ),
    ),
    (_WALLET[1:], "PlaceHold ConfirmWallet"),
    (("active", "suspended"), "ReleaseHold CaptureHold SettleCredit EndSweep"),
    (_WALLET[1:], "BeginSweep"),
    (_TRANSFER, "TransferFunds"),
    # Of a transfer that began as a saga it is a replay.
    (("none", "completed"), "BeginTransfer"),
    (("initiated",), "CompleteTransfer FailTransfer"),
    (
        _PAYMENT,
        (
            "InitiatePayment AuthorizePayment CapturePayment VoidPayment"
            " ExpireAuthorization FailPayment RefundPayment BeginOperation"
        ),
    ),
    (("none",), "RecordInitiation"),
    (("initiated", "authorized", "captured", "partially_refunded"), "EndOperation"),
    (
        _CARD,
        "IssueMedCard ActivateMedCard SuspendMedCard CancelMedCard ExpireMedCard",
    ),
    (_CARD[1:], "ConfirmMedCard"),
    (("none",), "RecordIssue"),
)
CELLS: Final = tuple(
    (status, name)
    for statuses, names in _ORDERS
    for name in names.split()
    for status in statuses
)
"""Each status that the resource of a command can be in, with the command."""

CURRENCIES: Final = (MAIN, *OTHERS)

HAPPENINGS: Final = (
    "midnight passed",
    "month ended",
    "clocks changed",
    "clock set back",
    "restart",
    "snapshots lost",
    "snapshots stale",
    "feed delivered twice",
    "feed delivered out of order",
    "key retried",
    "key reused",
    "money in flight",
    "money of another currency in flight",
    "saga stopped halfway",
    "saga resumed",
    "authorization swept",
    "card swept",
    "unknown resolved to committed",
    "unknown resolved to rejected",
    "unknown was never stored",
)
"""What else a story is made of."""


@dataclass(slots=True)
class Coverage:
    """How often what happened; counters are added over stories."""

    steps: int = 0
    commands: int = 0
    events: int = 0
    stories: int = 0
    movements: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    cells: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    happenings: Counter[str] = field(default_factory=Counter)

    def add(self, other: Coverage) -> None:
        """Count in another's."""
        self.steps += other.steps
        self.commands += other.commands
        self.events += other.events
        self.stories += other.stories
        self.movements.update(other.movements)
        self.codes.update(other.codes)
        self.cells.update(other.cells)
        self.faults.update(other.faults)
        self.happenings.update(other.happenings)

    def tables(self) -> Iterator[tuple[str, dict[str, int]]]:
        """Each table: what it counts, and how often each line of it was reached."""
        yield "codes", {code: self.codes[code] for code in CODES}
        yield (
            "fault points",
            {
                f"{fault} -- {place}": self.faults[fault, place]
                for fault, place in FAULT_POINTS
            },
        )
        yield "happenings", {name: self.happenings[name] for name in HAPPENINGS}
        yield "movements of money", {name: self.movements[name] for name in CURRENCIES}
        yield (
            "(state, command) cells",
            {f"{name} of {at}": self.cells[at, name] for at, name in CELLS},
        )

    def missing(self, least: int) -> list[str]:
        """What was reached fewer than `least` times."""
        return [
            f"{title}: {name}: {number}"
            for title, table in self.tables()
            for name, number in table.items()
            if number < least
        ]

    def lines(self) -> Iterator[str]:
        """A report to print."""
        yield (
            f"stories {self.stories:,} · steps {self.steps:,} · commands"
            f" {self.commands:,} · events {self.events:,}"
        )
        for title, table in self.tables():
            least = min(table, key=lambda name: table[name])
            reached = sum(number > 0 for number in table.values())
            yield ""
            yield (
                f"{title}: {reached} of {len(table)} reached, least"
                f" {table[least]:,} ({least})"
            )
            for name, number in table.items():
                yield f"  {number:>13,}  {name}"
