"""Through the log, too, one key is one command without a fingerprint (I3, I4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from healthpay_core import (
    Code,
    Command,
    CommandRequest,
    Committed,
    Decided,
    Rejected,
    derive_id,
)
from healthpay_core.testing import (
    deposit,
    funded,
    opened,
    transfer,
    wallet_id,
    withdrawal,
)
from healthpay_kafka import draft
from healthpay_kafka.orders import aggregate_of
from healthpay_kafka.partitions import partition_of
from tests.kafka.memory_log import MemoryLog

A, B = wallet_id("a"), wallet_id("b")


def _ask(command: Command, name: str, fingerprint: bytes = b"") -> CommandRequest:
    return CommandRequest(
        command=command, command_id=derive_id(name), fingerprint=fingerprint
    )


def _one(log: MemoryLog, request: CommandRequest) -> Decided:
    before = len(list(log.replies()))
    log.ask(request)
    log.settle()
    return list(log.replies())[before:][-1]


def _log() -> MemoryLog:
    log = MemoryLog()
    for number, command in enumerate((*funded(A, 100), *opened(B))):
        assert isinstance(_one(log, _ask(command, f"setup {number}")), Committed)
    return log


def _is_reused(outcome: Decided) -> bool:
    return (
        isinstance(outcome, Rejected)
        and outcome.error.code is Code.IDEMPOTENCY_KEY_REUSED
    )


@pytest.mark.parametrize(
    ("order", "other"),
    [
        (withdrawal(A, 30), withdrawal(A, 31)),
        (withdrawal(A, 30), deposit(A, 999)),
        (transfer(A, B, 30, name="t"), transfer(A, B, 31, name="t")),
    ],
)
def test_another_command_under_the_id_is_refused(
    order: Command, other: Command
) -> None:
    """I3: whatever was done first; the same command is a replay."""
    log = _log()
    first = _one(log, _ask(order, "k"))
    assert isinstance(first, Committed)
    assert _is_reused(_one(log, _ask(other, "k")))
    assert _is_reused(_one(log, _ask(order, "k", b"x")))
    assert _one(log, _ask(order, "k")) == replace(first, replayed=True)


def test_another_command_under_the_id_of_a_process_is_refused() -> None:
    """I3: also while the first is under way."""
    log = _log()
    root = _ask(transfer(A, B, 30, name="t"), "k")
    log.ask(root, 0)
    place = partition_of(aggregate_of(root), log.partitions)
    log.run(place)
    log.ask(_ask(transfer(A, B, 31, name="t"), "k"), 1)
    log.ask(root, 2)
    log.settle()
    (reused,), (again,) = list(log.replies(1)), list(log.replies(2))
    assert _is_reused(reused)
    assert isinstance(again, Committed)


@pytest.mark.parametrize("fingerprint", [b"", b"x"])
def test_what_was_decided_without_a_digest_is_replayed(
    fingerprint: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4: the journal of an earlier release is answered from for ever."""
    log = _log()
    with monkeypatch.context() as earlier:
        earlier.setattr(draft, "fingerprint_of", lambda r: r.fingerprint)
        first = _one(log, _ask(withdrawal(A, 30), "k"))
    again = _one(log, _ask(withdrawal(A, 30), "k", fingerprint))
    assert again == replace(first, replayed=True)
