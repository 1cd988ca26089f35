"""Bugs that must never survive, planted by name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import healthpay_core

_CORE: Final = Path(healthpay_core.__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One bug: what a source says, and what it says when it is wrong."""

    name: str
    rule: str
    source: str
    """Path within the core."""
    right: str
    wrong: str
    tests: str
    """The file of tests that has to see it."""


PLANTED: Final = (
    Planted(
        name="over-refund at once",
        rule="P11",
        source="payment/rules.py",
        right="    if amount > rest:\n        return RefundExceedsCaptured(",
        wrong="    if False:\n        return RefundExceedsCaptured(",
        tests="tests/core/test_captures_and_refunds.py",
    ),
    Planted(
        name="over-refund in parts",
        rule="P11",
        source="payment/rules.py",
        right="    rest = payment.captured - payment.refunded\n    amount = rest if",
        wrong="    rest = payment.captured\n    amount = rest if",
        tests="tests/core/test_captures_and_refunds.py",
    ),
    Planted(
        name="over-refund by one",
        rule="P11",
        source="payment/rules.py",
        right="    if amount > rest:\n        return RefundExceedsCaptured(",
        wrong="    if amount > rest + 1:\n        return RefundExceedsCaptured(",
        tests="tests/core/test_captures_and_refunds.py",
    ),
    Planted(
        name="self-transfer",
        rule="T2",
        source="transfer/atomic.py",
        right="source_wallet_id == command.destination_wallet_id:",
        wrong="source_wallet_id is None:",
        tests="tests/core/test_transfers.py",
    ),
    Planted(
        name="self-transfer as a saga",
        rule="T2",
        source="transfer/decide.py",
        right="source_wallet_id == command.destination_wallet_id:",
        wrong="source_wallet_id is None:",
        tests="tests/core/test_transfer_saga_facts.py",
    ),
    Planted(
        name="limit windows counted net",
        rule="K3",
        source="wallet/state.py",
        right=(
            "        usage=state.usage,\n"
            "        references=claimed(state.references, event),"
        ),
        wrong=(
            "        usage=_given_back(state.usage, event.amount, state.usage.date),\n"
            "        references=claimed(state.references, event),"
        ),
        tests="tests/core/test_kyc_and_limits.py",
    ),
    Planted(
        name="limit windows without what is held",
        rule="K3",
        source="wallet/state.py",
        right="        usage=event.limit_usage,\n        references=",
        wrong="        usage=state.usage,\n        references=",
        tests="tests/core/test_kyc_and_limits.py",
    ),
)


def plant(bug: Planted | None, room: Path) -> Path:
    """A copy of the core in `room`, with the bug in it; the folder to import from.

    Raises:
        LookupError: The right text does not stand once in the source.
    """
    copy = room / "healthpay_core"
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(_CORE, copy, ignore=unwanted, dirs_exist_ok=True)
    if bug is not None:
        source = copy / bug.source
        text = source.read_text(encoding="utf-8")
        if text.count(bug.right) != 1:
            raise LookupError(f"{bug.source} does not hold once: {bug.right}")
        source.write_text(text.replace(bug.right, bug.wrong), encoding="utf-8")
    return room


def run_tests(room: Path, tests: str) -> subprocess.CompletedProcess[str]:
    """Run a file of tests against the core that stands in `room`."""
    command = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", tests)
    return subprocess.run(
        [sys.executable, *command],
        env=os.environ | {"PYTHONPATH": str(room), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
