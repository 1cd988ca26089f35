"""What an adapter lacks is declared, refused cleanly, and not there all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from healthpay_core import (
    NO_LIMITS,
    Append,
    AppendResult,
    AppendUnavailable,
    CommandHandler,
    CommandPort,
    CommandRequest,
    Committed,
    EventStore,
    InMemoryEventStore,
    LocalRuntime,
    Outcome,
    TransferFunds,
)
from healthpay_core.testing.contracts import (
    Capability,
    ClockContract,
    CommandPortContract,
    EventStoreContract,
    SnapshotStoreContract,
)
from tests.contract.shared_store import SharedContract, SharedStore

ONE_AT_A_TIME = {
    Capability.MULTI_STREAM: "a partition is written alone",
    Capability.REOPEN: "in memory",
    Capability.SECOND_HANDLE: "in memory",
    Capability.HASH_CHAIN: "it was given no digest",
}


class _OneStream(InMemoryEventStore):
    """Appends to one stream at a time, and says so of more."""

    def append(self, append: Append) -> AppendResult:
        if len(append.expected) > 1:
            return AppendUnavailable(reason="one stream at a time")
        return super().append(append)


class TestOneStreamAtATime(EventStoreContract, without=ONE_AT_A_TIME):
    """A store that can do the least keeps what is left of the contract."""

    def make_store(self) -> EventStore:
        return _OneStream()


class _SagaPort(LocalRuntime):
    """As one that has run a saga: a transfer's answer names its own events."""

    def execute(self, request: CommandRequest) -> Outcome:
        outcome = super().execute(request)
        command = request.command
        if isinstance(outcome, Committed) and isinstance(command, TransferFunds):
            own = [e for e in outcome.events if e.aggregate_id == command.transfer_id]
            return replace(outcome, events=tuple(own))
        return outcome


class TestPortOfSagas(
    CommandPortContract,
    without={
        Capability.MULTI_STREAM: "each wallet is on a partition of its own",
        Capability.REOPEN: "in memory",
    },
):
    """A port whose transfers are sagas keeps what is left of the contract."""

    def make_port(self) -> CommandPort:
        return _SagaPort(CommandHandler(InMemoryEventStore(), policy=NO_LIMITS))


class _RefusesInPart(_OneStream):
    """Says that it takes one stream at a time, and takes the first of them."""

    def append(self, append: Append) -> AppendResult:
        if len(append.expected) > 1:
            first = append.events[0]
            super().append(
                Append(expected={first.stream: 0}, events=(first,), outcomes=())
            )
        return super().append(append)


def _contract(
    kind: type[InMemoryEventStore], without: Mapping[Capability, str]
) -> EventStoreContract:
    class Declared(EventStoreContract, without=without):
        def make_store(self) -> EventStore:
            return kind()

    return Declared()


@pytest.mark.parametrize("capability", ONE_AT_A_TIME)
def test_what_is_lacking_must_be_declared(
    capability: Capability, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T4, V2, A2: a store that lacks something and does not say so fails, and why."""
    monkeypatch.setattr("healthpay_core.testing.appends.PATIENCE_S", 0.2)
    rest = {c: reason for c, reason in ONE_AT_A_TIME.items() if c is not capability}
    contract = _contract(_OneStream, rest)
    failed = _failures(contract, contract.asks(), contract.make_store)
    needing = {
        name
        for name, test in EventStoreContract.asked.items()
        if getattr(test, "__needs_capability__", None) is capability
    }
    assert needing
    assert needing <= set(failed)
    for name in needing:
        assert f"without={{Capability.{capability.name}:" in failed[name]


@pytest.mark.parametrize("capability", list(Capability))
def test_what_is_there_must_not_be_declared_missing(capability: Capability) -> None:
    """T4, V2, A2: a declaration that is not true any more fails."""

    class Stale(SharedContract, without={capability: "not yet"}):
        pass

    contract = Stale()
    with pytest.raises(AssertionError, match="declared to be without"):
        contract.test_what_it_is_without_it_refuses(SharedStore(), capability)


def test_a_refusal_that_stores_something_is_not_clean() -> None:
    """T4: who refuses several streams must not have stored the first."""
    contract = _contract(_RefusesInPart, ONE_AT_A_TIME)
    with pytest.raises(AssertionError):
        contract.test_what_it_is_without_it_refuses(
            _RefusesInPart(), Capability.MULTI_STREAM
        )


@pytest.mark.parametrize("capability", [Capability.MULTI_STREAM, Capability.REOPEN])
def test_a_port_has_what_it_is_not_without(capability: Capability) -> None:
    """T4, I7: a port that is declared to lack what it has fails."""
    store = InMemoryEventStore()

    class Stale(CommandPortContract, without={capability: "not yet"}):
        def make_port(self) -> CommandPort:
            return LocalRuntime(CommandHandler(store, policy=NO_LIMITS))

    contract = Stale()
    with pytest.raises(AssertionError):
        contract.test_what_it_is_without_it_refuses(contract.make_port(), capability)


def test_snapshots_have_what_they_are_not_without() -> None:
    """A1: snapshots that are declared to be gone, and are there, fail."""
    store = InMemoryEventStore()

    class Stale(SnapshotStoreContract, without={Capability.REOPEN: "a cache"}):
        def make_snapshots(self) -> InMemoryEventStore:
            return store

    with pytest.raises(AssertionError, match="declared to be without"):
        Stale().test_what_it_is_without_it_refuses(store, Capability.REOPEN)


def test_a_declaration_says_why_and_is_of_its_contract() -> None:
    """T4: a capability without a reason, or of another contract, is a mistake."""
    with pytest.raises(TypeError, match="why"):

        class NoReason(EventStoreContract, without={Capability.REOPEN: " "}):
            pass

    with pytest.raises(TypeError, match="cannot be without"):

        class NotAsked(ClockContract, without={Capability.REOPEN: "a clock"}):
            pass


def test_no_test_is_left_out_in_another_way() -> None:
    """T4: a test that is overwritten with None is asked all the same."""

    class Silent(SharedContract):
        test_one_of_several_racers_wins = None  # type: ignore[assignment]

    assert Silent.asks() == SharedContract.asks()
    assert Silent().test_one_of_several_racers_wins is not None


def test_what_is_missing_is_in_the_report(tmp_path: Path) -> None:
    """T4: the report names each declared capability with its reason."""
    file = tmp_path / "test_report.py"
    file.write_text(
        "from tests.contract.test_lacks import TestOneStreamAtATime\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"),
            *("-p", "pytest_timeout", "--rootdir", str(tmp_path), str(file)),
        ],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    for capability, reason in ONE_AT_A_TIME.items():
        assert f"refuses[{capability.value}: {reason}] PASSED" in done.stdout
    assert "are_appended_together" not in done.stdout
    assert "skipped" not in done.stdout


def _failures(
    contract: EventStoreContract,
    names: Sequence[str],
    make: Callable[[], EventStore],
) -> dict[str, str]:
    """What is noted beside the failure of each test that fails."""
    failed: dict[str, str] = {}
    for name in names:
        question: Callable[..., None] = getattr(contract, name)
        if name == "test_what_it_is_without_it_refuses":
            continue
        try:
            question(make())
        except (AssertionError, NotImplementedError) as error:
            failed[name] = "".join(getattr(error, "__notes__", ()))
    return failed
