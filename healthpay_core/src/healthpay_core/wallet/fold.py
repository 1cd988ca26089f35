"""Runs of credits and debits, folded with their fields in locals.

`evolve_wallet` is the meaning of every fact. A long history is mostly credits
and debits, and building a state for each takes most of the time of a load: a run
of them is added up here, and one state is built at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from healthpay_core.events import Event
from healthpay_core.wallet.events import WalletCredited, WalletDebited
from healthpay_core.wallet.state import OpenState, moved, reference_key

Fact: TypeAlias = tuple[int, Event]
"""An event's version, and the event."""


def fold_movements(
    state: OpenState, version: int, facts: Iterator[Fact]
) -> tuple[OpenState, int, Fact | None]:
    """Fold facts as long as they are credits and debits that follow each other.

    What is anything else, or cannot follow (C5, V1), is not judged here: it is
    taken from the iterator and handed back for `evolve`.

    Returns:
        The state and version reached, and the fact that was not folded; None
        when there are no more.
    """
    balance, held, usage = state.balance, state.held, state.usage
    currency = state.profile.currency
    claimed: list[str] = []
    reached = version
    left: Fact | None = None
    for fact in facts:
        sequence, event = fact
        if isinstance(event, WalletCredited):
            after = balance + event.amount
        elif isinstance(event, WalletDebited) and event.hold_id is None:
            after = balance - event.amount
            if after < held:
                left = fact
                break
        else:
            left = fact
            break
        if (
            after != event.balance_after
            or held != event.held_after
            or event.amount < 1
            or event.currency != currency
            or sequence != reached + 1
        ):
            left = fact
            break
        if event.reference_claimed and event.reference is not None:
            claimed.append(reference_key(event.reason, event.reference))
        if isinstance(event, WalletDebited):
            usage = event.limit_usage or usage
        balance, reached = after, sequence
    if reached == version:
        return state, version, left
    references = state.references.union(claimed) if claimed else state.references
    after_all = moved(
        state,
        balance=balance,
        held=held,
        holds=state.holds,
        usage=usage,
        references=references,
        card_usage=state.card_usage,
    )
    return after_all, reached, left
