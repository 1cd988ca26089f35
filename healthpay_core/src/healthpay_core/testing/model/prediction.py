"""What the model says of a command, and how an outcome may differ from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final, TypeAlias

from healthpay_core.catalogue import Code
from healthpay_core.outcome import Committed, Outcome, Unknown

Effect: TypeAlias = Callable[[], None]
Fact: TypeAlias = int | str | None
View: TypeAlias = dict[str, object]

NOT_PINNED: Final = frozenset(
    {
        Code.VALIDATION_ERROR,
        Code.WALLET_NOT_FOUND,
        Code.SOURCE_WALLET_NOT_FOUND,
        Code.DESTINATION_WALLET_NOT_FOUND,
        Code.TRANSFER_NOT_FOUND,
        Code.PAYMENT_NOT_FOUND,
        Code.MEDCARD_NOT_FOUND,
        Code.IDEMPOTENCY_KEY_REUSED,
        Code.VERSION_MISMATCH,
    }
)
"""The refusals that leave the key free: 400, 404, 412, and a key in other use (I6)."""


class Refuse(Exception):
    """A rule says no; `facts` are details that the refusal must show."""

    def __init__(self, code: Code, **facts: Fact) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


@dataclass(slots=True)
class Prediction:
    """What must become of a command.

    Attributes:
        code: Of the refusal; None when it is to be committed.
        facts: Details that the refusal must show; None says that one is absent.
        view: The resource right after it; known once it was committed.
        replayed: Whether it is an answer that was given before (I4).
        effect: Makes it so in the model; None when there is nothing to do.
    """

    code: Code | None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    view: View | None = None
    replayed: bool = False
    effect: Effect | None = None

    @property
    def pinned(self) -> bool:
        """Whether the outcome is kept under the key (I6)."""
        return self.code is None or self.code not in NOT_PINNED


def difference(prediction: Prediction, outcome: Outcome) -> str | None:
    """What an outcome says otherwise, as a text; None when they agree."""
    if isinstance(outcome, Unknown):
        return f"{_said(prediction)} was predicted, the outcome is unknown"
    found = None if isinstance(outcome, Committed) else outcome.error.code
    if found is not prediction.code:
        return f"{_said(prediction)} was predicted, the outcome is {found or 'done'}"
    if outcome.replayed != prediction.replayed:
        return f"replayed is {outcome.replayed}, {prediction.replayed} was predicted"
    if isinstance(outcome, Committed):
        return view_difference(prediction.view or {}, outcome.resource)
    if not prediction.facts:
        return None
    for name, value in prediction.facts.items():
        shown = getattr(outcome.error, name, None)
        if shown != value:
            return f"{found}: {name} is {shown}, {value} was predicted"
    return None


def view_difference(expected: Mapping[str, object], view: object) -> str | None:
    """Where a resource is not as predicted; None when it is."""
    shown = list(map(getattr, repeat(view), expected, repeat("absent")))
    if shown == list(expected.values()):
        return None
    for (name, value), found in zip(expected.items(), shown, strict=True):
        if found != value:
            return f"{name} is {found}, {value} was predicted"
    return None


def _said(prediction: Prediction) -> str:
    return str(prediction.code or "done")
