"""What happens in a story, as data: it is played, replayed, shortened and told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from healthpay_core.outcome import CommandRequest
from healthpay_core.payment import commands as p

FAULTS: Final = (
    "unavailable",
    "raises before",
    "lost, answer unknown",
    "stored, answer unknown",
    "stored, raises after",
    "lost, nobody can say",
    "stored, nobody can say",
    "conflict",
    "conflicts for ever",
    "crash before",
    "crash after",
    "versions unreadable",
    "outcomes unreadable",
    "events unreadable",
    "another first",
    "the same first",
    "snapshots raise",
)
"""What can go wrong with the appends and reads of one step."""

PAYMENT_COMMANDS: Final = (
    p.InitiatePayment,
    p.AuthorizePayment,
    p.CapturePayment,
    p.VoidPayment,
    p.ExpireAuthorization,
    p.FailPayment,
    p.RefundPayment,
)


RIVALS: Final = ("another first", "the same first")
"""Faults in which the other handler is faster."""

PLACES: Final = ("command", "batch", "saga", "resume or sweep")
"""Where in a story a fault can happen."""

FAULT_POINTS: Final = tuple(
    (fault, place)
    for fault in FAULTS
    for place in PLACES
    if place != "batch" or fault not in RIVALS
)
"""Each fault with each place of it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something goes wrong with the `nth` append of a step, 1 or more.

    Where the other handler is faster it does `meanwhile`, or else the very same
    command.
    """

    name: str
    nth: int = 1
    meanwhile: CommandRequest | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """A handler is given a batch."""

    handler: int
    requests: tuple[CommandRequest, ...]
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class RunSaga:
    """A transfer or payment runs as a saga; it may stop after so many steps."""

    handler: int
    request: CommandRequest
    stops_after: int | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Resume:
    """A handler runs all sagas that were left behind to their end."""

    handler: int
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """What has run out is ended."""

    handler: int
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Jump:
    """The clock moves, sometimes back; microseconds."""

    by_us: int


@dataclass(frozen=True, slots=True)
class Restart:
    """A process starts anew: its caches are gone, its store is opened again."""

    handler: int


@dataclass(frozen=True, slots=True)
class LoseSnapshots:
    """Snapshots are gone, or with `stale` set back to what they first were."""

    stale: bool


@dataclass(frozen=True, slots=True)
class Deliver:
    """The feed reaches a projection: from a while back, shuffled by `seed`."""

    seed: int


Step: TypeAlias = (
    Send | RunSaga | Resume | Sweep | Jump | Restart | LoseSnapshots | Deliver
)
